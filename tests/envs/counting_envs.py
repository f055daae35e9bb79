"""Environments for Gymnasium's registry whose observations tell the episode and the step that they belong to."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

LENGTH = 3
"""Steps after which an episode ends by itself."""


class Counting(gymnasium.Env):
    """obs: number of the episode, steps in it."""

    def __init__(self, observation_space: spaces.Space | None = None, action_space: spaces.Space | None = None) -> None:
        self.observation_space = observation_space or spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = action_space or spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.episode, self.steps = -1, 0
        self.taken: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.episode, self.steps = self.episode + 1, 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.taken.append(action)
        self.steps += 1
        return self._observe(), 1.0, self.steps >= LENGTH, False, {"reward_count": 0.5, "label": "x"}

    def _observe(self) -> Any:
        if isinstance(self.observation_space, spaces.Box) and self.observation_space.shape == (2,):
            return np.array([self.episode, self.steps], np.float32)
        return self.observation_space.sample()


class CountingBatch(VectorEnv):
    """`Counting`, vectorised by itself, in one of the autoreset modes. Environment i ends i steps later."""

    def __init__(
        self, num_envs: int, mode: AutoresetMode | None, tells: bool = True, max_episode_steps: int = 0
    ) -> None:
        self.num_envs, self.mode, self.tells = num_envs, mode, tells
        self.metadata = {} if mode is None else {"autoreset_mode": mode}
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.single_action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.obs = np.zeros((num_envs, 2), np.float32)
        self.done = np.zeros(num_envs, np.bool_)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        self.obs[:] = 0.0
        return self.obs.copy(), {}

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        late = self.done if self.mode is AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, np.bool_)
        self.obs[~late, 1] += 1
        self._begin(late)
        self.done = (self.obs[:, 1] >= LENGTH + np.arange(self.num_envs)) & ~late
        info: dict[str, Any] = {}
        if self.mode is AutoresetMode.SAME_STEP and self.done.any():
            if self.tells:
                final = np.full(self.num_envs, None, object)
                for row in np.flatnonzero(self.done):
                    final[row] = self.obs[row].copy()
                info = {"final_obs": final, "_final_obs": self.done.copy()}
            self._begin(self.done)
        reward = np.where(late, 0.0, 1.0)
        return self.obs.copy(), reward, self.done.copy(), np.zeros(self.num_envs, np.bool_), info

    def _begin(self, rows: np.ndarray) -> None:
        self.obs[rows, 0] += 1
        self.obs[rows, 1] = 0


class Dying(Counting):
    """Ends the process that it is in."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        os._exit(7)


class Leaving(Counting):
    """Ends the process that it is in as if all were well."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        sys.exit()


class Stuck(Counting):
    """Never returns from a step."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        threading.Event().wait()
        return super().step(action)


class Refused(Exception):
    """Can be pickled, but not be made again from what that gives."""

    def __init__(self, part: str, force_n: int) -> None:
        super().__init__(f"{part} refuses {force_n} N")


class Refusing(Counting):
    """Raises in a step."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        raise Refused("%s leg" % "left", 9)  # noqa: UP031  what is formatted anew with such a line in it breaks


class Shy(Counting):
    """Cannot be made in a worker process."""

    def __init__(self, dies: bool = False) -> None:
        super().__init__()
        if multiprocessing.parent_process() is not None:
            if dies:
                os._exit(9)
            raise OSError("the display is taken")


gymnasium.register("Counting-v0", "counting_envs:Counting")
gymnasium.register("Dying-v0", "counting_envs:Dying")
gymnasium.register("Leaving-v0", "counting_envs:Leaving")
gymnasium.register("Refusing-v0", "counting_envs:Refusing")
gymnasium.register("Shy-v0", "counting_envs:Shy")
gymnasium.register("Stuck-v0", "counting_envs:Stuck")
