"""The fused PyTorch engine against skrl's own `PPO.update()`, from the same weights, rollout and mini-batch order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("skrl")

import fused_skrl
import torch
from fused_support import (
    HYPER,
    NUM_ENVS,
    STEPS,
    first_state,
    sampled_rollout,
    small_spec,
    worst_difference,
)

from motrix_core.learn.algorithm import PPOHyperparameters, draw_permutations
from motrix_core.learn.torch.fused import FusedPPO

TOLERANCE = 1e-5
CASES = {
    "as in a run": {},
    "without value clipping": {"clip_predicted_values": False},
    "with a tight value clip": {"value_clip": 0.02},
    "without entropy": {"entropy_loss_scale": 0.0},
    "with a high entropy bonus": {"entropy_loss_scale": 0.3},
    "without gradient clipping": {"grad_norm_clip": 0.0},
    "with tight gradient clipping": {"grad_norm_clip": 0.05},
    "with KL early stop": {"kl_threshold": 0.02},
    "with a constant learning rate": {"learning_rate_scheduler_kl_threshold": 0.0},
    "with scaled rewards": {"rewards_shaper_scale": 0.1},
    "in one mini-batch": {"mini_batches": 1},
    "in one epoch": {"learning_epochs": 1},
}


@pytest.fixture(autouse=True)
def one_thread():
    """skrl's tiny operations would wait for PyTorch's threads longer than they take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def permutations_for(hyper: PPOHyperparameters) -> np.ndarray:
    return draw_permutations(np.random.Generator(np.random.Philox(3)), hyper.learning_epochs, STEPS * NUM_ENVS)


def compare(
    hyper: PPOHyperparameters,
    shared: bool,
    threads: int = 1,
    ends: bool = True,
    n_actions: int | None = None,
    **record,
) -> FusedPPO:
    spec, order = small_spec(shared, n_actions), permutations_for(hyper)
    state = first_state(spec)
    engine = FusedPPO(spec, hyper, state, threads=threads)
    rollout = sampled_rollout(engine, ends=ends)
    agent = fused_skrl.make_agent(spec, hyper, state, STEPS, NUM_ENVS)
    fused_skrl.record(agent, rollout, **record)
    fused_skrl.update(agent, order)
    engine.metrics = engine.update(rollout, order)
    expected, got = fused_skrl.state_of(agent, spec), engine.state()
    assert worst_difference(got, expected, spec)[0] <= TOLERANCE
    assert worst_difference(expected, state, spec)[0] > 1e-3, "the update must have changed the weights"
    assert int(got.arrays["adam.step"]) == int(expected.arrays["adam.step"])
    assert got.learning_rate == pytest.approx(expected.learning_rate, rel=1e-12)
    for name in ("observation", "value"):
        for part in ("mean", "variance", "count"):
            key = f"scaler.{name}.{part}"
            np.testing.assert_allclose(got.arrays[key], expected.arrays[key], rtol=1e-5, atol=1e-6)
    engine.close()
    return engine


@pytest.mark.parametrize("shared", [True, False], ids=["shared trunk", "separate networks"])
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_one_update_gives_skrls_parameters(changes, shared):
    compare(replace(HYPER, **changes), shared)


@pytest.mark.parametrize("n_actions", [2, 5])
@pytest.mark.parametrize("shared", [True, False], ids=["shared trunk", "separate networks"])
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_one_update_of_a_categorical_policy_gives_skrls_parameters(changes, shared, n_actions):
    compare(replace(HYPER, **changes), shared, n_actions=n_actions)


@pytest.mark.parametrize("shared", [True, False], ids=["shared trunk", "separate networks"])
def test_without_bootstrap_a_time_limit_is_what_skrl_calls_termination(shared):
    compare(replace(HYPER, time_limit_bootstrap=False), shared, time_limit_terminates=True)


def test_without_bootstrap_and_without_time_limits_nothing_differs_from_skrl():
    compare(replace(HYPER, time_limit_bootstrap=False), True, ends=False)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_what_an_update_means(threads):
    compare(HYPER, True, threads=threads)


def test_threads_share_the_work_of_a_categorical_policy():
    compare(HYPER, False, threads=3, n_actions=3)


def test_early_stop_did_stop_in_the_case_above():
    hyper = replace(HYPER, kl_threshold=0.02)
    engine = compare(hyper, True)
    assert 0 < engine.metrics.steps < hyper.learning_epochs * hyper.mini_batches
