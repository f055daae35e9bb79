"""The life cycle of `NpEnv`, on a task that is simple enough to know every number of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.random_state import make_generator
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed

SPEC = EnvSpec(
    name="counter",
    title="Counter",
    description="Counts up by the action.",
    obs_dim=2,
    act_dim=1,
    act_low=-1.0,
    act_high=1.0,
    sims=(),
    episode_s=5.0,
    ctrl_dt_s=1.0,
    sim_dt_s=1.0,
    success="",
    success_return=None,
    entry="",
)
# Where an episode begins; far from anywhere that counting can lead to.
START = -1000.0


class Counter(NpEnv):
    """obs: the count and a random number of the episode. Ends at 3, breaks (NaN) at -3."""

    def __init__(self, num_envs: int = 3, seed: int = 0, episode_s: float | None = None) -> None:
        super().__init__(SPEC, num_envs=num_envs, rng=make_generator(seed), episode_s=episode_s)
        self.count = np.zeros(num_envs)
        self.label = np.zeros(num_envs)
        self.received: list[FloatArray] = []

    def apply_action(self, actions: FloatArray) -> None:
        self.received.append(actions.copy())

    def physics_step(self) -> None:
        self.count += self.received[-1][:, 0]

    def update_state(self) -> Outcome:
        moved = (self.count - START).astype(np.float32)
        reward = np.where(moved <= -3, np.nan, moved).astype(np.float32)
        return Outcome(self._obs(slice(None)), reward, moved >= 3, {"moved": reward.copy()}, {"count": moved})

    def _obs(self, rows: NDArray[np.intp] | slice) -> FloatArray:
        return np.stack([self.count[rows], self.label[rows]], axis=1).astype(np.float32)

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        self.count[rows] = START
        self.label[rows] = self.rng.uniform(size=len(rows))
        return self._obs(rows)

    def get_task_state(self) -> dict[str, NDArray]:
        return {"count": self.count.copy(), "label": self.label.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        self.count[:] = state["count"]
        self.label[:] = state["label"]


def actions(*values: float) -> FloatArray:
    return np.array(values, np.float32)[:, None]


def test_final_obs_is_the_state_that_the_episode_ended_in_and_obs_the_next_one() -> None:
    env = Counter()
    first = env.init_state().obs.copy()
    for _ in range(2):
        env.step(actions(1, 0, -1))
    state = env.step(actions(1, 0, 0))
    np.testing.assert_array_equal(state.terminated, [True, False, False])
    np.testing.assert_array_equal(state.info["final_obs"][0], [np.float32(START + 3), first[0, 1]])
    assert state.obs[0, 0] == START
    assert state.obs[0, 1] != first[0, 1]
    np.testing.assert_array_equal(state.obs[1:], state.info["final_obs"][1:])
    assert state.reward[0] == 3.0, "the reward is that of the step that ended the episode"


def test_an_episode_is_truncated_after_its_limit_and_not_a_step_earlier() -> None:
    env = Counter()
    env.init_state()
    for expected in range(1, 5):
        state = env.step(actions(0, 0, 0))
        assert not state.done.any()
        np.testing.assert_array_equal(state.info["steps"], [expected] * 3)
    state = env.step(actions(0, 0, 0))
    assert state.truncated.all()
    assert not state.terminated.any()
    np.testing.assert_array_equal(state.info["steps"], [0, 0, 0])


def test_ending_at_the_very_limit_counts_as_terminated_only() -> None:
    env = Counter(episode_s=3.0)
    env.init_state()
    for _ in range(3):
        state = env.step(actions(1, 0, 0))
    np.testing.assert_array_equal(state.terminated, [True, False, False])
    np.testing.assert_array_equal(state.truncated, [False, True, True])


def test_what_a_step_returned_is_not_changed_by_the_next_one() -> None:
    env = Counter()
    env.init_state()
    state = env.step(actions(1, 0, 0))
    kept = state.obs.copy(), state.info["steps"].copy(), state.info["Reward"]["moved"].copy()
    env.step(actions(1, 1, 1))
    np.testing.assert_array_equal(state.obs, kept[0])
    np.testing.assert_array_equal(state.info["steps"], kept[1])
    np.testing.assert_array_equal(state.info["Reward"]["moved"], kept[2])


def test_actions_are_clipped_to_the_bounds_and_the_callers_array_is_left_alone() -> None:
    env = Counter()
    env.init_state()
    given = actions(5, -5, 0.5)
    env.step(given)
    np.testing.assert_array_equal(env.received[-1], actions(1, -1, 0.5))
    np.testing.assert_array_equal(given, actions(5, -5, 0.5))


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((3, 2)), np.zeros((2, 1))])
def test_actions_of_another_shape_are_refused(wrong: np.ndarray) -> None:
    env = Counter()
    env.init_state()
    with pytest.raises(EnvironmentFailed, match=r"counter was given actions of shape .* takes \(3, 1\)"):
        env.step(wrong)


def test_an_environment_whose_physics_breaks_is_terminated_and_counted() -> None:
    env = Counter()
    env.init_state()
    for _ in range(2):
        healthy = env.step(actions(-1, 0, 0))
    state = env.step(actions(-1, 0, 0))
    np.testing.assert_array_equal(state.terminated, [True, False, False])
    np.testing.assert_array_equal(state.info["metrics"]["nonfinite"], [1, 0, 0])
    np.testing.assert_array_equal(state.info["final_obs"][0], healthy.obs[0])
    assert state.reward[0] == 0.0
    assert state.info["Reward"]["moved"][0] == 0.0
    assert env.nonfinite_count == 1
    assert env.step(actions(0, 0, 0)).info["metrics"]["nonfinite"].sum() == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_action_that_is_not_a_number_ends_that_environment_only(value: float) -> None:
    env = Counter()
    env.init_state()
    state = env.step(actions(0.5, value, 0.5))
    if np.isnan(value):
        np.testing.assert_array_equal(state.terminated, [False, True, False])
        assert env.nonfinite_count == 1
    else:
        assert not state.terminated.any(), "an infinite action is clipped to the bound"
    assert np.isfinite(env.received[-1]).all()


def test_stepping_before_the_first_episode_says_what_to_call() -> None:
    with pytest.raises(EnvironmentFailed, match=r"init_state\(\)"):
        Counter().step(actions(0, 0, 0))


def test_a_generator_that_cannot_be_saved_is_refused() -> None:
    with pytest.raises(TypeError, match="Philox, not PCG64"):
        NpEnv.__init__(Counter(), SPEC, num_envs=1, rng=np.random.default_rng(0))


def test_saving_and_restoring_continues_the_very_same_episodes() -> None:
    env, restored = Counter(seed=1), Counter(seed=2)
    env.init_state()
    env.step(actions(1, 0, -1))
    arrays = env.get_state()
    assert all(isinstance(value, np.ndarray) for value in arrays.values())
    state = restored.set_state(arrays)
    np.testing.assert_array_equal(state.obs, env.state.obs)
    for _ in range(12):
        expected, got = env.step(actions(1, 0, -1)), restored.step(actions(1, 0, -1))
        np.testing.assert_array_equal(got.obs, expected.obs)
        np.testing.assert_array_equal(got.truncated, expected.truncated)
        np.testing.assert_array_equal(got.info["steps"], expected.info["steps"])
    assert restored.nonfinite_count == env.nonfinite_count > 0


@pytest.mark.parametrize("missing", ["obs", "steps", "rng.counter"])
def test_a_state_with_something_missing_is_refused(missing: str) -> None:
    env = Counter()
    env.init_state()
    arrays = env.get_state()
    del arrays[missing]
    with pytest.raises(EnvironmentFailed, match=missing.removeprefix("rng.")):
        Counter().set_state(arrays)


def test_a_state_of_another_batch_size_is_refused() -> None:
    env = Counter(num_envs=4)
    env.init_state()
    with pytest.raises(EnvironmentFailed, match="num_envs"):
        Counter(num_envs=3).set_state(env.get_state())


def test_the_time_of_a_step_is_split_into_physics_and_task() -> None:
    env = Counter()
    env.init_state()
    assert env.timing.physics_s == env.timing.step_s == 0.0
    env.step(actions(0, 0, 0))
    assert 0.0 < env.timing.physics_s < env.timing.step_s
    assert env.timing.task_s == env.timing.step_s - env.timing.physics_s
