"""The formulas, against plain loops and against values that can be written down."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fused_support import HYPER

from motrix_core.config.schema import PPOCfg
from motrix_core.errors import ConfigError
from motrix_core.learn.algorithm import (
    GAUSSIAN_ENTROPY,
    MAX_LEARNING_RATE,
    MIN_LEARNING_RATE,
    MINI_BATCH_COLUMNS,
    PPOHyperparameters,
    checked_permutations,
    draw_permutations,
    gae,
    kl_adaptive,
    summary,
)

GAMMA, LAMBDA = 0.97, 0.9


def plain_gae(rewards, values, next_values, ended):
    """Equation 16 of Schulman et al., 2016, as the sum that it is, one environment at a time."""
    length, num_envs = rewards.shape
    rewards, values, next_values = (array.astype(np.float64) for array in (rewards, values, next_values))
    advantages = np.zeros((length, num_envs))
    for env in range(num_envs):
        for start in range(length):
            weight = 1.0
            for step in range(start, length):
                delta = rewards[step, env] + GAMMA * next_values[step, env] - values[step, env]
                advantages[start, env] += weight * delta
                weight *= GAMMA * LAMBDA
                if ended[step, env]:
                    break
    return advantages


def random_episodes(seed: int):
    rng = np.random.default_rng(seed)
    rewards, values, next_values = rng.normal(size=(3, 20, 7)).astype(np.float32)
    return rewards, values, next_values, rng.uniform(size=(20, 7)) < 0.2


def backend_gae(backend: str):
    steps = pytest.importorskip(f"motrix_core.learn.{backend}.fused_steps")
    if backend == "torch":
        import torch

        return lambda *arrays: steps.gae(*(torch.tensor(array) for array in arrays), GAMMA, LAMBDA).numpy()
    from motrix_core.learn.jax.fused import float64

    def compute(*arrays):
        with float64():
            return np.asarray(steps.gae(*arrays, GAMMA, LAMBDA))

    return compute


@pytest.mark.parametrize("seed", range(3))
def test_the_reference_is_the_sum_in_the_paper(seed):
    episodes = random_episodes(seed)
    np.testing.assert_allclose(gae(*episodes, GAMMA, LAMBDA), plain_gae(*episodes), rtol=1e-12, atol=1e-12)


def test_both_backends_compute_the_references_advantages(backend):
    episodes = random_episodes(5)
    np.testing.assert_allclose(backend_gae(backend)(*episodes), gae(*episodes, GAMMA, LAMBDA), rtol=0, atol=1e-6)


def test_no_advantage_passes_a_reset(backend):
    rewards, values, next_values, _ = random_episodes(6)
    ended = np.zeros(rewards.shape, bool)
    ended[9] = True
    before = backend_gae(backend)(rewards, values, next_values, ended)[:10]
    rewards[10:], values[10:], next_values[10:] = 1e6, -1e6, 1e6
    np.testing.assert_array_equal(backend_gae(backend)(rewards, values, next_values, ended)[:10], before)


def test_the_learning_rate_follows_the_kl_within_its_bounds():
    assert kl_adaptive(1e-3, 0.017, 0.008) == 1e-3 / 1.5
    assert kl_adaptive(1e-3, 0.0039, 0.008) == 1e-3 * 1.5
    assert kl_adaptive(1e-3, 0.008, 0.008) == 1e-3
    assert kl_adaptive(1.1e-6, 1.0, 0.008) == MIN_LEARNING_RATE
    assert kl_adaptive(9.9e-3, 0.0, 0.008) == MAX_LEARNING_RATE
    assert kl_adaptive(1e-3, 1.0, 0.0) == 1e-3


def test_permutations_are_one_per_epoch_and_come_from_the_generator_alone():
    first, again = (draw_permutations(np.random.Generator(np.random.Philox(1)), 3, 50) for _ in range(2))
    assert first.shape == (3, 50) and first.dtype == np.int32
    np.testing.assert_array_equal(np.sort(first, axis=1), np.tile(np.arange(50), (3, 1)))
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()


def test_no_permutation_is_the_order_of_storage():
    np.testing.assert_array_equal(checked_permutations(None, 2, 3), [[0, 1, 2], [0, 1, 2]])


@pytest.mark.parametrize("wrong", [np.zeros((2, 5), np.int32), np.zeros((3, 4), np.int32), np.zeros((2, 4))])
def test_permutations_of_another_shape_or_type_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\(2, 4\) int32"):
        checked_permutations(wrong, 2, 4)


def test_hyperparameters_are_the_configurations():
    ppo = PPOCfg(mini_batches=4, ratio_clip=0.3, lambda_param=0.9, time_limit_bootstrap=False)
    hyper = PPOHyperparameters.of(ppo)
    assert (hyper.mini_batches, hyper.ratio_clip, hyper.lambda_param) == (4, 0.3, 0.9)
    assert hyper.time_limit_bootstrap is False


def test_zero_switches_a_bound_off():
    hyper = replace(HYPER, value_clip=0.0, grad_norm_clip=0.0, kl_threshold=0.0)
    assert hyper.value_bound == hyper.norm_bound == hyper.kl_bound == math.inf
    assert replace(HYPER, clip_predicted_values=False).value_bound == math.inf


def test_mini_batches_that_do_not_divide_the_rollout_are_refused():
    assert replace(HYPER, mini_batches=4).mini_batch_size(120) == 30
    for mini_batches in (7, 120):
        with pytest.raises(ConfigError, match=f"ppo.mini_batches={mini_batches} must divide"):
            replace(HYPER, mini_batches=mini_batches).mini_batch_size(120)


def test_every_adjustment_that_is_not_possible_is_named():
    with pytest.raises(ConfigError) as caught:
        HYPER.adjusted(mini_batches=3, learning_rate=-1.0, ratio_clip=math.nan, entropy_loss_scale=0.0)
    assert [problem.field for problem in caught.value.problems] == ["mini_batches", "learning_rate", "ratio_clip"]


def test_metrics_leave_out_what_early_stopping_refused():
    rows = np.zeros((3, len(MINI_BATCH_COLUMNS)))
    rows[:, MINI_BATCH_COLUMNS.index("policy")] = [1, 100, 1000]
    rows[:, MINI_BATCH_COLUMNS.index("kl")] = [0.1, 0.3, 1000]
    rows[:, MINI_BATCH_COLUMNS.index("seen")] = [1, 1, 0]
    rows[:, MINI_BATCH_COLUMNS.index("stepped")] = [1, 0, 0]
    metrics = summary(rows, np.log([2.0, 4.0]), 0.5, 1e-3)
    assert (metrics.policy_loss, metrics.steps) == (1.0, 1)
    assert metrics.kl == pytest.approx(0.2)
    assert metrics.std == pytest.approx(3.0)
    assert metrics.entropy == pytest.approx(2 * GAUSSIAN_ENTROPY + math.log(8))


def test_without_a_single_step_losses_are_unknown_rather_than_zero():
    assert math.isnan(summary(np.zeros((2, len(MINI_BATCH_COLUMNS))), np.zeros(1), 0.0, 1e-3).policy_loss)
