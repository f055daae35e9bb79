"""Environments whose action is one of a number of choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.random_state import make_generator
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed

SPEC = EnvSpec(
    name="chooser",
    title="Chooser",
    description="Shows what was chosen.",
    obs_dim=1,
    act_dim=1,
    act_low=0.0,
    act_high=2.0,
    sims=(),
    episode_s=5.0,
    ctrl_dt_s=1.0,
    sim_dt_s=1.0,
    success="",
    success_return=None,
    entry="",
    n_actions=3,
)


class Chooser(NpEnv):
    """obs: the last choice."""

    def __init__(self) -> None:
        super().__init__(SPEC, num_envs=3, rng=make_generator(0))
        self.choice = np.zeros((3, 1), np.float32)

    def apply_action(self, actions: FloatArray) -> None:
        self.choice = actions.copy()

    def physics_step(self) -> None:
        pass

    def update_state(self) -> Outcome:
        return Outcome(self.choice.copy(), self.choice[:, 0].copy(), np.zeros(3, np.bool_))

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        self.choice[rows] = 0
        return self.choice[rows]

    def get_task_state(self) -> dict[str, NDArray]:
        return {"choice": self.choice.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        self.choice[:] = state["choice"]


def test_the_action_space_is_gymnasiums_discrete() -> None:
    space = Chooser().action_space
    assert type(space).__name__ == "Discrete"
    assert (space.n, space.start) == (3, 0)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64])
def test_choices_of_any_number_type_reach_the_task_as_whole_float32(dtype: type) -> None:
    env = Chooser()
    env.init_state()
    env.step(np.array([[2], [0], [1]], dtype))
    assert env.choice.dtype == np.float32
    np.testing.assert_array_equal(env.choice, [[2], [0], [1]])


@pytest.mark.parametrize("wrong", [3, -1, 0.5, np.nan, np.inf, 2**53 + 1])
def test_a_choice_that_does_not_exist_is_refused_and_not_clipped(wrong: float) -> None:
    env = Chooser()
    env.init_state()
    with pytest.raises(EnvironmentFailed, match=r"chooser was given the action .* in environment 1.* 0 to 2"):
        env.step(np.array([[1], [wrong], [0]]))


def test_choices_of_the_wrong_shape_are_refused() -> None:
    env = Chooser()
    env.init_state()
    with pytest.raises(EnvironmentFailed, match=r"shape \(3,\), but takes \(3, 1\)"):
        env.step(np.zeros(3, np.int64))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_actions": 1, "act_high": 0.0}, "needs at least 2"),
        ({"act_dim": 3}, "act_dim=3"),
        ({"act_low": -1.0}, r"bounds \[-1, 2\]"),
        ({"act_high": 3.0}, r"bounds \[0, 3\]"),
    ],
)
def test_a_spec_whose_sizes_contradict_its_choices_is_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(EnvironmentFailed, match=message):
        replace(SPEC, **changes)
