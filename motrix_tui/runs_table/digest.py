"""The few numbers of a run that the table shows, read from its events at the cost of the new bytes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary
    from motrix_core.runs.reader import EventReader

RETURN, SPEED = "return/mean", "perf/env_steps_per_s"


@dataclass(frozen=True)
class Digest:
    """`best` and `last` are mean episode returns of an update, `speed` the newest env steps per second."""

    env_steps: int = 0
    target: int | None = None
    best: float | None = None
    last: float | None = None
    speed: float | None = None

    def after(self, events: Iterable[Mapping[str, Any]]) -> Digest:
        """This digest with `events`, in the shape that EventReader gives, taken in."""
        env_steps, target, best, last, speed = self.env_steps, self.target, self.best, self.last, self.speed
        for event in events:
            data = event["data"]
            if event["type"] == "metrics":
                env_steps = event["env_steps"]
                speed = _finite(data.get(SPEED), speed)
                last = _finite(data.get(RETURN), last)
                best = last if best is None or (last is not None and last > best) else best
            elif event["type"] == "segment_started":
                wanted = data.get("max_env_steps")
                target = wanted if type(wanted) is int and wanted > 0 else target
        return Digest(env_steps, target, best, last, speed)


@dataclass
class _Reading:
    digest: Digest
    reader: EventReader | None
    stamp: tuple[int, int] | None = None
    restarts: int = 0


class Digests:
    """The digests of a whole runs folder. Use from one thread at a time."""

    def __init__(self) -> None:
        self._readings: dict[Path, _Reading] = {}

    def refresh(self, summaries: Iterable[RunSummary], *, budget_s: float = 0.5) -> dict[Path, Digest]:
        """Folder → digest. Reads for about `budget_s` seconds; what is left comes with the next calls."""
        deadline = time.perf_counter() + budget_s
        known = {summary.run.path: summary for summary in summaries}
        self._readings = {path: reading for path, reading in self._readings.items() if path in known}
        for path, summary in known.items():
            if time.perf_counter() > deadline:
                break
            try:
                self._read(path, summary, deadline)
            except (OSError, MotrixError):
                # What cannot be read has no numbers; the table's status says that the run is damaged.
                self._readings.pop(path, None)
        return {path: reading.digest for path, reading in self._readings.items()}

    def _read(self, path: Path, summary: RunSummary, deadline: float) -> None:
        from motrix_core.runs.reader import EventReader

        status = summary.run.paths.events.stat()
        stamp = (status.st_size, status.st_mtime_ns)
        reading = self._readings.get(path)
        if reading is not None and reading.stamp == stamp:
            return
        if reading is None or reading.reader is None:
            reading = self._readings[path] = _Reading(Digest(), EventReader(summary.run.paths.events))
        reader = reading.reader
        assert reader is not None
        while True:
            events = reader.poll(budget_s=max(0.005, deadline - time.perf_counter()))
            if reader.restarts != reading.restarts:
                reading.digest, reading.restarts = Digest(), reader.restarts
            reading.digest = reading.digest.after(events)
            if reader.at_end or time.perf_counter() > deadline:
                break
        if reader.at_end:
            reading.stamp = stamp
            if summary.state is None or not summary.state.is_live:
                # A reader holds a chunk of its file; for a thousand finished runs that would be too much.
                reading.reader = None


def _finite(value: object, otherwise: float | None) -> float | None:
    if type(value) in (float, int) and math.isfinite(value):  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    return otherwise
