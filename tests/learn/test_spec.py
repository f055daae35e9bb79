"""Neutral names, first values, portable state."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from motrix_core.config.schema import PPOCfg
from motrix_core.errors import CheckpointError, EnvironmentFailed, UsageError
from motrix_core.learn.spec import AgentState, ModelSpec, init_parameters, model_spec, required_shapes
from motrix_core.learn.world import World, current_world

SEPARATE = ModelSpec(obs_dim=3, act_dim=2, policy_hidden=(5, 4), value_hidden=(6,), shared=False)
SHARED = ModelSpec(obs_dim=3, act_dim=2, policy_hidden=(5, 4), value_hidden=(5, 4), shared=True)


def test_separate_networks_have_the_documented_names() -> None:
    assert SEPARATE.shapes() == {
        "policy.layers.0.weight": (5, 3),
        "policy.layers.0.bias": (5,),
        "policy.layers.1.weight": (4, 5),
        "policy.layers.1.bias": (4,),
        "policy.mean.weight": (2, 4),
        "policy.mean.bias": (2,),
        "policy.log_std": (2,),
        "value.layers.0.weight": (6, 3),
        "value.layers.0.bias": (6,),
        "value.out.weight": (1, 6),
        "value.out.bias": (1,),
    }


def test_a_shared_trunk_replaces_the_layers_of_both() -> None:
    names = list(SHARED.shapes())
    assert names[:2] == ["trunk.layers.0.weight", "trunk.layers.0.bias"]
    assert not any(name.startswith(("policy.layers", "value.layers")) for name in names)
    assert names[-2:] == ["value.out.weight", "value.out.bias"]


def test_first_values_depend_on_the_seed_alone() -> None:
    first, again, other = (init_parameters(SEPARATE, np.random.Generator(np.random.Philox(s))) for s in (1, 1, 2))
    for name, shape in SEPARATE.shapes().items():
        assert first[name].shape == shape and first[name].dtype == np.float32
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["policy.mean.weight"], other["policy.mean.weight"])


def test_first_weights_are_bounded_by_the_fan_in_and_noise_starts_at_one() -> None:
    values = init_parameters(SEPARATE, np.random.Generator(np.random.Philox(3)))
    assert np.abs(values["policy.layers.1.weight"]).max() <= 1 / np.sqrt(5)
    assert np.abs(values["policy.layers.1.bias"]).max() <= 1 / np.sqrt(5)
    assert np.abs(values["policy.layers.1.weight"]).max() > 0.5 / np.sqrt(5)
    assert not values["policy.log_std"].any()


def test_the_sizes_come_from_spaces_and_configuration() -> None:
    ppo = PPOCfg(policy_hidden_layer_sizes=(5, 4), value_hidden_layer_sizes=(6,), share_policy_value_features=False)
    assert model_spec(ppo, Box(-1, 1, (3,)), Box(-1, 1, (2,))) == SEPARATE


@pytest.mark.parametrize("space", [MultiDiscrete([3, 2]), Box(-1, 1, (2, 2)), Box(-1, 1, (0,))])
def test_other_spaces_are_refused_by_name(space: object) -> None:
    with pytest.raises(EnvironmentFailed, match=r"action space .* is not a one-dimensional Box"):
        model_spec(PPOCfg(), Box(-1, 1, (3,)), space)


def test_a_state_for_other_sizes_is_refused_with_what_differs() -> None:
    arrays = {name: np.zeros(shape) for name, shape in required_shapes(SEPARATE).items()}
    AgentState(arrays, 1e-3).check(SEPARATE)
    arrays["policy.mean.bias"] = np.zeros(7)
    del arrays["adam.step"]
    with pytest.raises(CheckpointError, match=r"policy.mean.bias is \(7,\), not \(2,\); adam.step is missing"):
        AgentState(arrays, 1e-3).check(SEPARATE)


def test_rank_and_world_size_come_from_each_backends_variables() -> None:
    environ = {"RANK": "1", "WORLD_SIZE": "2"}
    assert current_world("torch", environ) == World(1, 2)
    assert current_world("jax", environ) == World(0, 1)
    assert not current_world("torch", environ).writes


@pytest.mark.parametrize("environ", [{"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "x"}, {"WORLD_SIZE": "0"}])
def test_an_impossible_rank_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        current_world("torch", environ)


def test_ranks_explore_differently_and_seeds_stay_in_32_bits() -> None:
    assert World(0, 2).seed(7) == 7
    assert World(1, 2).seed(2**32 - 1) == 0


def test_choices_have_logits_and_no_deviation() -> None:
    spec = ModelSpec(obs_dim=3, act_dim=1, policy_hidden=(5,), value_hidden=(5,), shared=True, n_actions=4)
    assert spec.shapes() == {
        "trunk.layers.0.weight": (5, 3),
        "trunk.layers.0.bias": (5,),
        "policy.logits.weight": (4, 5),
        "policy.logits.bias": (4,),
        "value.out.weight": (1, 5),
        "value.out.bias": (1,),
    }
    assert (spec.discrete, spec.policy_outputs, spec.policy_head) == (True, 4, "policy.logits")


def test_a_discrete_space_says_how_many_choices_there_are() -> None:
    spec = model_spec(PPOCfg(), Box(-1, 1, (2,)), Discrete(3))
    assert (spec.act_dim, spec.n_actions) == (1, 3)


@pytest.mark.parametrize("space", [Discrete(1), Discrete(3, start=1)])
def test_choices_that_cannot_be_learned_or_counted_are_refused(space: object) -> None:
    with pytest.raises(EnvironmentFailed, match=r"action space Discrete.* begin at 0"):
        model_spec(PPOCfg(), Box(-1, 1, (2,)), space)


def test_discrete_observations_are_refused() -> None:
    with pytest.raises(EnvironmentFailed, match=r"observation space Discrete\(3\) is not a one-dimensional Box"):
        model_spec(PPOCfg(), Discrete(3), Discrete(3))
