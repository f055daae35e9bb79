"""What a rollout keeps, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from motrix_core.learn.rollout import Rollout


def record(rollout: Rollout, number: float, *, truncated=(), terminated=(), final_obs: bool = True) -> None:
    envs = np.arange(rollout.num_envs)
    column = np.full(rollout.num_envs, number, np.float32)
    rollout.record(
        np.full((rollout.num_envs, 2), number, np.float32),
        column[:, None],
        column,
        column,
        np.isin(envs, terminated),
        np.isin(envs, truncated),
        np.stack([envs, column], 1) if final_obs else None,
    )


def test_steps_are_copied_in_order():
    rollout = Rollout(2, 3, 2, 1)
    obs, reward, never = np.ones((3, 2), np.float32), np.ones(3, np.float32), np.zeros(3, bool)
    rollout.record(obs, reward[:, None], reward, reward, never, never)
    obs[:], reward[:] = 7, 7
    rollout.record(obs, reward[:, None], reward, reward, never, never)
    batch = rollout.finish(obs)
    assert batch.samples == 6
    np.testing.assert_array_equal(batch.rewards, [[1, 1, 1], [7, 7, 7]])
    np.testing.assert_array_equal(batch.obs[:, 0, 0], [1, 7])


def test_only_truncated_episodes_leave_their_last_observation():
    rollout = Rollout(2, 4, 2, 1)
    record(rollout, 10, truncated=[1, 3], terminated=[0])
    record(rollout, 11, truncated=[2])
    batch = rollout.finish(np.zeros((4, 2)))
    np.testing.assert_array_equal(batch.final_index, [1, 3, 6])
    np.testing.assert_array_equal(batch.final_obs, [[1, 10], [3, 10], [2, 11]])


def test_an_episode_that_ends_both_ways_terminated():
    rollout = Rollout(1, 2, 2, 1)
    record(rollout, 0, truncated=[0, 1], terminated=[1])
    batch = rollout.finish(np.zeros((2, 2)))
    np.testing.assert_array_equal(batch.truncated, [[True, False]])
    np.testing.assert_array_equal(batch.final_index, [0])


def test_a_new_rollout_starts_without_the_old_ones_ends():
    rollout = Rollout(1, 2, 2, 1)
    record(rollout, 0, truncated=[0, 1])
    rollout.finish(np.zeros((2, 2)))
    record(rollout, 1, final_obs=False)
    assert len(rollout.finish(np.zeros((2, 2))).final_index) == 0


def test_every_step_of_every_environment_may_be_truncated():
    rollout = Rollout(3, 2, 2, 1)
    for step in range(3):
        record(rollout, step, truncated=[0, 1])
    np.testing.assert_array_equal(rollout.finish(np.zeros((2, 2))).final_index, np.arange(6))


def test_truncation_without_a_last_observation_is_refused():
    with pytest.raises(ValueError, match="1 episodes were truncated but final_obs is None"):
        record(Rollout(1, 2, 2, 1), 0, truncated=[1], final_obs=False)


def test_a_rollout_is_finished_when_it_is_full_and_only_then():
    rollout = Rollout(2, 1, 2, 1)
    record(rollout, 0)
    with pytest.raises(RuntimeError, match="holds 1 of its 2 steps"):
        rollout.finish(np.zeros((1, 2)))
    record(rollout, 1)
    with pytest.raises(RuntimeError, match="already holds its 2 steps"):
        record(rollout, 2)
