"""How a run is told on stderr: a live display on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_core.runs.state import RunState

LINE_EVERY_S = 2.0


def narrator_for(run: Run, style: str, stream: TextIO | None = None) -> Narrator:
    chosen: TextIO = sys.stderr if stream is None else stream
    if style in ("json", "quiet"):
        return Narrator(run, chosen)
    return LiveNarrator(run, chosen) if chosen.isatty() else LineNarrator(run, chosen)


def dashboard() -> str:
    """What to type for the dashboard: its name, or its path where the environment it is in was not activated."""
    return "motrix-tui" if shutil.which("motrix-tui") else str(Path(sys.executable).with_name("motrix-tui"))


class Narrator:
    """Says only notes and errors; the others build on it."""

    def __init__(self, run: Run, stream: TextIO) -> None:
        from motrix_core.config.form import derived

        self.run = run
        self.stream = stream
        self.total_env_steps = derived(run.current_config()).env_steps
        self.env_steps = 0
        self.last_return: float | None = None
        self.best_return: float | None = None
        self.best_evaluation: float | None = None
        self.last: dict[str, Any] = {}
        self.started = time.monotonic()

    def __enter__(self) -> Narrator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def event(self, event: dict[str, Any]) -> None:
        kind, data = event["type"], event.get("data") or {}
        self.env_steps = max(self.env_steps, int(event.get("env_steps") or 0))
        if kind == "metrics":
            self.last = data
            mean = data.get("return/mean")
            if mean is not None:
                self.last_return = mean
                self.best_return = mean if self.best_return is None else max(self.best_return, mean)
            self.metrics(event)
        elif kind == "warning":
            self.note(f"{data.get('level', 'warning')}: {data.get('message', '')}")
        else:
            self.milestone(kind, data)

    def metrics(self, event: dict[str, Any]) -> None:
        """One update's numbers."""

    def milestone(self, kind: str, data: dict[str, Any]) -> None:
        """Anything that is neither numbers nor a warning."""

    def note(self, text: str) -> None:
        self.stream.write(f"motrix: {plain(text)}\n")
        self.stream.flush()

    def summary(self, state: RunState) -> None:
        if state.status not in ("finished", "stopped"):
            self.note(f"{state.status}: {state.cause or 'no cause was recorded'}")
            self.note(f"the log is {self.run.paths.console}")

    def sentence(self) -> str:
        """Where training stands, in one line."""
        parts = [f"{self.env_steps:,}/{self.total_env_steps:,} env steps"]
        speed = self.last.get("perf/env_steps_per_s")
        if speed:
            parts.append(f"{speed:,.0f} steps/s")
        if self.last_return is not None:
            # Of the last update in which an episode ended.
            parts.append(f"return {self.last_return:.1f}")
        if self.best_return is not None:
            parts.append(f"best {self.best_return:.1f}")
        return " · ".join(parts)


class _Talking(Narrator):
    """What the live display and the lines have in common: first words, milestones and last words."""

    def __enter__(self) -> Narrator:
        config = self.run.current_config()
        self.say(f"{config.env} · {config.backend} · {self.run.path}")
        return self

    def say(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()

    def milestone(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "segment_started" and data.get("segment"):
            self.say(f"continuing on {plain(data.get('backend'), limit=20)} from {self.env_steps:,} env steps on")
        elif kind == "evaluation":
            self._evaluated(data)

    def _evaluated(self, data: dict[str, Any]) -> None:
        mean, error, success = (data.get(name) for name in ("return/mean", "return/std_error", "success/rate"))
        if mean is None:
            return
        best = self.best_evaluation is None or mean > self.best_evaluation
        self.best_evaluation = mean if best else self.best_evaluation
        parts = [f"evaluation: return {mean:.1f}" + (f" ± {error:.1f}" if error is not None else "")]
        if success is not None:
            parts.append(f"success {success:.0%}")
        self.say(" · ".join([*parts, "best so far"] if best else parts))

    def summary(self, state: RunState) -> None:
        super().summary(state)
        elapsed = time.monotonic() - self.started
        self.say(f"{state.status} after {elapsed:.0f} s · {self.sentence()}")
        self.say(f"open it with: {dashboard()} --open {self.run.id} --runs-dir {self.run.path.parent.parent}")


class LineNarrator(_Talking):
    """One line every few seconds: for logs and pipes."""

    def __init__(self, run: Run, stream: TextIO) -> None:
        super().__init__(run, stream)
        self._next_line = 0.0

    def metrics(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + LINE_EVERY_S
            self.say(self.sentence())

    def milestone(self, kind: str, data: dict[str, Any]) -> None:
        super().milestone(kind, data)
        if kind == "checkpoint":
            self.say(f"checkpoint {data.get('name') or data.get('path') or ''}".rstrip())


class LiveNarrator(_Talking):
    """A progress bar with the figures that matter, redrawn in place."""

    def __init__(self, run: Run, stream: TextIO) -> None:
        super().__init__(run, stream)
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=Console(file=stream),
        )
        self._task = self._progress.add_task(
            "starting", total=self.total_env_steps, figures="importing the backend", start=False
        )

    def __enter__(self) -> Narrator:
        super().__enter__()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self.say(f"motrix: {plain(text)}")

    def metrics(self, event: dict[str, Any]) -> None:
        if not self._progress.tasks[self._task].started:
            # Steps that were done before this process looked must not count as speed.
            self._progress.reset(self._task, completed=self.env_steps)
        figures = self.sentence().partition(" · ")[2]
        self._progress.update(self._task, description="training", completed=self.env_steps, figures=figures)
