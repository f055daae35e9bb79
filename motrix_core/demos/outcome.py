"""What came of a training: when its threshold was reached, and what it cost."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from motrix_core.demos.plan import Demo
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import EventReader
from motrix_core.runs.series import RunSeries
from motrix_core.runs.text import plain

HEAD = (
    "task",
    "backend",
    "simulator",
    "seed",
    "threshold",
    "return at the end",
    "env steps to threshold",
    "seconds to threshold",
    "env steps",
    "env-steps/s (median)",
    "ended",
)
NOT_REACHED = "not reached"
STOPPED = "stopped"
LEARNED = "learned"
"""The status of a run that was stopped because it had reached its threshold, where that was all that was asked."""


@dataclass(frozen=True)
class Result:
    """One row of the table. Seconds are those that trainers ran, imports and compilation included.

    `last_return` is the mean over the last finished episodes, as many as there are environments; None before the first
    ended. `solved_at` and `solved_s` are env steps and seconds to the first update by which that mean was at least
    `threshold`. `status` is the run's or `LEARNED`, `cause` why it ended where it did not finish; `ended_at` is the
    Unix time of its last event, `run` its folder.
    """

    env: str
    backend: str
    sim: str
    seed: int
    budget: str
    threshold: float | None
    last_return: float | None
    solved_at: int | None
    solved_s: float | None
    env_steps: int
    env_steps_per_s: float | None
    status: str
    cause: str | None
    ended_at: float
    run: str

    @property
    def is_reached(self) -> bool:
        return self.solved_at is not None

    @property
    def is_whole(self) -> bool:
        """Whether it was trained as long as was asked for."""
        return self.status in ("finished", LEARNED)

    def row(self) -> list[str]:
        """The cells under `HEAD`."""
        missing = "–" if self.threshold is None else NOT_REACHED
        return [
            f"`{self.env}`",
            self.backend,
            "–" if self.sim == "none" else self.sim,
            str(self.seed),
            "–" if self.threshold is None else f"{self.threshold:g}",
            "no episode ended" if self.last_return is None else f"{self.last_return:.1f}",
            missing if self.solved_at is None else f"{self.solved_at:,}",
            "–" if self.solved_s is None else f"{self.solved_s:.0f}",
            f"{self.env_steps:,}",
            "–" if self.env_steps_per_s is None else f"{self.env_steps_per_s:,.0f}",
            # A cell ends at a bar; the whole cause is in to_json and in the run's folder.
            self.status if self.cause is None else plain(f"{self.status}: {self.cause}", limit=80).replace("|", "/"),
        ]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Learned(NamedTuple):
    """`last_return`, `solved_at` and `solved_s` as `Result` has them."""

    last_return: float | None = None
    solved_at: int | None = None
    solved_s: float | None = None


class Learning:
    """The mean return of the last finished episodes, `episodes` of them or a few more, update by update.

    As many are wanted as there are environments: those that never fail end their episodes in step, and between those
    moments only failures end, which would be a biased sample.
    """

    def __init__(self, episodes: int) -> None:
        self.mean: float | None = None
        self._episodes = episodes
        self._recent: deque[tuple[float, float]] = deque()
        self._count = 0.0

    def add(self, mean: float | None, episodes: float | None) -> None:
        """An update in which `episodes` ended, with returns of `mean` on average."""
        if mean is None or not math.isfinite(mean) or episodes is None or not episodes > 0:
            return
        self._recent.append((mean, episodes))
        self._count += episodes
        while self._count - self._recent[0][1] >= self._episodes:
            self._count -= self._recent.popleft()[1]
        self.mean = sum(value * count for value, count in self._recent) / self._count

    def reaches(self, threshold: float | None) -> bool:
        """Whether enough episodes have ended, and were good enough."""
        if self.mean is None or threshold is None:
            return False
        return self._count >= self._episodes and self.mean >= threshold


def learned(series: RunSeries, threshold: float | None, episodes: int) -> Learned:
    """How `Learning` went over all updates of `series`."""
    steps, means = series.xy("return/mean")
    seconds, _ = series.xy("return/mean", "time")
    counts = dict(zip(*series.xy("episodes"), strict=True))
    learning = Learning(episodes)
    solved_at = solved_s = None
    for step, second, mean in zip(steps, seconds, means, strict=True):
        learning.add(float(mean), float(counts.get(step, 0.0)))
        if solved_at is None and learning.reaches(threshold):
            solved_at, solved_s = int(step), float(second)
    return Learned(learning.mean, solved_at, solved_s)


def result_of(demo: Demo, run: Run) -> Result:
    """What the events of `run` say by now. Raises RunsFolderError if its state cannot be read."""
    state = run.state()
    reader, series = EventReader(run.paths.events), RunSeries()
    while not reader.at_end:
        series.extend(reader.poll())
    return _result(demo, series, state.shown_status, state.cause, str(run.path))


def _result(demo: Demo, series: RunSeries, status: str, cause: str | None, run: str) -> Result:
    config = demo.config
    so_far = learned(series, demo.threshold, config.ppo.num_envs)
    if demo.until_learned and status == STOPPED and so_far.solved_at is not None:
        status = LEARNED
    speeds = series.xy("perf/env_steps_per_s")[1]
    speeds = speeds[np.isfinite(speeds)]
    return Result(
        env=config.env,
        backend=config.backend,
        sim=config.sim,
        seed=demo.seed,
        budget=demo.budget,
        threshold=demo.threshold,
        **so_far._asdict(),
        env_steps=series.env_steps,
        env_steps_per_s=float(np.median(speeds)) if len(speeds) else None,
        status=status,
        cause=cause,
        ended_at=series.last_time,
        run=run,
    )
