"""What Monitor knows about its run: events, state and figures derived from them. No Textual in here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import MotrixError
from motrix_core.runs.control import SETTABLE
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import FastEventReader
from motrix_core.runs.series import Axis, RunSeries
from motrix_core.runs.state import RunState
from motrix_core.runs.text import plain
from motrix_tui.charts.plot import Mark
from motrix_tui.monitor.marks import chart_marks
from motrix_tui.monitor.opening import UNREADABLE, backend_titles
from motrix_tui.monitor.pace import MOST_SLICE_S
from motrix_tui.monitor.phases import mean_of_last
from motrix_tui.monitor.silence import evaluation_may_follow, patience_s

MAX_EVENTS = 2000
_SPEED = "perf/env_steps_per_s"


class RunFeed:
    """One run, read in bounded batches.

    `generation` goes up when points that were given before no longer count (the trainer resumed from a checkpoint, the
    file was replaced): charts then take their series anew. `problem` says what could not be read, or is None. `engine`
    is that of the configuration, "" if it is not known.
    """

    def __init__(self, run: Run, *, clock: Callable[[], float] = time.time) -> None:
        self.run = run
        self.series = RunSeries()
        self.state: RunState | None = None
        self.generation = 0
        self.problem: str | None = None
        self._clock = clock
        self._reader = FastEventReader(run.paths.events)
        self._restarts = 0
        self._marks_key: object = None
        self._marks: Sequence[Mark] = ()
        self._ppo, self._train = self._configured("ppo"), self._configured("train")
        self._target = self._configured_target()
        self.engine = self._configured_engine()
        self.refresh_state()

    @property
    def at_end(self) -> bool:
        return self._reader.at_end

    @property
    def read_share(self) -> float:
        """How much of the events has been read, 0 to 1."""
        try:
            size = self._reader.path.stat().st_size
        except OSError:
            return 1.0
        return min(1.0, self._reader.offset / size) if size else 1.0

    @property
    def corrupt(self) -> int:
        """Damaged lines that were skipped."""
        return self._reader.corrupt

    def poll(self, budget_s: float = MOST_SLICE_S) -> bool:
        """Read for about `budget_s` seconds, at most 2,000 events, and take them in, which takes half as long again;
        returns whether there were any."""
        try:
            events = self._reader.poll(MAX_EVENTS, budget_s)
        except OSError as error:
            self.problem = f"{self._reader.path} cannot be read: {error.strerror or error}"
            return False
        if self._reader.restarts != self._restarts:
            self._restarts = self._reader.restarts
            self.series.clear()
            self.generation += 1
        if self._goes_back(events):
            self.generation += 1
        return self.series.extend(events) > 0

    def _goes_back(self, events: list[dict[str, Any]]) -> bool:
        newest = self.series.env_steps
        for event in events:
            if event["type"] == "metrics":
                if event["env_steps"] < newest:
                    return True
                newest = event["env_steps"]
        return False

    def refresh_state(self) -> None:
        """Read state.json again. Blocks for a small file; call it about once a second."""
        try:
            self.state = self.run.state()
        except MotrixError as error:
            gone = not self.run.path.exists()
            self.problem = f"{self.run.path} is gone: the run was deleted or moved" if gone else str(error)
        else:
            self.problem = None

    def _configured_target(self) -> int | None:
        target = self._ppo.get("max_env_steps")
        return target if type(target) is int and target > 0 else None

    def _configured_engine(self) -> str:
        engine = self._train.get("engine")
        return engine if isinstance(engine, str) else ""

    @property
    def evaluates(self) -> bool:
        """Whether the configuration has the policy evaluated during training."""
        return self._train.get("eval_every_updates") != 0

    def _configured(self, section: str) -> dict[str, Any]:
        try:
            values = self.run.record()["config"].get(section)
        except MotrixError:
            # The charts work without; what is wrong with the folder is said by `problem`.
            return {}
        return values if isinstance(values, dict) else {}

    # --- figures ---

    @property
    def status(self) -> str:
        """The run's status, with "stalled" for a live run that stopped talking, "unreadable" without a state."""
        if self.state is None:
            return UNREADABLE
        status = self.state.shown_status
        return "stalled" if self._is_silent(status) else status

    @property
    def is_live(self) -> bool:
        return self.state is not None and self.state.is_live

    @property
    def is_paused(self) -> bool:
        """Whether the trainer has said that it waits; known before the supervisor has noticed."""
        for mark in reversed(self.series.marks):
            if mark.kind == "segment_started":
                return False
            if (
                mark.kind == "control"
                and mark.data.get("done") is True
                and mark.data.get("type") in ("pause", "resume")
            ):
                return mark.data["type"] == "pause"
        return False

    @property
    def backend(self) -> str:
        """The backend that trains now, or did last."""
        return self.series.backend or self.run.backend

    @property
    def settings(self) -> dict[str, float | None]:
        """What can change during training, by its path, as it is now; None where that is not known."""
        values: dict[str, Any] = {path: self._ppo.get(path.removeprefix("ppo.")) for path in SETTABLE}
        for mark in self.series.marks:
            given = mark.data.get("values")
            if mark.kind == "control" and mark.data.get("done") is True and isinstance(given, dict):
                values.update({path: value for path, value in given.items() if path in values})
        if math.isfinite(rate := self.series.last("optim/learning_rate")):
            # The KL-adaptive schedule moves it; what a chart holds has the digits of a float32.
            values["ppo.learning_rate"] = float(f"{rate:.6g}")
        return {path: value if isinstance(value, (int, float)) else None for path, value in values.items()}

    @property
    def silence_s(self) -> float:
        """Seconds since the newest event or the start of the newest trainer, or since the state was written."""
        last = self.series.last_time
        if self.state is not None:
            started = self.state.segments[-1].started_at if self.state.segments else 0.0
            last = max(last, started) or self.state.updated_at
        return max(0.0, self._clock() - last) if last else 0.0

    @property
    def is_starting(self) -> bool:
        """Whether a live trainer, the first one or one that goes on after a switch, has not made its first update."""
        status = self.state.shown_status if self.state is not None else ""
        if not self.at_end or status not in ("running", "starting"):
            return False
        return status == "starting" or not len(self._updates_of_trainers()[0])

    @property
    def _begun(self) -> float:
        """When the present trainer was started, in seconds of training; -inf if no event says so."""
        return next((mark.time for mark in reversed(self.series.marks) if mark.kind == "segment_started"), -math.inf)

    def _updates_of_trainers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """When the present trainer and those before it ended their updates, in seconds of training."""
        x, _ = self.series.xy(_SPEED, "time")
        # Between segments the time of training stands still, so an update at that very time came before.
        first = int(np.searchsorted(x, self._begun, side="right"))
        return x[first:], x[:first]

    def usual(self, name: str) -> tuple[NDArray[np.float32], int]:
        """Values of metric `name` in the updates of the present trainer, without its first, which also compiles.

        With them how many there are. If there is none, 0 and the first one's value, or those of the trainers before.
        """
        x, y = self.series.xy(name, "time")
        own = y[np.searchsorted(x, self._begun, side="right") :]
        return (own[1:], len(own) - 1) if len(own) > 1 else (own if len(own) else y, 0)

    def _is_silent(self, status: str) -> bool:
        if not self.at_end or status not in ("running", "starting"):
            return False
        updates, before = self._updates_of_trainers()
        if status == "starting":
            # Its events, if there are any, are of the trainer before.
            updates, before = updates[:0], np.concatenate((before, updates))
        return self.silence_s > patience_s(max(self._begun, 0.0), updates, before, self._evaluation_s())

    def _evaluation_s(self) -> float:
        """The longest that an evaluation has taken, 0 before the first; NaN if none can be under way."""
        series = self.series
        is_last = self.target is not None and series.env_steps >= self.target
        if not self.evaluates or not (is_last or evaluation_may_follow(series.update, self._ppo, self._train)):
            return math.nan
        done = [mark for mark in series.marks if mark.kind == "evaluation"]
        if done and done[-1].update == series.update:
            return math.nan
        taken = [mark.data.get("seconds") for mark in done]
        return max((float(s) for s in taken if isinstance(s, (int, float)) and math.isfinite(s)), default=0.0)

    @property
    def target(self) -> int | None:
        """The budget of env steps."""
        return self.series.target_env_steps or self._target

    @property
    def progress(self) -> float | None:
        return min(1.0, self.series.env_steps / self.target) if self.target else None

    @property
    def steps_per_s(self) -> float:
        """Env steps per second, mean of the last ten updates of the present trainer; NaN before the first."""
        return mean_of_last(self.usual(_SPEED)[0])

    @property
    def eta_s(self) -> float:
        """Seconds to the end of the budget at the present speed; NaN if that is unknown."""
        speed = self.steps_per_s
        if self.target is None or not self.is_live or not speed > 0:
            return math.nan
        return max(0, self.target - self.series.env_steps) / speed

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, with those since the newest event while the run is live."""
        return self.series.elapsed_s + (self.silence_s if self.is_live and self.series.rows else 0.0)

    @property
    def backends(self) -> str:
        """ "JAX", or "JAX → PyTorch" after a switch."""
        names = [segment.backend for segment in self.state.segments] if self.state else []
        return backend_titles(names or [self.backend])

    @property
    def cause(self) -> str:
        """Why the run ended, in one line; "" if nothing is known."""
        cause = self.state.cause if self.state else None
        return plain(cause, limit=400) if cause else ""

    def domain(self, axis: Axis) -> tuple[float, float] | None:
        """First and last x of the run on `axis`; None before the first update."""
        if not self.series.rows:
            return None
        newest = {"env_steps": self.series.env_steps, "update": self.series.update, "time": self.series.elapsed_s}
        return 0.0, float(newest[axis])

    def marks(self, axis: Axis) -> Sequence[Mark]:
        """Switches, resumes and edits as lines over the whole height; checkpoints, evaluations and the best as small
        ones. The same object until there is another mark."""
        key = (axis, self.series.generation, len(self.series.marks))
        if key != self._marks_key:
            self._marks_key, self._marks = key, chart_marks(self.series.marks, axis)
        return self._marks
