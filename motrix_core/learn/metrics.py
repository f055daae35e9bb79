"""What happened in the environments since the last update, from NumPy accumulators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from motrix_core.learn.spec import Arrays
from motrix_core.learn.stepping import Transition

Metrics = dict[str, float | None]


def finite_or_none(value: float | None) -> float | None:
    """`value` as JSON can carry it: NaN and infinities become None, which readers show as a gap."""
    return float(value) if value is not None and np.isfinite(value) else None


class Spread:
    """Mean, minimum and maximum of a quantity over environments and steps.

    Adding a step costs three passes over (num_envs,); the reductions are left to the end of the update.
    """

    def __init__(self) -> None:
        self._count = 0
        self._sum = self._low = self._high = np.empty(0, np.float32)

    def add(self, values: np.ndarray) -> None:
        """Count one step's values, shape (num_envs,)."""
        if self._count == 0:
            self._sum, self._low, self._high = (np.array(values, np.float32) for _ in range(3))
        else:
            np.add(self._sum, values, out=self._sum)
            np.minimum(self._low, values, out=self._low)
            np.maximum(self._high, values, out=self._high)
        self._count += 1

    def take(self, name: str) -> Metrics:
        """`<name>/{mean,min,max}` since the last call; all None if nothing was added."""
        if self._count == 0:
            return {f"{name}/mean": None, f"{name}/min": None, f"{name}/max": None}
        mean = float(self._sum.mean(dtype=np.float64)) / self._count
        self._count = 0
        return {
            f"{name}/mean": finite_or_none(mean),
            f"{name}/min": finite_or_none(self._low.min()),
            f"{name}/max": finite_or_none(self._high.max()),
        }


class EpisodeStatistics:
    """Returns and lengths of episodes; reward terms and metrics of steps.

    Returns are sums of unscaled rewards. A term or metric that the environment stops reporting stays, as None.
    """

    def __init__(self, num_envs: int) -> None:
        self._returns = np.zeros(num_envs, np.float64)
        self._lengths = np.zeros(num_envs, np.int64)
        self._ended_returns: list[np.ndarray] = []
        self._ended_lengths: list[np.ndarray] = []
        self._reward = Spread()
        self._spreads: dict[str, Spread] = {}

    def add(self, transition: Transition) -> None:
        """Count one batched step."""
        # Rewards beyond all bounds show as gaps here, and the guard stops what they do to learning.
        with np.errstate(over="ignore"):
            self._add(transition)

    def _add(self, transition: Transition) -> None:
        self._returns += transition.reward
        self._lengths += 1
        self._reward.add(transition.reward)
        ended = np.flatnonzero(transition.terminated | transition.truncated)
        if ended.size:
            self._ended_returns.append(self._returns[ended])
            self._ended_lengths.append(self._lengths[ended])
            self._returns[ended] = 0.0
            self._lengths[ended] = 0
        self._add_all("reward", transition.info.get("Reward"))
        self._add_all("metric", transition.info.get("metrics"))

    def _add_all(self, prefix: str, values: Mapping[str, Any] | None) -> None:
        for name, array in (values or {}).items():
            spread = self._spreads.get(f"{prefix}/{name}")
            if spread is None:
                spread = self._spreads[f"{prefix}/{name}"] = Spread()
            spread.add(np.asarray(array).reshape(-1))

    def take(self) -> tuple[Metrics, Metrics]:
        """The metrics since the last call, and the step reward's spread (for TensorBoard only)."""
        metrics: Metrics = {
            **_ended("return", self._ended_returns),
            **_ended("episode_length", self._ended_lengths),
            "episodes": sum(map(len, self._ended_lengths)),
        }
        for name, spread in self._spreads.items():
            metrics.update(spread.take(name))
        self._ended_returns.clear()
        self._ended_lengths.clear()
        return metrics, self._reward.take("step_reward")

    def get_state(self) -> Arrays:
        """The unfinished episodes' returns and lengths, each (num_envs,)."""
        return {"return": self._returns.copy(), "length": self._lengths.copy()}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue unfinished episodes."""
        self._returns[:] = state["return"]
        self._lengths[:] = state["length"]


def _ended(name: str, parts: list[np.ndarray]) -> Metrics:
    if not parts:
        return {f"{name}/mean": None, f"{name}/min": None, f"{name}/max": None}
    values = np.concatenate(parts)
    return {
        f"{name}/mean": finite_or_none(values.mean()),
        f"{name}/min": finite_or_none(values.min()),
        f"{name}/max": finite_or_none(values.max()),
    }
