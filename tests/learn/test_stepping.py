"""The NumPy side of environment wrappers."""

from __future__ import annotations

import numpy as np
import pytest
from learn_doubles import Breaking, Chain

from motrix_core.envs.registry import make
from motrix_core.errors import EnvironmentFailed
from motrix_core.learn.clock import PhaseClock
from motrix_core.learn.stepping import Stepper


def zeros(env: Chain) -> np.ndarray:
    return np.zeros((env.num_envs, 1), np.float32)


def started(env: Chain) -> Stepper:
    stepper = Stepper(env, PhaseClock())
    stepper.reset()
    return stepper


def test_the_final_observation_replaces_only_the_rows_that_were_truncated() -> None:
    env = Chain(num_envs=4, length=4)
    transition = started(env).step(zeros(env))
    assert transition.truncated.tolist() == [False, False, False, True]
    assert transition.obs[:, 0].tolist() == [1, 2, 3, 0]
    assert transition.final_obs is not None
    assert transition.final_obs[:, 0].tolist() == [1, 2, 3, 4]
    assert not transition.guessed


def test_a_transition_does_not_change_when_the_environment_reuses_its_arrays() -> None:
    env = Chain()
    stepper = started(env)
    first = stepper.step(zeros(env))
    kept = first.obs.copy()
    stepper.step(zeros(env))
    np.testing.assert_array_equal(first.obs, kept)


def test_without_final_obs_the_observation_before_the_end_stands_in_and_says_so() -> None:
    env = Chain(final_obs=False)
    stepper = started(env)
    transition = stepper.step(zeros(env))
    assert transition.final_obs is not None
    assert transition.final_obs[3, 0] == 3.0
    assert transition.guessed


def test_an_episode_that_fails_at_its_time_limit_has_failed() -> None:
    class Both(Chain):
        def step(self, actions: np.ndarray):
            state = super().step(actions)
            state.terminated[:] = state.truncated[:] = True
            return state

    env = Both()
    transition = started(env).step(zeros(env))
    assert transition.terminated.all() and not transition.truncated.any()
    assert transition.final_obs is None


def test_only_the_first_reset_begins_episodes() -> None:
    env = Chain()
    stepper = started(env)
    transition = stepper.step(zeros(env))
    obs, _ = stepper.reset()
    np.testing.assert_array_equal(obs, transition.obs)


def test_a_restored_environment_goes_on_from_where_it_was() -> None:
    env = make("pendulum", num_envs=3, seed=1)
    env.init_state()
    saved = env.step(np.ones((3, 1), np.float32)).obs
    arrays = env.get_state()
    other = make("pendulum", num_envs=3, seed=2)
    other.set_state(arrays)
    obs, _ = Stepper(other, PhaseClock()).reset()
    np.testing.assert_array_equal(obs, saved)


def test_an_exception_in_the_environment_is_told_with_its_name_and_step() -> None:
    env = Breaking()
    stepper = started(env)
    stepper.step(zeros(env))
    stepper.step(zeros(env))
    with pytest.raises(EnvironmentFailed, match=r"Breaking failed in step at batched step 3: .*py, line \d+: ZeroDiv"):
        stepper.step(zeros(env))


@pytest.mark.parametrize("what", ["obs", "reward"])
def test_a_number_that_is_not_finite_is_told_with_its_environment(what: str) -> None:
    class Diverging(Chain):
        def step(self, actions: np.ndarray):
            state = super().step(actions)
            getattr(state, what)[2] = np.nan
            return state

    env = Diverging()
    with pytest.raises(EnvironmentFailed, match="of nan in environment 2 at batched step 1"):
        started(env).step(zeros(env))


def test_huge_finite_numbers_are_not_mistaken_for_infinity() -> None:
    class Huge(Chain):
        def step(self, actions: np.ndarray):
            state = super().step(actions)
            state.obs[:] = np.finfo(np.float32).max
            return state

    env = Huge()
    assert np.isfinite(started(env).step(zeros(env)).obs).all()


def test_observations_of_another_shape_are_refused() -> None:
    class Wide(Chain):
        def step(self, actions: np.ndarray):
            state = super().step(actions)
            state.obs = np.zeros((self.num_envs, 2), np.float32)
            return state

    env = Wide()
    with pytest.raises(EnvironmentFailed, match=r"shape \(4, 2\), its observation space says \(4, 1\)"):
        started(env).step(zeros(env))


def test_physics_and_task_time_add_up_to_the_time_of_the_steps() -> None:
    env = make("pendulum", num_envs=4, seed=0)
    clock = PhaseClock()
    stepper = Stepper(env, clock)
    stepper.reset()
    for _ in range(3):
        stepper.step(np.zeros((4, 1), np.float32))
    seconds = clock.take()
    assert seconds["physics"] == pytest.approx(env.timing.physics_s)
    assert seconds["task"] > 0.0
    assert clock.take() == dict.fromkeys(seconds, 0.0)
