"""The table itself. It draws the rows that are on the screen and no others, so that a thousand cost what twenty do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from motrix_tui.runs_table.rows import PADDING, Column, Row, Sorting

_TONES = ("muted", "live", "bold-live", "warning", "error")


class RunsTable(ScrollView, can_focus=True):
    """Rows under a heading that stays, with one of them under the cursor."""

    COMPONENT_CLASSES = {"runs-table--header", "runs-table--cursor", *(f"runs-table--{tone}" for tone in _TONES)}
    DEFAULT_CSS = """
    RunsTable { height: 1fr; background: $background; scrollbar-size-vertical: 1; overflow-x: hidden; }
    RunsTable > .runs-table--header { color: $muted; }
    RunsTable > .runs-table--muted { color: $muted; }
    RunsTable > .runs-table--live { color: $primary; }
    RunsTable > .runs-table--bold-live { color: $success; text-style: bold; }
    RunsTable > .runs-table--warning { color: $warning; }
    RunsTable > .runs-table--error { color: $error; }
    RunsTable > .runs-table--cursor { background: $panel; color: $foreground; }
    RunsTable:focus > .runs-table--cursor { background: $primary 35%; }
    """
    BINDINGS = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "to_end(False)", "first", show=False),
        Binding("end,G", "to_end(True)", "last", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """Another row is under the cursor."""

    class Selected(Message):
        """The person wants the row under the cursor opened."""

    @dataclass
    class SortWanted(Message):
        """The heading of the column `name` was clicked."""

        name: str

    def __init__(self) -> None:
        super().__init__()
        self._columns: tuple[Column, ...] = ()
        self._rows: Sequence[Row] = ()
        self._sorting: Sorting | None = None

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    def show(self, columns: tuple[Column, ...], rows: Sequence[Row], sorting: Sorting | None) -> None:
        """Show `rows` in place of those before. The cursor stays on its run; if that is gone, where it was."""
        current = self.current
        self._columns, self._rows, self._sorting = columns, rows, sorting
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        at = min(self.cursor, max(0, len(rows) - 1))
        if current is not None and (at >= len(rows) or rows[at].key != current.key):
            at = next((index for index, row in enumerate(rows) if row.key == current.key), 0)
        self.cursor = at
        self._keep_in_view()
        self.refresh()

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            style = self.get_component_rich_style("runs-table--header")
            texts = [column.heading(self._sorting) for column in self._columns]
            return self._strip([(f" {text} ", style) for text in texts], width, style)
        index = y - 1 + round(self.scroll_y)
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        if index == self.cursor:
            style = self.get_component_rich_style("runs-table--cursor")
            return self._strip([(f" {row.cell(column)} ", style) for column in self._columns], width, style)
        cells = [(f" {row.cell(column)} ", self._style(row.tone(column))) for column in self._columns]
        return self._strip(cells, width, self.rich_style)

    def _style(self, tone: str) -> Style:
        return self.get_component_rich_style(f"runs-table--{tone}") if tone else self.rich_style

    def _strip(self, cells: list[tuple[str, Style]], width: int, rest: Style) -> Strip:
        return Strip([Segment(text, style) for text, style in cells]).adjust_cell_length(width, rest)

    def watch_cursor(self, before: int, now: int) -> None:
        self._keep_in_view()
        self.refresh()
        if before != now:
            self.post_message(self.Moved())

    def _keep_in_view(self) -> None:
        lines = self.size.height - 1
        if lines < 1:
            return
        top = round(self.scroll_y)
        wanted = min(max(top, self.cursor - lines + 1), self.cursor)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)
        self._keep_in_view()

    # --- keys and mouse ---

    def action_move(self, by: int) -> None:
        self.cursor = min(max(0, self.cursor + by), max(0, len(self._rows) - 1))

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.size.height - 2))

    def action_to_end(self, last: bool) -> None:
        self.cursor = max(0, len(self._rows) - 1) if last else 0

    def action_select(self) -> None:
        if self.current is not None:
            self.post_message(self.Selected())

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            name = self._column_at(event.x)
            if name is not None:
                self.post_message(self.SortWanted(name))
            return
        index = event.y - 1 + round(self.scroll_y)
        if index >= len(self._rows):
            return
        if index == self.cursor:
            self.action_select()
        self.cursor = index

    def _column_at(self, x: int) -> str | None:
        right = 0
        for column in self._columns:
            right += column.width + PADDING
            if x < right:
                return column.name
        return None
