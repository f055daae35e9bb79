"""The few numbers of a run that the table shows, read from its events at the cost of the new bytes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError

if TYPE_CHECKING:
    from motrix_core.runs.cache import RunsCache
    from motrix_core.runs.layout import RunSummary
    from motrix_core.runs.reader import EventReader

RETURN, SPEED = "return/mean", "perf/env_steps_per_s"
_FORMAT = 1
_MOST_MEANS = 32
_FIELDS = 6


@dataclass(frozen=True)
class Digest:
    """`best` and `last` are mean episode returns of an update, `speed` the newest env steps per second.

    `returns` are means over equally many updates each, from the first update to the newest, at most 32.
    """

    env_steps: int = 0
    target: int | None = None
    best: float | None = None
    last: float | None = None
    speed: float | None = None
    returns: tuple[float, ...] = ()


@dataclass
class Trend:
    """Returns in bounded room: when there are too many means, each two become one and stand for twice the updates."""

    means: list[float] = field(default_factory=list)
    _per_mean: int = 1
    _sum: float = 0.0
    _count: int = 0

    def add(self, value: float) -> None:
        self._sum += value
        self._count += 1
        if self._count < self._per_mean:
            return
        self.means.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.means) == 2 * _MOST_MEANS:
            self.means = [(a + b) / 2 for a, b in zip(self.means[::2], self.means[1::2], strict=True)]
            self._per_mean *= 2

    def seen(self) -> tuple[float, ...]:
        """At most 32 means, the newest value among them."""
        means = [*self.means, self._sum / self._count] if self._count else self.means
        step = -(-len(means) // _MOST_MEANS)
        return tuple(
            sum(part) / len(part) for part in (means[at : at + step] for at in range(0, len(means), step or 1))
        )


class Digesting:
    """A digest that takes in events in the shape that EventReader gives."""

    def __init__(self) -> None:
        self._numbers = Digest()
        self._trend = Trend()

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        now = self._numbers
        env_steps, target, best, last, speed = now.env_steps, now.target, now.best, now.last, now.speed
        for event in events:
            data = event["data"]
            if event["type"] == "metrics":
                env_steps = event["env_steps"]
                speed = _finite(data.get(SPEED), speed)
                value = _finite(data.get(RETURN), None)
                if value is not None:
                    last = value
                    best = value if best is None or value > best else best
                    self._trend.add(value)
            elif event["type"] == "segment_started":
                wanted = data.get("max_env_steps")
                target = wanted if type(wanted) is int and wanted > 0 else target
        self._numbers = Digest(env_steps, target, best, last, speed)

    @property
    def digest(self) -> Digest:
        return replace(self._numbers, returns=self._trend.seen())


@dataclass
class _Reading:
    """`digesting` and `reader` are given up when a run that is over has been read."""

    digest: Digest
    reader: EventReader | None = None
    digesting: Digesting | None = None
    stamp: tuple[int, ...] | None = None
    restarts: int = 0


class Digests:
    """The digests of a whole runs folder. Use from one thread at a time.

    In a folder of a hundred runs or more, those of runs that are over are kept in its `.digests.json`.
    """

    def __init__(self, runs_dir: Path | None = None) -> None:
        self._readings: dict[Path, _Reading] = {}
        self._runs_dir = runs_dir
        self._cache: RunsCache | None = None
        self._kept: Mapping[str, list[Any]] = {}
        self._unkept = 0

    def refresh(self, summaries: Iterable[RunSummary], *, budget_s: float = 0.5) -> dict[Path, Digest]:
        """Folder → digest. Reads for about `budget_s` seconds; what is left comes with the next calls."""
        deadline = time.perf_counter() + budget_s
        known = {summary.run.path: summary for summary in summaries}
        self._recall()
        self._readings = {path: reading for path, reading in self._readings.items() if path in known}
        for path, summary in known.items():
            try:
                self._read(path, summary, deadline)
            except (OSError, MotrixError):
                # What cannot be read has no numbers; the table's status says that the run is damaged.
                self._readings.pop(path, None)
        self._keep(known)
        return {path: reading.digest for path, reading in self._readings.items()}

    def _read(self, path: Path, summary: RunSummary, deadline: float) -> None:
        from motrix_core.runs.cache import stamp_of

        stamp = stamp_of(summary.run.paths.events)
        if stamp is None:
            self._readings.pop(path, None)
            return
        reading = self._readings.get(path) or self._recalled(summary, stamp)
        if reading is not None and reading.stamp == stamp:
            self._readings[path] = reading
        elif time.perf_counter() < deadline:
            self._read_on(path, summary, stamp, deadline)

    def _read_on(self, path: Path, summary: RunSummary, stamp: tuple[int, ...], deadline: float) -> None:
        from motrix_core.runs.reader import FastEventReader

        reading = self._readings.get(path)
        if reading is None or reading.reader is None or reading.digesting is None:
            reading = self._readings[path] = _Reading(Digest())
            reading.reader, reading.digesting = FastEventReader(summary.run.paths.events), Digesting()
        reader = reading.reader
        assert reader is not None and reading.digesting is not None
        while True:
            events = reader.poll(budget_s=max(0.005, deadline - time.perf_counter()))
            if reader.restarts != reading.restarts:
                reading.digesting, reading.restarts = Digesting(), reader.restarts
            reading.digesting.add(events)
            if reader.at_end or time.perf_counter() > deadline:
                break
        reading.digest = reading.digesting.digest
        if reader.at_end:
            reading.stamp = stamp
            if summary.state is None or not summary.state.is_live:
                # A reader holds a chunk of its file; for a thousand finished runs that would be too much.
                reading.reader = reading.digesting = None
                self._unkept += 1

    # --- between starts ---

    def _recall(self) -> None:
        if self._cache is None and self._runs_dir is not None:
            from motrix_core.runs.cache import RunsCache

            self._cache = RunsCache(self._runs_dir, ".digests.json", _FORMAT)
            self._kept = self._cache.load()

    def _recalled(self, summary: RunSummary, stamp: tuple[int, ...]) -> _Reading | None:
        from motrix_core.runs.cache import key_of

        entry = self._kept.get(key_of(summary.run))
        if entry is None or len(entry) != _FIELDS + 1 or entry[0] != list(stamp):
            return None
        env_steps, target, best, last, speed, returns = entry[1:]
        if type(env_steps) is not int or not (target is None or type(target) is int) or not isinstance(returns, list):
            return None
        known = [*(number for number in (best, last, speed) if number is not None), *returns]
        if any(_finite(number, None) is None for number in known):
            return None
        return _Reading(Digest(env_steps, target, best, last, speed, tuple(returns)), stamp=stamp)

    def _keep(self, known: Mapping[Path, RunSummary]) -> None:
        from motrix_core.runs.cache import WORTHWHILE_RUNS, key_of

        if self._cache is None or not self._unkept or len(known) < WORTHWHILE_RUNS:
            return
        self._cache.save(
            {
                key_of(known[path].run): [list(reading.stamp), *_values(reading.digest)]
                for path, reading in self._readings.items()
                if reading.stamp is not None and reading.reader is None
            }
        )
        self._unkept = 0


def _values(digest: Digest) -> list[Any]:
    return [digest.env_steps, digest.target, digest.best, digest.last, digest.speed, list(digest.returns)]


def _finite(value: object, otherwise: float | None) -> float | None:
    if type(value) in (float, int) and math.isfinite(value):  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    return otherwise
