"""`NpEnv`: a batch of environments in NumPy, reset automatically, exactly resumable.

The life cycle is MotrixLab's: `init_state` once, then `step`, which calls the task's hooks `apply_action`,
`physics_step`, `update_state` and, for the environments that just ended, `reset`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.options import number_problems
from motrix_core.envs.outcome import (
    BoolArray,
    FloatArray,
    Outcome,
    check_first_obs,
    check_outcome,
    check_task_state,
)
from motrix_core.envs.random_state import get_generator_state, require_philox, set_generator_state
from motrix_core.envs.sketch import Sketch
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed, MissingExtra, Problem

if TYPE_CHECKING:
    import gymnasium

__all__ = ["BoolArray", "EnvCfg", "FloatArray", "NpEnv", "NpEnvState", "Outcome", "StepTiming"]

_SHOWN = 4


@dataclass
class NpEnvState:
    """What a step gives. Every array is made for this step, so the caller may keep it.

    `obs` (num_envs, obs_dim) float32, `reward` (num_envs,) float32, `terminated` and `truncated` (num_envs,) bool.

    `info["Reward"]` and `info["metrics"]` map a name to (num_envs,) float32. `info["steps"]` (num_envs,) int32 counts
    the steps of the episode that `obs` belongs to, so it is 0 right after a reset. `info["final_obs"]` has the shape of
    `obs`: where `terminated | truncated` it is the observation that the episode ended in, while `obs` is already the
    next episode's first; other rows mean nothing.
    """

    obs: FloatArray
    reward: FloatArray
    terminated: BoolArray
    truncated: BoolArray
    info: dict[str, Any]

    @property
    def done(self) -> BoolArray:
        return self.terminated | self.truncated


@dataclass
class StepTiming:
    """Cumulative wall time. `task_s` is what a step takes apart from physics."""

    physics_s: float = 0.0
    step_s: float = 0.0

    @property
    def task_s(self) -> float:
        return self.step_s - self.physics_s


@dataclass(frozen=True)
class EnvCfg:
    """The times of an environment in seconds, under MotrixLab's names."""

    sim_dt: float
    ctrl_dt: float
    max_episode_seconds: float

    @property
    def sim_substeps(self) -> int:
        return round(self.ctrl_dt / self.sim_dt)

    @property
    def max_episode_steps(self) -> int:
        return max(1, round(self.max_episode_seconds / self.ctrl_dt))


class NpEnv(ABC):
    """`num_envs` environments that step together.

    A task implements `apply_action`, `physics_step`, `update_state`, `reset`, `get_task_state` and `set_task_state`.
    It draws every random number from `self.rng`. An environment whose physics is no longer finite, or that was given
    an action that is not finite, is terminated with reward 0 and the last finite observation as `final_obs`;
    `info["metrics"]["nonfinite"]` is 1 for it, and `nonfinite_count` adds them up.

    Attributes:
        saves_state: False where `get_state` has nothing to give, so that a resumed run begins new episodes.
        clips_actions: False where actions outside of the bounds reach the task as they are.
        nonfinite_in: what was not finite when something last was not, in words; "" if nothing ever was.
    """

    saves_state: ClassVar[bool] = True
    clips_actions: ClassVar[bool] = True

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str = "none",
        episode_s: float | None = None,
    ) -> None:
        require_philox(rng)
        self.spec = spec
        self.num_envs = num_envs
        self.rng = rng
        self.sim = sim
        self.cfg = EnvCfg(spec.sim_dt_s, spec.ctrl_dt_s, spec.episode_s if episode_s is None else episode_s)
        self.timing = StepTiming()
        self.nonfinite_count = 0
        self.nonfinite_in = ""
        self._steps = np.zeros(num_envs, np.int32)
        self._state: NpEnvState | None = None

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with the values of `options`, arguments of this class by name. Nothing is made to find out.

        A task with options of its own adds what is wrong with them, each as the setting `env.NAME`. Raises
        `MissingExtra` for a value that needs a package which is not installed.
        """
        rule = f"must be a number of seconds, at least one control step of {spec.ctrl_dt_s:g}"
        given = {} if options.get("episode_s") is None else options
        return number_problems(given, "episode_s", rule, lower=spec.ctrl_dt_s, example=spec.episode_s)

    @abstractmethod
    def apply_action(self, actions: FloatArray) -> None:
        """Take the actions, (num_envs, act_dim) float32, clipped to the bounds and finite.

        Discrete ones are (num_envs, 1) float32, the whole numbers 0 to n_actions - 1.
        """

    @abstractmethod
    def physics_step(self) -> None:
        """Advance the physics by one control step. Only this counts as physics time."""

    @abstractmethod
    def update_state(self) -> Outcome:
        """Observe and score the state that the physics is in."""

    @abstractmethod
    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        """Begin new episodes in the environments `rows`; returns their observations, (len(rows), obs_dim)."""

    def randomise(self, rows: NDArray[np.intp]) -> None:  # noqa: B027 - most tasks vary nothing but the state
        """Draw what shall differ between environments besides their state, before `reset(rows)` begins new episodes.

        Draw from `self.rng`, and keep in the task's state what it draws. On a simulator, `self.physics.varied` takes
        friction, masses and stiffness for each world, and keeps them itself.
        """

    @abstractmethod
    def get_task_state(self) -> dict[str, NDArray]:
        """Copies of everything beyond step counters and generator that decides how the task continues."""

    @abstractmethod
    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        """Continue from `get_task_state`."""

    def _begin(self, rows: NDArray[np.intp]) -> FloatArray:
        self.randomise(rows)
        obs = self.reset(rows)
        check_first_obs(obs, self.spec, len(rows), self.reset)
        return obs

    def init_state(self) -> NpEnvState:
        """Begin a new episode in every environment."""
        obs = self._begin(np.arange(self.num_envs))
        self._steps[:] = 0
        zeros = np.zeros(self.num_envs, np.float32)
        never = np.zeros(self.num_envs, np.bool_)
        info = {"Reward": {}, "metrics": {}, "steps": self._steps.copy(), "final_obs": obs}
        self._state = NpEnvState(obs, zeros, never, never.copy(), info)
        return self._state

    def step(self, actions: FloatArray) -> NpEnvState:
        """One control step of every environment; those that end are reset at once.

        `actions` is (num_envs, act_dim) and is clipped to the bounds; discrete ones, of any number type, are whole
        numbers from 0 to n_actions - 1. Raises `EnvironmentFailed` for another shape, or a choice that does not exist.
        """
        started = time.perf_counter()
        previous = self.state
        acted, invalid = self._checked(actions)
        self.apply_action(acted)
        before_physics = time.perf_counter()
        self.physics_step()
        self.timing.physics_s += time.perf_counter() - before_physics
        # What overflows or is undefined is looked for below, so NumPy need not warn of it too.
        with np.errstate(invalid="ignore", over="ignore"):
            outcome = self.update_state()
        check_outcome(outcome, self.spec, self.num_envs, self.update_state)
        self._mark_nonfinite(outcome, invalid, previous.obs)
        self._state = self._finish(outcome)
        self.timing.step_s += time.perf_counter() - started
        return self._state

    @property
    def state(self) -> NpEnvState:
        """The result of the last step. Raises `EnvironmentFailed` before `init_state`."""
        if self._state is None:
            raise EnvironmentFailed(f"{self.spec.name} has no state yet", mend="call init_state() before step()")
        return self._state

    def _checked(self, actions: FloatArray) -> tuple[FloatArray, BoolArray | None]:
        expected = (self.num_envs, self.spec.act_dim)
        if np.shape(actions) != expected:
            raise EnvironmentFailed(
                f"{self.spec.name} was given actions of shape {np.shape(actions)}, but takes {expected}"
            )
        if self.spec.n_actions is not None:
            return _chosen(actions, self.spec), None
        clipped = np.array(actions, np.float32)
        if self.clips_actions:
            np.clip(clipped, self.spec.act_low, self.spec.act_high, out=clipped)
        if _all_finite(clipped):
            return clipped, None
        invalid: BoolArray = np.any(~np.isfinite(clipped), axis=1)
        clipped[invalid] = 0.0
        return clipped, invalid

    def _mark_nonfinite(self, outcome: Outcome, invalid: BoolArray | None, last_obs: FloatArray) -> None:
        healthy = _all_finite(outcome.obs) and _all_finite(outcome.reward)
        if healthy and invalid is None:
            outcome.metrics["nonfinite"] = np.zeros(self.num_envs, np.float32)
            return
        broken = ~np.isfinite(outcome.obs).all(axis=1) | ~np.isfinite(outcome.reward)
        if invalid is not None:
            broken |= invalid
        outcome.metrics["nonfinite"] = broken.astype(np.float32)
        self.nonfinite_count += int(broken.sum())
        self.nonfinite_in = "actions" if invalid is not None else _named_nonfinite(outcome)
        outcome.terminated[broken] = True
        outcome.reward[broken] = 0.0
        outcome.obs[broken] = last_obs[broken]
        for values in (*outcome.reward_terms.values(), *outcome.metrics.values()):
            values[~np.isfinite(values)] = 0.0

    def _finish(self, outcome: Outcome) -> NpEnvState:
        self._steps += 1
        over = self._steps >= self.cfg.max_episode_steps if outcome.truncated is None else outcome.truncated
        truncated = over & ~outcome.terminated
        obs = final_obs = outcome.obs
        rows = np.flatnonzero(outcome.terminated | truncated)
        if rows.size:
            obs = final_obs.copy()
            obs[rows] = self._begin(rows)
            self._steps[rows] = 0
        info = {
            "Reward": outcome.reward_terms,
            "metrics": outcome.metrics,
            "steps": self._steps.copy(),
            "final_obs": final_obs,
        }
        return NpEnvState(obs, outcome.reward, outcome.terminated, truncated, info)

    def forget(self) -> None:  # noqa: B027 - without a simulator there is nothing besides the state
        """Drop what decides how the environment continues but is no part of `get_state`.

        A training does so after every rollout, so that its numbers do not depend on when it is saved and resumed.
        """

    def get_state(self) -> dict[str, NDArray]:
        """Everything that `set_state` needs to continue bit for bit, as a flat name → array dictionary.

        The environment itself continues from the same point: it forgets what else its simulator remembers (`forget`).
        """
        state = self.state
        arrays = {"obs": state.obs.copy(), "steps": self._steps.copy()}
        arrays["nonfinite_count"] = np.array([self.nonfinite_count], np.int64)
        arrays.update({f"rng.{name}": value for name, value in get_generator_state(self.rng).items()})
        task = self.get_task_state()
        check_task_state(task, self.spec, self.get_task_state)
        arrays.update({f"task.{name}": value for name, value in task.items()})
        return arrays

    def set_state(self, arrays: Mapping[str, NDArray]) -> NpEnvState:
        """Continue from `get_state`, of an environment with the same spec, simulator and num_envs.

        The state returned has the saved `obs`; reward and the rest are zero, as after `init_state`. Raises
        `EnvironmentFailed` if an array is missing or of another shape.
        """
        expected = {
            "obs": (self.num_envs, self.spec.obs_dim),
            "steps": (self.num_envs,),
            "nonfinite_count": (1,),
        }
        for name, shape in expected.items():
            if name not in arrays or arrays[name].shape != shape:
                found = arrays[name].shape if name in arrays else "nothing"
                raise EnvironmentFailed(
                    f"the saved state of {self.spec.name} has {found} as {name!r}, but {shape} is needed",
                    mend="restore it into the environment and num_envs that it was saved from",
                )
        set_generator_state(self.rng, _under("rng.", arrays))
        self.set_task_state(_under("task.", arrays))
        self._steps[:] = arrays["steps"]
        self.nonfinite_count = int(arrays["nonfinite_count"][0])
        obs = np.array(arrays["obs"], np.float32)
        zeros = np.zeros(self.num_envs, np.float32)
        never = np.zeros(self.num_envs, np.bool_)
        info = {"Reward": {}, "metrics": {}, "steps": self._steps.copy(), "final_obs": obs}
        self._state = NpEnvState(obs, zeros, never, never.copy(), info)
        return self._state

    @property
    def written_as(self) -> type:
        """The class that somebody wrote, to name where an error has no line: of an adapter, what it adapts."""
        return type(self)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """An unbounded box of (obs_dim,) float32. Raises `MissingExtra` without gymnasium."""
        return _box(-np.inf, np.inf, self.spec.obs_dim)

    @property
    def action_space(self) -> gymnasium.spaces.Box | gymnasium.spaces.Discrete:
        """The box of (act_dim,) float32 that actions are clipped to, or `Discrete(n_actions)`.

        Raises `MissingExtra` without gymnasium.
        """
        if self.spec.n_actions is not None:
            return _discrete(self.spec.n_actions)
        return _box(self.spec.act_low, self.spec.act_high, self.spec.act_dim)

    def sketch(self, rows: Sequence[int]) -> Sketch | None:
        """What the environments `rows` look like now, for drawing; None, as here, for those that a simulator shows."""
        return None

    def close(self) -> None:  # noqa: B027 - most tasks that need no simulator have nothing to close
        """Free what the environment holds. It cannot be used afterwards."""


def _all_finite(values: FloatArray) -> bool:
    """False if a value is not finite, or so large that the sum is not; much faster than looking at each one."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(values.sum()))


def _chosen(actions: NDArray, spec: EnvSpec) -> FloatArray:
    given = np.asarray(actions)
    chosen = np.asarray(given, np.float32)
    # Compared as they were given: a number too large for float32 must not become one that exists. NaN equals nothing.
    exists = (given >= spec.act_low) & (given <= spec.act_high) & (given == np.round(chosen))
    if not exists.all():
        wrong = np.argmin(exists)
        raise EnvironmentFailed(
            f"{spec.name} was given the action {given.flat[wrong]} in environment {wrong}, but has the actions "
            f"0 to {spec.act_high:g}"
        )
    return chosen


def _under(prefix: str, arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    return {name[len(prefix) :]: value for name, value in arrays.items() if name.startswith(prefix)}


def _box(low: float, high: float, size: int) -> gymnasium.spaces.Box:
    try:
        from gymnasium.spaces import Box
    except ModuleNotFoundError as error:
        raise MissingExtra("gymnasium", "gym") from error
    return Box(low, high, (size,), np.float32)


def _discrete(choices: int) -> gymnasium.spaces.Discrete:
    try:
        from gymnasium.spaces import Discrete
    except ModuleNotFoundError as error:
        raise MissingExtra("gymnasium", "gym") from error
    return Discrete(choices)


def _named_nonfinite(outcome: Outcome) -> str:
    """What of `outcome` is not finite, from which the rest may have come: observations, or else terms of the reward."""
    columns = np.flatnonzero(~np.isfinite(outcome.obs).all(axis=0))
    if len(columns):
        shown = ", ".join(str(column) for column in columns[:_SHOWN])
        return (
            f"obs[:, {shown}]" if len(columns) <= _SHOWN else f"{len(columns)} of {outcome.obs.shape[1]} observations"
        )
    terms = [name for name, values in outcome.reward_terms.items() if not _all_finite(values)]
    return f"reward term {', '.join(terms[:_SHOWN])}" if terms else "reward"
