"""Steps a cast, and keeps the score of its episodes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.blame import call_env
from motrix_core.play.cast import Cast

_REMEMBERED = 100
_CATCH_UP_S = 0.25


@dataclass
class Score:
    """What environment 0 is at, and how its finished episodes went.

    Attributes:
        steps: of the episode so far.
        total: its undiscounted return so far.
        terms: reward terms of the last step.
        actions: of the last step, (act_dim,).
        finished: returns of the last episodes that ended, in all environments, the newest last.
        episodes: how many episodes have ended in all environments.
    """

    steps: int = 0
    total: float = 0.0
    terms: dict[str, float] = field(default_factory=dict)
    actions: list[float] = field(default_factory=list)
    finished: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    episodes: int = 0


class Player:
    """Plays `cast` step by step.

    Attributes:
        score: see `Score`.
        totals, steps: return and length of every environment's episode so far, (num_envs,).
    """

    def __init__(self, cast: Cast) -> None:
        from motrix_core.learn.clock import PhaseClock
        from motrix_core.learn.stepping import Stepper

        self.cast = cast
        self._stepper = Stepper(cast.env, PhaseClock())
        self._obs, _ = self._stepper.reset()
        self.score = Score()
        self.totals = np.zeros(len(self._obs))
        self.steps = np.zeros(len(self._obs), np.int64)

    @property
    def num_envs(self) -> int:
        return len(self._obs)

    @property
    def step_s(self) -> float:
        """Seconds of the environment's own time that a step takes."""
        cfg = getattr(self.cast.env, "cfg", None)
        return float(getattr(cfg, "ctrl_dt", 0.02))

    def step(self) -> None:
        """One control step of every environment. Raises `EnvironmentFailed` and `NonFiniteEnv`."""
        actions = np.array(self.cast.act(self._obs), np.float32)
        first = [float(value) for value in actions[0]]
        transition = self._stepper.step(actions)
        self._obs = transition.obs
        self.totals += transition.reward
        self.steps += 1
        score = self.score
        score.total, score.steps, score.actions = float(self.totals[0]), int(self.steps[0]), first
        score.terms = _first_row(transition.info.get("Reward"))
        over = transition.terminated | transition.truncated
        score.finished.extend(self.totals[over].tolist())
        score.episodes += int(over.sum())
        self.totals[over] = 0.0
        self.steps[over] = 0

    def next_episode(self) -> None:
        """Begin new episodes in every environment; those that were going on do not count."""
        state = call_env(self.cast.env, "init_state", self.cast.env.init_state)
        self._obs = np.array(state.obs, np.float32)
        self.totals[:] = 0.0
        self.steps[:] = 0
        self.score.total, self.score.steps, self.score.terms = 0.0, 0, {}

    def captions(self) -> list[tuple[str, ...]]:
        """What stands above each environment's picture, its return and step, and what does where that is too long."""
        scores = zip(self.totals, self.steps, strict=True)
        return [
            (f"return {total:.4g} · step {step}", f"{total:.4g} · step {step}", f"{total:.4g} · {step}")
            for total, step in scores
        ]

    def close(self) -> None:
        self.cast.env.close()


def _first_row(terms: Any) -> dict[str, float]:
    if not isinstance(terms, dict):
        return {}
    arrays: dict[str, NDArray[Any]] = {str(name): np.asarray(values) for name, values in terms.items()}
    return {name: float(values.reshape(-1)[0]) for name, values in arrays.items() if values.size}


class Pace:
    """How many steps are due: the environment's own time against the clock's.

    Attributes:
        speed: seconds of the environment in a second.
        paused: whether nothing is due until `resume`.
    """

    SLOWEST, FASTEST = 1 / 16, 16.0

    def __init__(self, step_s: float, *, speed: float = 1.0) -> None:
        self.step_s, self.paused = step_s, False
        self.speed = min(max(speed, self.SLOWEST), self.FASTEST)
        self._owed_s = step_s
        self._last: float | None = None

    def due(self, now: float) -> int:
        """Steps to make at the time `now`, s. What was missed for long is not made up for."""
        elapsed = 0.0 if self._last is None else max(now - self._last, 0.0)
        self._last = now
        if self.paused:
            return 0
        self._owed_s += min(elapsed, _CATCH_UP_S) * self.speed
        steps = int(self._owed_s / self.step_s + 1e-9)
        self._owed_s -= steps * self.step_s
        return steps

    def toggle(self) -> None:
        self.paused = not self.paused

    def change_speed(self, factor: float) -> None:
        """Multiply the speed, within its bounds."""
        self.speed = min(max(self.speed * factor, self.SLOWEST), self.FASTEST)
