"""Events turned into NumPy columns, as charts and tables want them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from motrix_core.runs.table import Table

Axis = Literal["env_steps", "update", "time"]
EVALUATION = "evaluation/"
_MARKED = frozenset({"checkpoint", "evaluation", "segment_started", "segment_ended", "control"})
# What passed before one of these is no training: the end of a lost run may be recorded days after its trainer's.
_AFTER_A_PAUSE = frozenset({"run_started", "segment_started", "run_ended"})
_MAX_MARKS = 10_000
_MAX_WARNINGS = 500


@dataclass(frozen=True)
class Mark:
    """Something that happened at one point of a run. `time` is on the time axis; `data` is the event's."""

    kind: str
    env_steps: int
    update: int
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)


class _Clock:
    """Turns the events' times into seconds of training, which never run backwards, nor between segments."""

    def __init__(self) -> None:
        self.now = 0.0
        self._before: tuple[float, Any] | None = None

    def advance(self, moment: float, steady: Any, *, training: bool) -> float:
        """Seconds of training at Unix time `moment`; `steady` is what the event says of a clock that nobody can set."""
        steady = steady if type(steady) is float else None
        if self._before is not None and training:
            before, steady_before = self._before
            passed = moment - before
            if steady is not None and steady_before is not None:
                passed = steady - steady_before
            # Without the steady clock, one that was set back in the middle of a run adds nothing.
            self.now += max(0.0, passed)
        self._before = moment, steady
        return self.now


class RunSeries:
    """All that the events of one run say, in memory: about five bytes per metric and row.

    `env_steps` and `update` are the newest; `target_env_steps` the budget as the newest segment named it; `backend`
    that of the current segment; `started` and `ended` the data of `run_started` and `run_ended`; `marks` what charts
    mark, oldest first; `warnings` the newest warnings; `last_time` the Unix time of the newest event. `version` changes
    with every event, `generation` when points that were given before no longer count; `out_of_order` counts rows that
    were left out because their env steps went back for no reason.
    """

    def __init__(self) -> None:
        self.version = 0
        self.generation = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything, as is needed when the reader's `restarts` goes up."""
        self._metrics = Table()
        self._evaluations = Table()
        self._clock = _Clock()
        self._after_start = False
        self.marks: list[Mark] = []
        self.warnings: deque[Mark] = deque(maxlen=_MAX_WARNINGS)
        self.env_steps = 0
        self.update = 0
        self.last_time = 0.0
        self.backend: str | None = None
        self.target_env_steps: int | None = None
        self.started: Mapping[str, Any] | None = None
        self.ended: Mapping[str, Any] | None = None
        self.out_of_order = 0
        self.generation += 1

    def extend(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Take in events as EventReader gives them; returns how many. `version` changes if there were any."""
        places: list[tuple[int, int, float]] = []
        rows: list[Mapping[str, Any]] = []
        count = 0
        for event in events:
            count += 1
            kind = event["type"]
            training = kind not in _AFTER_A_PAUSE
            moment = self._clock.advance(float(event["time"]), event.get("clock"), training=training)
            if kind == "metrics":
                env_steps = event["env_steps"]
                if env_steps < self.env_steps + self._after_start:
                    self._metrics.append(places, rows)
                    places, rows = [], []
                    if not self._rewind(env_steps):
                        continue
                self._after_start = False
                self.env_steps, self.update = env_steps, event["update"]
                places.append((env_steps, event["update"], moment))
                rows.append(event["data"])
            else:
                self._other(event, moment)
            self.last_time = float(event["time"])
        self._metrics.append(places, rows)
        self.version += count > 0
        return count

    def _other(self, event: Mapping[str, Any], moment: float) -> None:
        kind, data = event["type"], event["data"]
        if kind == "run_started":
            self.started = data
        elif kind == "run_ended":
            self.ended = data
        elif kind == "segment_started":
            self._after_start = True
            self.ended = None
            backend = data.get("backend")
            self.backend = backend if isinstance(backend, str) else self.backend
            target = data.get("max_env_steps")
            self.target_env_steps = target if type(target) is int and target > 0 else self.target_env_steps
        elif kind == "evaluation":
            self._evaluations.cut_after(event["env_steps"])
            self._evaluations.append([(event["env_steps"], event["update"], moment)], [data])
        elif kind == "warning" and "back_to" in data:
            # The trainer went back to a checkpoint by itself, in the middle of a segment.
            self._after_start = True
        mark = Mark(kind, event["env_steps"], event["update"], moment, data)
        if kind == "warning":
            self.warnings.append(mark)
        elif kind in _MARKED and len(self.marks) < _MAX_MARKS:
            self.marks.append(mark)

    def _rewind(self, env_steps: int) -> bool:
        """A row not later than the last: whether it counts. If so, what it supersedes is forgotten.

        A trainer that resumes from a checkpoint repeats the steps that were lost. Within a segment steps only grow,
        so a lone large number before this one was damaged, and otherwise this one is.
        """
        table = self._metrics
        superseded = table.rows - int(np.searchsorted(table.env_steps[: table.rows], env_steps, side="right"))
        if not self._after_start and superseded > 1:
            self.out_of_order += 1
            return False
        table.cut_after(env_steps - 1)
        self._evaluations.cut_after(env_steps - 1)
        self.generation += 1
        return True

    @property
    def rows(self) -> int:
        """Number of `metrics` events that count."""
        return self._metrics.rows

    @property
    def elapsed_s(self) -> float:
        """Seconds of training up to the newest event, pauses between segments left out."""
        return self._clock.now

    def names(self) -> list[str]:
        """Every metric seen so far, sorted; those of `evaluation` events begin with "evaluation/"."""
        return sorted([*self._metrics.columns, *(EVALUATION + name for name in self._evaluations.columns)])

    def __contains__(self, name: str) -> bool:
        table, column = self._find(name)
        return column in table.columns

    def xy(self, name: str, axis: Axis = "env_steps") -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """x and y of metric `name`, both of shape (n,), for the rows that have it; y is NaN where it was null.

        x never decreases; axis "time" is in seconds of training. Neither array may be written to, and both stay as
        they are while the run grows. Empty arrays if there is no such metric.
        """
        table, column = self._find(name)
        if column not in table.columns:
            return np.empty(0, np.float64), np.empty(0, np.float32)
        return table.xy(column, axis)

    def last(self, name: str) -> float:
        """The newest value of `name`; NaN if it was null or there is none."""
        table, column = self._find(name)
        return table.last(column) if column in table.columns else float("nan")

    def _find(self, name: str) -> tuple[Table, str]:
        if name.startswith(EVALUATION) and name not in self._metrics.columns:
            return self._evaluations, name.removeprefix(EVALUATION)
        return self._metrics, name

    @property
    def progress(self) -> float | None:
        """Share of the budget that is done, 0 to 1; None while the budget is not known."""
        target = self.target_env_steps
        return None if target is None else min(1.0, self.env_steps / target)
