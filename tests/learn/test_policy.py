"""The NumPy policy: what it computes, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fused_support import ACT_DIM, OBS_DIM, first_state, small_spec

from motrix_core.errors import CheckpointError
from motrix_core.learn.policy import NumpyPolicy, spec_of
from motrix_core.learn.spec import Arrays, ModelSpec

SEPARATE, SHARED = small_spec(False), small_spec(True)
ONE = ModelSpec(obs_dim=1, act_dim=1, policy_hidden=(1,), value_hidden=(1,), shared=False)


def agent_arrays(spec: ModelSpec) -> Arrays:
    return first_state(spec).arrays


def one_unit(mean: float, variance: float) -> Arrays:
    """action = 2 * elu(standardised observation) + 1."""
    arrays = agent_arrays(ONE)
    arrays["policy.layers.0.weight"][:], arrays["policy.layers.0.bias"][:] = 1, 0
    arrays["policy.mean.weight"][:], arrays["policy.mean.bias"][:] = 2, 1
    arrays["scaler.observation.mean"][:], arrays["scaler.observation.variance"][:] = mean, variance
    return arrays


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        (3.0, 1.0),  # the mean
        (5.0, 3.0),  # one standard deviation above
        (1.0, 2 * math.expm1(-1) + 1),  # one below: ELU's curve
        (1e30, 11.0),  # clipped at 5 standard deviations
        (-1e30, 2 * math.expm1(-5) + 1),
    ],
)
def test_it_standardises_clips_and_applies_elu(observation: float, action: float) -> None:
    policy = NumpyPolicy.from_arrays(one_unit(mean=3.0, variance=4.0))
    actions = policy.mean_actions(np.array([[observation]]))
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions, [[action]], rtol=1e-6)


def test_a_dimension_that_never_varied_gives_finite_actions() -> None:
    policy = NumpyPolicy.from_arrays(one_unit(mean=0.0, variance=0.0))
    np.testing.assert_allclose(policy.mean_actions(np.array([[0.0], [3e38]])), [[1.0], [11.0]], rtol=1e-6)


@pytest.mark.parametrize("spec", [SEPARATE, SHARED])
def test_sizes_are_read_from_the_arrays(spec: ModelSpec) -> None:
    assert spec_of(agent_arrays(spec)) == spec


@pytest.mark.parametrize("spec", [SEPARATE, SHARED])
def test_a_batch_is_computed_row_by_row(spec: ModelSpec) -> None:
    policy = NumpyPolicy.from_arrays(agent_arrays(spec))
    obs = np.linspace(-4, 4, 7 * OBS_DIM, dtype=np.float32).reshape(7, OBS_DIM)
    batch = policy.mean_actions(obs)
    assert batch.shape == (7, ACT_DIM)
    for row, actions in zip(obs, batch, strict=True):
        np.testing.assert_allclose(policy.mean_actions(row[None])[0], actions, rtol=1e-5, atol=1e-6)


def test_observations_of_another_size_are_refused() -> None:
    policy = NumpyPolicy.from_arrays(agent_arrays(SEPARATE))
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(N, 5\)"):
        policy.mean_actions(np.zeros((2, 4)))


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("policy.layers.0.weight", None, "policy.layers.0.weight"),
        ("policy.mean.bias", None, "policy.mean.bias"),
        ("policy.mean.weight", np.zeros((3, 9), np.float32), "takes 9 inputs"),
        ("policy.layers.1.bias", np.zeros(7, np.float32), "no layer"),
        ("policy.layers.1.weight", np.full((8, 16), np.nan, np.float32), "finite"),
        ("policy.layers.1.weight", np.zeros((8, 16), np.int64), "finite"),
        ("scaler.observation.mean", np.zeros(4), r"not \(5,\)"),
        ("scaler.observation.variance", np.full(5, -1.0), "negative"),
    ],
)
def test_arrays_that_make_no_policy_are_refused_by_name(name: str, array: np.ndarray | None, said: str) -> None:
    arrays = agent_arrays(SEPARATE)
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    with pytest.raises(CheckpointError, match=said):
        NumpyPolicy.from_arrays(arrays)
