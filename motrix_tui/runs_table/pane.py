"""Runs: every run of the runs folder, live and past."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static
from textual.widgets.data_table import RowDoesNotExist

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.actions import RUNS_ACTIONS, bindings
from motrix_tui.core import Core
from motrix_tui.runs_table.digest import Digest, Digests
from motrix_tui.runs_table.more_actions import MoreActions
from motrix_tui.runs_table.rows import Column, Row, columns_for, explanation, make_row
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run, RunSummary
    from motrix_core.runs.notes import Notes


class RunsPane(MoreActions, Vertical):
    HELP = (
        "Every run of the runs folder, the newest first. Enter opens one in Monitor. The filter takes words, and words "
        "for one column: env:cartpole status:failed."
    )
    BINDINGS: list[Binding] = bindings(RUNS_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    RunsPane { border: round $rule; border-title-color: $muted; border-subtitle-color: $muted; padding: 0 1; }
    RunsPane:focus-within { border: round $primary; border-title-color: $primary; border-title-style: bold; }
    RunsPane #runs-filter { height: 1; background: $surface; }
    RunsPane DataTable { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    RunsPane DataTable > .datatable--header { background: $background; color: $muted; text-style: none; }
    RunsPane DataTable > .datatable--cursor { background: $panel; color: $foreground; }
    RunsPane DataTable:focus { background-tint: transparent; }
    RunsPane DataTable:focus > .datatable--cursor { background: $primary 35%; color: $foreground; }
    RunsPane #empty { height: 1fr; content-align: center middle; color: $muted; display: none; }
    RunsPane #explanation { height: auto; max-height: 3; color: $warning; }
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
        self._digests = Digests()
        self._numbers: Mapping[Path, Digest] = {}
        self._reading = False
        self._marked: dict[Path, Run] = {}
        self._notes: Mapping[Path, Notes] = {}
        self._rows: dict[str, Row] = {}
        self._columns: tuple[Column, ...] = ()
        self.border_title = "Runs"

    def compose(self) -> ComposeResult:
        yield RunsFilter(placeholder="/ filter", compact=True, id="runs-filter")
        yield RunsTable(cursor_type="row", zebra_stripes=False, cell_padding=1)
        yield Static("", id="empty", markup=False)
        yield Static("", id="explanation", markup=False)

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
            self._numbers = await in_thread(self._digests.refresh, self._summaries)
            self._reading = False
            self._draw()

    # Data out.

    def _draw(self) -> None:
        now = time.time()
        summaries = self._summaries or ()
        known = {item.run.path for item in summaries}
        self._marked = {path: run for path, run in self._marked.items() if path in known}
        rows = [self._row(item, now) for item in summaries]
        query = self.query_one(RunsFilter).value
        matching = [row for row in rows if row.matches(query)]
        self._fill(matching)
        live = sum(item.state is not None and item.state.is_live for item in summaries)
        shown = f"{len(matching)} of {len(rows)}" if query else f"{len(rows)}"
        noun = "run" if shown == "1" else "runs"
        marked = f" · {len(self._marked)} marked" if self._marked else ""
        self.border_subtitle = f"{shown} {noun} · {live} live{marked}" if rows else ""
        self._show_empty(rows, matching)
        self._explain()

    def _row(self, summary: RunSummary, now: float) -> Row:
        path = summary.run.path
        row = make_row(summary, self._numbers.get(path, Digest()), now)
        notes = self._notes.get(path)
        if notes is not None:
            row.texts.update(tag=" ".join(notes.tags), note=notes.note)
        if path in self._marked:
            row.texts["env"] = f"◆ {row.texts['env']}"
        return row

    def _show_empty(self, rows: Sequence[Row], matching: Sequence[Row]) -> None:
        text = ""
        if self._problem is not None:
            text = f"✖ {self._problem}"
        elif self._summaries is None:
            text = "reading the runs folder …"
        elif not rows:
            text = f"no runs in {plain(self._core.runs_dir)} yet\n\n1 goes to Launch, ^r there starts one"
        elif not matching:
            text = "no run matches the filter; esc clears it"
        empty = self.query_one("#empty", Static)
        empty.update(text)
        empty.display = bool(text)
        table = self.query_one(RunsTable)
        # The table stays in the layout while it has the focus, so that the keys keep working on an empty place.
        table.styles.height = 1 if text else None

    def _fill(self, rows: Sequence[Row]) -> None:
        table = self.query_one(RunsTable)
        columns = columns_for(max(30, self.content_size.width - 2)) if self.content_size.width else self._columns
        if columns != self._columns:
            self._columns = columns
            table.clear(columns=True)
            self._rows = {}
            for column in columns:
                title = column.title.rjust(column.width) if column.right else column.title
                table.add_column(title, key=column.name, width=column.width)
        if list(self._rows) == [row.key for row in rows]:
            self._update(table, rows)
        else:
            self._refill(table, rows)
        self._rows = {row.key: row for row in rows}

    def _update(self, table: RunsTable, rows: Sequence[Row]) -> None:
        for row in rows:
            for column in self._columns:
                old = self._rows[row.key]
                if old.texts[column.name] != row.texts[column.name]:
                    table.update_cell(row.key, column.name, row.cell(column))

    def _refill(self, table: RunsTable, rows: Sequence[Row]) -> None:
        current = self.current
        table.clear()
        for row in rows:
            table.add_row(*(row.cell(column) for column in self._columns), key=row.key)
        if current is not None:
            try:
                table.move_cursor(row=table.get_row_index(current.key), animate=False)
            except RowDoesNotExist:
                pass  # the run is gone or filtered out; the cursor stays at the top

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        keys = list(self._rows)
        index = self.query_one(RunsTable).cursor_row
        return self._rows[keys[index]] if 0 <= index < len(keys) else None

    def _explain(self) -> None:
        row = self.current
        parts = [explanation(row.summary), row.texts.get("tag", ""), row.texts.get("note", "")] if row else []
        self.query_one("#explanation", Static).update(" · ".join(part for part in parts if part))

    def on_data_table_row_highlighted(self) -> None:
        self._explain()

    def on_data_table_row_selected(self) -> None:
        self.action_open()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    def on_input_submitted(self) -> None:
        self.screen.set_focus(self.query_one(RunsTable))

    def on_resize(self) -> None:
        self._draw()

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


class RunsTable(DataTable):  # type: ignore[type-arg]
    HELP = RunsPane.HELP
    BINDINGS = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
        Binding("enter", "select_cursor", "open"),
    ]


class RunsFilter(Input):
    """Escape clears it; Enter and Down go to the table with the filter on."""

    HELP = RunsPane.HELP
    BINDINGS = [
        Binding("escape", "clear", "clear", show=False),
        Binding("down", "leave", "table", show=False),
    ]

    def action_clear(self) -> None:
        self.value = ""
        self.action_leave()

    def action_leave(self) -> None:
        self.screen.set_focus(self.screen.query_one(RunsTable))
