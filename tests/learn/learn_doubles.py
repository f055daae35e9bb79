"""Environments that do as they are told, and what a run has said."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from gymnasium.spaces import Box

from motrix_core.envs.base import NpEnvState
from motrix_core.runs.layout import Run


class NpEnv:
    """Named as `motrix_core.envs.base.NpEnv` is, and no relation of it: what another project's base class is like."""


class Chain(NpEnv):
    """Rewards of 1; an episode is truncated after `length` steps. The observation is the step within the episode.

    Without `final_obs` it is like an environment that was written before there was one.
    """

    def __init__(self, num_envs: int = 4, length: int = 4, *, final_obs: bool = True) -> None:
        self.num_envs, self.length, self._tells = num_envs, length, final_obs
        self.observation_space = Box(-np.inf, np.inf, (1,), np.float32)
        self.action_space = Box(-1.0, 1.0, (1,), np.float32)
        self.closed = False

    def init_state(self) -> NpEnvState:
        # Environments begin at different steps, so that some end while others go on.
        self._steps = np.arange(self.num_envs) % self.length
        self._obs = self._steps[:, None].astype(np.float32)
        return NpEnvState(self._obs, *self._nothing(), {})

    def _nothing(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        never = np.zeros(self.num_envs, bool)
        return np.zeros(self.num_envs, np.float32), never, never.copy()

    def step(self, actions: np.ndarray) -> NpEnvState:
        actions *= 0.0  # An environment may do what it likes with the actions.
        self._steps += 1
        truncated = self._steps >= self.length
        final = self._steps[:, None].astype(np.float32)
        self._steps[truncated] = 0
        # The same buffer at every step: whoever keeps an observation has to copy it.
        self._obs[:] = self._steps[:, None]
        info: dict[str, Any] = {"final_obs": final} if self._tells else {}
        reward, terminated, _ = self._nothing()
        return NpEnvState(self._obs, reward + 1.0, terminated, truncated, info)

    def close(self) -> None:
        self.closed = True


class Breaking(Chain):
    """Raises in its third step."""

    calls = 0

    def step(self, actions: np.ndarray) -> NpEnvState:
        self.calls += 1
        if self.calls == 3:
            raise ZeroDivisionError("the wheel came off")
        return super().step(actions)


def events_of(run: Run, type: str | None = None) -> list[dict[str, Any]]:
    """The run's events so far, of one type or of all."""
    lines = run.paths.events.read_text().splitlines()
    events = [json.loads(line) for line in lines if line]
    return [event for event in events if type is None or event["type"] == type]
