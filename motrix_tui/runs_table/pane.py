"""Runs: every run of the runs folder, live and past."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.actions import RUNS_ACTIONS, bindings
from motrix_tui.core import Core
from motrix_tui.runs_table.digest import Digest, Digests
from motrix_tui.runs_table.filters import Filter, read_filter
from motrix_tui.runs_table.more_actions import MoreActions
from motrix_tui.runs_table.rows import SORTABLE, Row, Sorting, columns_for, explanation, in_order
from motrix_tui.runs_table.table import RunsTable
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.shell.growing import Growing
from motrix_tui.shell.line_input import FilterInput
from motrix_tui.shell.place import NOTHING_OPEN, Place
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run, RunSummary
    from motrix_core.runs.notes import Notes


_OF_THE_TABLE = frozenset({"filter", "sort", "reverse", "refresh"})
_OF_THE_MARKED = frozenset({"compare", "export_csv"})


class RunsPane(MoreActions, Vertical, Place):
    HELP = (
        "Every run of the runs folder, the newest first. Enter opens one in Monitor. The filter takes words, words for "
        "one column (env:cartpole status:failed) and numbers of columns and settings (best>900 lr>=1e-3 duration<2h). "
        "e writes the marked runs as CSV, E the list."
    )
    BINDINGS: list[Binding] = bindings(RUNS_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    RunsPane { border: round $rule; border-title-color: $muted; border-subtitle-color: $muted; padding: 0 1; }
    RunsPane:focus-within { border: round $primary; border-title-color: $primary; border-title-style: bold; }
    RunsPane #runs-filter { height: 1; background: $surface; }
    RunsPane #empty { height: 1fr; content-align: center middle; color: $muted; display: none; }
    RunsPane #explanation { max-height: 3; color: $warning; }
    """

    @dataclass
    class Opened(Message):
        """The person wants to see `run`."""

        run: Run

    @dataclass
    class PlayWanted(Message):
        """The person wants to watch the policy of `run`."""

        run: Run

    def __init__(self, core: Core, *, id: str) -> None:
        super().__init__(id=id)
        self._core = core
        self._summaries: Sequence[RunSummary] | None = None
        self._problem: str | None = None
        self._digests: Digests | None = None
        self._numbers: Mapping[Path, Digest] = {}
        self._reading = False
        self._marked: dict[Path, Run] = {}
        self._notes: Mapping[Path, Notes] = {}
        self._settings: dict[Path, Mapping[str, Any]] = {}
        self._paths: dict[str, str | None] = {}
        self.sorting: Sorting | None = None
        self._all: Sequence[Row] = ()
        self.rows: Sequence[Row] = ()
        self._empty_text = self._explained = ""
        self.border_title = "Runs"

    def compose(self) -> ComposeResult:
        yield RunsFilter(id="runs-filter")
        yield RunsTable()
        yield Static("", id="empty", markup=False)
        yield Growing("", id="explanation", markup=False)

    def on_mount(self) -> None:
        self.screen.set_focus(self.query_one(RunsTable))
        self._draw()
        self._read_numbers()

    def on_show(self) -> None:
        self._read_numbers()

    # Data in.

    def show_runs(self, summaries: Sequence[RunSummary]) -> None:
        """Show what the runs folder holds now."""
        self._summaries, self._problem = summaries, None
        if self.is_mounted:
            self._draw()
            if self.display:
                self._read_numbers()

    def show_problem(self, problem: str) -> None:
        """The runs folder cannot be read."""
        self._problem = plain(problem)
        if self.is_mounted:
            self._draw()

    @work(group="digests")
    async def _read_numbers(self) -> None:
        # The digests belong to one thread at a time.
        if self._summaries and not self._reading:
            self._reading = True
            self._notes = await in_thread(self._core.all_notes, [item.run for item in self._summaries])
            self._digests = self._digests or Digests(self._core.runs_dir)
            self._numbers = await in_thread(self._digests.refresh, self._summaries)
            self._reading = False
            self._draw()

    # Data out.

    def _draw(self) -> None:
        now = time.time()
        summaries = self._summaries or ()
        known = {item.run.path for item in summaries}
        self._marked = {path: run for path, run in self._marked.items() if path in known}
        nothing = Digest()
        self._all = [
            Row(
                item,
                self._numbers.get(item.run.path, nothing),
                now,
                self._notes.get(item.run.path),
                item.run.path in self._marked,
            )
            for item in summaries
        ]
        self._filter()

    def _filter(self) -> None:
        """Show the rows that the filter keeps, in the order that was asked for."""
        query = self.query_one(RunsFilter).value
        wanted = read_filter(query)
        if missing := wanted.settings - self._paths.keys():
            self._read_settings(missing)
        matching = [row for row in self._all if wanted.keeps(row, self._settings, self._paths)] if query else self._all
        if bool(matching) != bool(self.rows):
            self.refresh_bindings()
        self.rows = in_order(matching, self.sorting)
        width = self.query_one(RunsTable).size.width
        self.query_one(RunsTable).show(columns_for(width) if width else (), self.rows, self.sorting)
        self._write_border(bool(query.strip()))
        self._show_empty(wanted)
        self._explain()

    def _write_border(self, filtered: bool) -> None:
        live = sum(row.summary.state is not None and row.summary.state.is_live for row in self._all)
        shown = f"{len(self.rows)} of {len(self._all)}" if filtered else f"{len(self._all)}"
        noun = "run" if shown == "1" else "runs"
        marked = f" · {len(self._marked)} marked" if self._marked else ""
        self.border_subtitle = f"{shown} {noun} · {live} live{marked}" if self._all else ""

    def _show_empty(self, wanted: Filter) -> None:
        text = ""
        unknown = sorted(name for name in wanted.settings if self._paths.get(name, "") is None)
        if self._problem is not None:
            text = f"{self._problem}\n\nr tries again"
        elif self._summaries is None:
            text = "reading the runs folder …"
        elif not self._all:
            text = f"no runs in {plain(self._core.runs_dir)} yet\n\n1 goes to Launch, ^r there starts one"
        elif not self.rows and unknown:
            text = f"no column and no setting is called {plain(unknown[0], limit=40)}; esc clears the filter"
        elif not self.rows:
            text = "no run matches the filter; esc clears it"
        empty = self.query_one("#empty", Static)
        if text != self._empty_text:
            self._empty_text = text
            empty.update(text)
            empty.display = bool(text)
            # The table stays in the layout while it has the focus, so that the keys keep working on an empty place.
            self.query_one(RunsTable).styles.height = 1 if text else None

    @work(group="settings")
    async def _read_settings(self, names: frozenset[str]) -> None:
        """Read the configurations, when the filter first asks for one of their values."""
        new = [row.summary.run for row in self._all if row.summary.run.path not in self._settings]
        self._paths.update(dict.fromkeys(names, ""))
        self._settings.update(await in_thread(self._core.all_settings, new))
        self._paths.update(await in_thread(self._core.setting_paths, names))
        self._filter()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.query_one(RunsTable).current

    def why_not(self, handler: str) -> str | None:
        if handler in _OF_THE_TABLE or self.current is not None:
            return None
        # Marked runs stay so where the filter hides them.
        return None if handler in _OF_THE_MARKED and self._marked else NOTHING_OPEN["runs"]

    def _explain(self) -> None:
        row = self.current
        parts = [explanation(row.summary), row.texts["tag"], row.texts["note"]] if row else []
        text = " · ".join(part for part in parts if part)
        if text != self._explained:
            self._explained = text
            self.query_one("#explanation", Static).update(text)

    def on_runs_table_moved(self, event: RunsTable.Moved) -> None:
        event.stop()
        self._explain()

    def on_runs_table_selected(self, event: RunsTable.Selected) -> None:
        event.stop()
        self.action_open()

    def on_runs_table_sort_wanted(self, event: RunsTable.SortWanted) -> None:
        event.stop()
        if event.name in SORTABLE:
            same = self.sorting is not None and self.sorting.name == event.name
            self._sort(Sorting(event.name, not self.sorting.down if same and self.sorting else True))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._filter()

    def on_input_submitted(self) -> None:
        self.screen.set_focus(self.query_one(RunsTable))

    def on_resize(self) -> None:
        self.call_after_refresh(self._filter)

    def _sort(self, sorting: Sorting | None) -> None:
        self.sorting = sorting
        self._filter()

    # Actions.

    def action_open(self) -> None:
        row = self.current
        if row is None:
            return
        if row.summary.state is None:
            self.notify(f"cannot be opened: {explanation(row.summary)}", severity="error", markup=False)
            return
        self.post_message(self.Opened(row.summary.run))

    def action_play(self) -> None:
        row = self.current
        if row is not None:
            self.post_message(self.PlayWanted(row.summary.run))

    def action_copy_path(self) -> None:
        row = self.current
        if row is not None:
            self.app.copy_to_clipboard(str(row.summary.run.path))
            self.notify("path copied", timeout=2, markup=False)

    def action_sort(self) -> None:
        """By the next column that is shown; after the last one, the newest first again."""
        # Runs may just have been opened for this, and the table not laid out yet.
        width = self.query_one(RunsTable).size.width or self.app.size.width
        names = [column.name for column in columns_for(width) if column.name in SORTABLE]
        at = names.index(self.sorting.name) + 1 if self.sorting and self.sorting.name in names else 0
        self._sort(Sorting(names[at]) if at < len(names) else None)

    def action_reverse(self) -> None:
        self._sort(Sorting(self.sorting.name, not self.sorting.down) if self.sorting else Sorting("age"))

    def action_filter(self) -> None:
        self.screen.set_focus(self.query_one(RunsFilter))

    def action_refresh(self) -> None:
        self.post_message(self.Wanted())

    class Wanted(Message):
        """The runs folder should be read again now."""

    @work(exclusive=True, group="question")
    async def action_stop(self) -> None:
        row = self.current
        if row is None:
            return
        state = row.summary.state
        if state is None or not state.is_live:
            self.notify(f"{row.name} is {row.summary.status}; only a live run can be stopped", markup=False)
            return
        body = f"{row.texts['env']} · {row.name}\n\nIt writes a last checkpoint and can be resumed."
        answer = Answer("s", "Stop", "stop", "warning")
        if await self.app.push_screen_wait(Question("Stop this run?", body, (answer,))) == "stop":
            await self._do(self._core.request_stop, row.summary.run, f"stopping {row.name}")

    @work(exclusive=True, group="question")
    async def action_delete(self) -> None:
        row = self.current
        if row is None:
            return
        if row.summary.state is not None and row.summary.state.is_live:
            self.notify(f"{row.name} is {row.summary.status}; stop it first (x)", markup=False)
            return
        body = f"{plain(row.summary.run.path)}\n\nIts events and checkpoints are gone for good."
        answer = Answer("d", "Delete", "delete", "error")
        if await self.app.push_screen_wait(Question("Delete this run?", body, (answer,))) == "delete":
            await self._do(self._core.delete_run, row.summary.run, f"deleted {row.name}")

    async def _do(self, request: Callable[[Run], None], run: Run, done: str) -> None:
        try:
            await in_thread(request, run)
        except (MotrixError, OSError) as error:
            self.notify(plain(error), severity="error", title="Runs", markup=False)
        else:
            self.notify(done, markup=False)
            self.action_refresh()


class RunsFilter(FilterInput):
    HELP = RunsPane.HELP
    LEADS_TO = RunsTable
