"""What Runs can do with runs besides opening, stopping and deleting: compare, export, clone, continue, write notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.runs_table.notes_dialog import NotesDialog
from motrix_tui.runs_table.rows import Row
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.shell.exporting import Exporting
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_core.runs.notes import Notes


class MoreActions(Exporting):
    """The part of RunsPane that marks, compares, exports, clones, resumes and annotates.

    `_marked` are folders, in order of marking.
    """

    _marked: dict[Path, Run]
    _notes: Mapping[Path, Notes]
    _all: Sequence[Row]
    rows: Sequence[Row]

    @dataclass
    class CompareWanted(Message, namespace="runs_pane"):
        """The person wants to see `runs` side by side."""

        runs: list[Run]

    @dataclass
    class CloneWanted(Message, namespace="runs_pane"):
        """The person wants the settings of `run` in Launch."""

        run: Run

    @property
    def current(self) -> Row | None:
        raise NotImplementedError

    def _draw(self) -> None:
        raise NotImplementedError

    def action_mark(self) -> None:
        row = self.current
        if row is None:
            return
        run = row.summary.run
        if self._marked.pop(run.path, None) is None:
            self._marked[run.path] = run
        self._draw()

    @property
    def marked(self) -> list[Run]:
        """The marked runs in the order of marking."""
        return list(self._marked.values())

    def _selected(self) -> list[Run]:
        """The marked runs in the order of marking, without any the one under the cursor."""
        row = self.current
        return self.marked or ([row.summary.run] if row is not None else [])

    def action_compare(self) -> None:
        if runs := self._selected():
            self.post_message(self.CompareWanted(runs))

    def action_export_csv(self) -> None:
        from motrix_tui.runs_table.export import write_metrics

        if runs := self._selected():
            self.export("runs", "csv", lambda out: write_metrics(out, runs))

    def action_export_list(self) -> None:
        from motrix_tui.runs_table.export import write_list

        if rows := list(self.rows):
            self.export("list", "csv", lambda out: write_list(out, rows))

    def action_clone(self) -> None:
        row = self.current
        if row is not None:
            self.post_message(self.CloneWanted(row.summary.run))

    @work(exclusive=True, group="question")
    async def action_resume(self) -> None:
        row = self.current
        if row is None:
            return
        state = row.summary.state
        if state is not None and state.is_live:
            self.notify(f"{row.name} is {row.summary.status}; only a run that is over can be continued", markup=False)
            return
        body = f"{row.texts['env']} · {row.name} · {row.summary.status}\n\nIt goes on from its last checkpoint."
        answer = Answer("u", "Continue", "resume", "primary")
        if await self.app.push_screen_wait(Question("Continue this run?", body, (answer,))) == "resume":
            self.notify(f"checking the backend for {row.name} …", timeout=3, markup=False)
            await self._try(lambda: self._core.resume(row.summary.run))

    @work(exclusive=True, group="question")
    async def action_notes(self) -> None:
        row = self.current
        if row is None:
            return
        run = row.summary.run
        try:
            before = await in_thread(self._core.notes, run)
        except MotrixError as error:
            self.notify(plain(error), severity="error", title="Runs", markup=False)
            return
        answer = await self.app.push_screen_wait(NotesDialog(row.name, before.note, " ".join(before.tags)))
        if answer is not None:
            await self._try(lambda: self._core.write_notes(run, *answer))
            self._notes = await in_thread(self._core.all_notes, [row.summary.run for row in self._all])
            self._draw()

    async def _try(self, act: Callable[[], str | None]) -> None:
        try:
            said = await in_thread(act)
        except (MotrixError, OSError) as error:
            self.notify(plain(error), severity="error", title="Runs", markup=False)
        else:
            self.notify(plain(said or "written"), markup=False)
