"""The NumPy side of an environment wrapper, the same for both backends.

It recognises environments, steps them, tells physics time from task time, and knows which observation each episode
ended in: auto-reset replaces the observation of an environment that just ended, but the value function must see the
state that the episode ended in (Pardo et al., 2018, arXiv:1712.00378).
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from motrix_core.envs.blame import call_env, name_of
from motrix_core.errors import EnvironmentFailed, NonFiniteEnv
from motrix_core.learn.clock import PhaseClock

BASE_CLASS = "NpEnv"
NONFINITE_MEND = "look for a division by zero or a diverged simulation in the environment"


@dataclass(frozen=True)
class Transition:
    """What one batched step led to. The arrays are copies: an environment may reuse its own.

    obs: (num_envs, obs_dim) float32, after auto-reset, so what the next action is for.
    reward: (num_envs,) float32.
    terminated, truncated: (num_envs,) bool; never both, and termination wins: a failure at the time limit is one.
    final_obs: (num_envs, obs_dim) float32, or None where no episode was truncated. `obs`, with the rows of
        truncated episodes replaced by the observation that the episode ended in.
    guessed: whether those rows are a guess, because the environment does not report `info["final_obs"]`: the
        observation one step before the end. The one after auto-reset would belong to another episode.
    info: the environment's own.
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_obs: np.ndarray | None
    guessed: bool
    info: dict[str, Any]


def check_np_env(env: object) -> None:
    """Raise ValueError unless a class named `NpEnv` is anywhere in the MRO of `env`'s class.

    By name, so that environments that were written against another `NpEnv` are recognised too.
    """
    if any(base.__name__ == BASE_CLASS for base in type(env).__mro__):
        return
    kind = type(env)
    raise ValueError(
        f"Unsupported environment type: {kind.__module__}.{kind.__qualname__}; derive it from "
        f"motrix_core.envs.base.{BASE_CLASS}, or from any class of that name with init_state() and step(actions)"
    )


def saves_state(env: Any) -> bool:
    """Whether checkpoints hold the state of `env`, so that a resumed run goes on within its episodes."""
    return hasattr(env, "get_state") and hasattr(env, "set_state") and getattr(env, "saves_state", True)


class Stepper:
    """Steps an `NpEnv` and times it.

    Attributes:
        transition: the last step's, or None before the first.
    """

    def __init__(self, env: Any, clock: PhaseClock) -> None:
        check_np_env(env)
        self.env = env
        self.transition: Transition | None = None
        self._clock = clock
        self._obs: np.ndarray | None = None
        self._obs_shape = call_env(env, "saying its size", lambda: (int(env.num_envs), *env.observation_space.shape))
        self._steps = 0

    def reset(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Start every environment, the first time; afterwards tell where they are, since they reset themselves."""
        if self._obs is None:
            state = self._current_state() or call_env(self.env, "init_state", self.env.init_state)
            self._obs = self._observations(state)
            return self._obs, dict(state.info)
        return self._obs, {}

    def _current_state(self) -> Any | None:
        try:
            return getattr(self.env, "state", None)
        except EnvironmentFailed:
            # What NpEnv.state says before init_state; after set_state it is where a resumed run goes on.
            return None

    def step(self, actions: np.ndarray) -> Transition:
        """Step every environment. `actions`: (num_envs, act_dim) float32, writable, not kept.

        Raises:
            EnvironmentFailed: the environment raised, or an observation or reward has the wrong shape.
            NonFiniteEnv: an observation or reward is not finite.
        """
        self._steps += 1
        timing = getattr(self.env, "timing", None)
        physics = timing.physics_s if timing is not None else 0.0
        started = perf_counter()
        state = call_env(self.env, f"step at batched step {self._steps}", self.env.step, actions)
        elapsed = perf_counter() - started
        physics = timing.physics_s - physics if timing is not None else 0.0
        self._clock.add("physics", physics)
        self._clock.add("task", max(elapsed - physics, 0.0))
        self.transition = self._transition(state)
        return self.transition

    def _transition(self, state: Any) -> Transition:
        obs = self._observations(state)
        reward = np.array(state.reward, np.float32).reshape(-1)
        if reward.shape[0] != obs.shape[0]:
            raise EnvironmentFailed(
                f"{name_of(self.env)} gave {reward.shape[0]} rewards for {obs.shape[0]} environments"
            )
        self._check_finite("reward", reward)
        terminated = np.array(state.terminated, bool).reshape(-1)
        truncated = np.array(state.truncated, bool).reshape(-1) & ~terminated
        final_obs = None
        if truncated.any():
            final_obs = self._final_obs(obs, truncated, state.info.get("final_obs", self._obs))
        self._obs = obs
        guessed = final_obs is not None and "final_obs" not in state.info
        return Transition(obs, reward, terminated, truncated, final_obs, guessed, state.info)

    def _final_obs(self, obs: np.ndarray, truncated: np.ndarray, final: np.ndarray) -> np.ndarray:
        merged = np.where(truncated[:, None], np.asarray(final, np.float32), obs)
        self._check_finite("final observation", merged)
        return merged

    def _observations(self, state: Any) -> np.ndarray:
        obs = np.array(state.obs, np.float32)
        if obs.shape != self._obs_shape:
            raise EnvironmentFailed(
                f"{name_of(self.env)} gave observations of shape {obs.shape}, "
                f"its observation space says {self._obs_shape}"
            )
        self._check_finite("observation", obs)
        return obs

    def _check_finite(self, what: str, array: np.ndarray) -> None:
        # The sum is several times cheaper than testing every element, and not finite if any element is not.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(array.sum()):
                return
        wrong = np.argwhere(~np.isfinite(array))
        if len(wrong):
            row, value = wrong[0][0], array[tuple(wrong[0])]
            article = "an" if what[0] in "aeiou" else "a"
            raise NonFiniteEnv(
                f"{name_of(self.env)} gave {article} {what} of {value} in environment {row} "
                f"at batched step {self._steps}",
                mend=NONFINITE_MEND,
            )
