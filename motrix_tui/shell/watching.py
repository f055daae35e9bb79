"""The machine and the runs folder, looked at again and again from worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import work
from textual.screen import Screen

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.shell.palette import MotrixLike
from motrix_tui.shell.top_bar import LoadMeter, TopBar
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary
    from motrix_tui.launch.pane import LaunchPane
    from motrix_tui.runs_table.pane import RunsPane


class Watching(MotrixLike):
    """The part of the application that knows which runs there are and how busy the machine is.

    Of each look one is under way at a time: a disk or a driver that hangs must not gather threads, nor a listing that
    takes longer than the time between two of them be given up for the next one.
    """

    core: Core
    _runs_problem: str | None = None
    _told_about_live_runs = False
    _told_about_queue = False
    _measuring = False
    _listing = _list_again = False

    @property
    def _main(self) -> Screen:
        return self.screen_stack[0]

    def open_newest(self) -> None:
        """Show a run in a place that has none. Called when it is first known which runs there are."""
        raise NotImplementedError

    @work(group="load")
    async def measure_load(self) -> None:
        if self._measuring:
            return
        self._measuring = True
        usage = await in_thread(self.core.usage)
        self._measuring = False
        # A query, not query_one: the answer may come while the screen is being taken down.
        for meter in self._main.query(LoadMeter):
            meter.show(usage)

    @work(group="runs")
    async def list_runs(self) -> None:
        """Read the runs folder; asked for during a reading, once more after it."""
        self._list_again = True
        if self._listing:
            return
        self._listing = True
        while self._list_again:
            self._list_again = False
            try:
                runs = await in_thread(self.core.list_runs)
            except (MotrixError, OSError) as error:
                self._runs_unreadable(plain(error))
            else:
                self._runs_listed(runs)
                await self._look_at_queue()
        self._listing = False

    async def _look_at_queue(self) -> None:
        try:
            queue, works = await in_thread(self.core.queue)
        except MotrixError as error:
            if not self._told_about_queue:
                self.notify(plain(error), title="Queue", severity="error", markup=False)
            self._told_about_queue = True
            return
        for bar in self._main.query(TopBar):
            bar.waiting = len(queue.entries)
        if queue.waiting and not works and not self._told_about_queue:
            count = f"{len(queue.waiting)} launch{'es wait' if len(queue.waiting) > 1 else ' waits'}"
            self.notify(f"{count} and nothing starts them; u in Launch, then r, goes on", title="Queue", markup=False)
        self._told_about_queue = True

    def _runs_listed(self, runs: list[RunSummary]) -> None:
        is_first = self.runs is None
        self.runs, self._runs_problem = runs, None
        live = self.live_runs()
        for bar in self._main.query(TopBar):
            bar.live = len(live)
        for pane in (*self._runs_panes(), *self._launch_panes()):
            pane.show_runs(runs)
        if is_first:
            self.open_newest()
        if live and not self._told_about_live_runs:
            count = f"{len(live)} runs are" if len(live) > 1 else f"{plain(live[0].run.env)} is"
            self.notify(f"{count} training; 2 opens the newest", title="Welcome back", markup=False)
        self._told_about_live_runs = True

    def _runs_unreadable(self, problem: str) -> None:
        for pane in self._runs_panes():
            pane.show_problem(problem)
        if problem != self._runs_problem:
            self._runs_problem = problem
            self.notify(problem, title="Runs folder", severity="error", markup=False)

    def live_runs(self) -> list[RunSummary]:
        """Runs whose supervisor is alive, newest first."""
        return [run for run in self.runs or () if run.state is not None and run.state.is_live]

    def _runs_panes(self) -> Sequence[RunsPane]:
        return list(self._main.query("#runs").results())  # type: ignore[arg-type]

    def _launch_panes(self) -> Sequence[LaunchPane]:
        return list(self._main.query("#launch").results())  # type: ignore[arg-type]
