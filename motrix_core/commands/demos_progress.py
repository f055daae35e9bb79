"""How the demos are told on stderr: two live bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.demos.outcome import Result
    from motrix_core.demos.plan import Demo
    from motrix_core.demos.runner import Attempt

LINE_EVERY_S = 30.0


def telling(total: int, stream: TextIO) -> Lines:
    """Tells of `total` trainings on `stream`, live if that is a terminal."""
    return Live(total, stream) if stream.isatty() else Lines(total, stream)


class Lines:
    """A line when a training begins, one every half a minute, one when it ends: for logs and pipes."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self.total, self.stream = total, stream
        self.done = 0
        self._budget = 0
        self._next_line = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def begin(self, demo: Demo, found: Attempt) -> None:
        from motrix_core.config.form import derived

        self._budget = derived(demo.config).env_steps
        self._next_line = time.monotonic() + LINE_EVERY_S
        self.say(f"[{self.done + 1}/{self.total}] {demo.title} · {found.how} · {found.run.path}")

    def event(self, event: dict[str, Any]) -> None:
        """One of the run's events."""
        if event["type"] == "metrics":
            self.metrics(event["env_steps"], event["data"])
        elif event["type"] == "warning":
            self.note(f"{event['data'].get('level', 'warning')}: {event['data'].get('message', '')}")

    def metrics(self, env_steps: int, data: dict[str, Any]) -> None:
        if (now := time.monotonic()) >= self._next_line:
            self._next_line = now + LINE_EVERY_S
            self.say(f"  {env_steps:,}/{self._budget:,} env steps · {figures(data)}")

    def end(self, result: Result) -> None:
        self.done += 1
        self.say(f"  {verdict(result)}")

    def note(self, text: str) -> None:
        self.say(f"motrix: {plain(text)}")

    def say(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()


class Live(Lines):
    """A bar for all demos and one for the one that is being trained; what has ended stays above them."""

    def __init__(self, total: int, stream: TextIO) -> None:
        super().__init__(total, stream)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._all = self._progress.add_task("demos", total=total, figures="")
        self._one = self._progress.add_task("starting", total=1, figures="", start=False)

    def __enter__(self) -> Live:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, demo: Demo, found: Attempt) -> None:
        super().begin(demo, found)
        self._progress.reset(
            self._one, total=self._budget, completed=0, description=demo.title, figures="importing the backend"
        )

    def metrics(self, env_steps: int, data: dict[str, Any]) -> None:
        self._progress.update(self._one, completed=env_steps, figures=figures(data))

    def end(self, result: Result) -> None:
        super().end(result)
        self._progress.update(self._all, completed=self.done)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)


def figures(data: dict[str, Any]) -> str:
    """The numbers of an update that matter."""
    speed, mean = data.get("perf/env_steps_per_s"), data.get("return/mean")
    parts = [f"{speed:,.0f} steps/s"] if speed else []
    parts += [f"return {mean:.1f}"] if mean is not None else []
    return " · ".join(parts)


def verdict(result: Result) -> str:
    """What came of a training, in one line."""
    parts = [result.status if result.cause is None else f"{result.status}: {result.cause}"]
    if result.last_return is not None:
        parts.append(f"return {result.last_return:.1f}")
    if result.is_reached:
        parts.append(f"{result.threshold:g} reached at {result.solved_at:,} env steps")
    return plain(" · ".join(parts), limit=600)
