"""Rows of the table: which columns fit, what stands in them, and how they are ordered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from motrix_core.runs.text import plain
from motrix_tui.runs_table.digest import Digest
from motrix_tui.text import BACKEND_TITLES, BARS, ago, count, duration, significant

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary
    from motrix_core.runs.notes import Notes

STATUS_TONES = {
    "starting": "live",
    "running": "bold-live",
    "paused": "warning",
    "stopping": "warning",
    "finished": "",
    "stopped": "muted",
}
STATUS_MARKS = {"running": "●", "starting": "◌", "paused": "‖", "stopping": "◌", "finished": "✔", "stopped": "■"}
PADDING = 2
_TREND_WIDTH = 10
_WIDEST_NAME = 32


@dataclass(frozen=True)
class Sorting:
    """By which column the rows are ordered; the greatest first if `down`."""

    name: str
    down: bool = True


@dataclass(frozen=True)
class Column:
    """`rank` says which columns stay when there is little room: small ones first."""

    name: str
    title: str
    width: int
    rank: int
    right: bool = False

    def aligned(self, text: str) -> str:
        """`text` in exactly the cells of this column, an ellipsis standing for what is left out."""
        missing = self.width - cell_len(text)
        if missing < 0:
            return set_cell_size(text, self.width - 1) + "…"
        return " " * missing + text if self.right else text + " " * missing

    def heading(self, sorting: Sorting | None) -> str:
        """The title, with an arrow if the rows are ordered by this column."""
        if sorting is None or sorting.name != self.name:
            return self.aligned(self.title)
        return self.aligned(f"{self.title[: self.width - 1]}{'▾' if sorting.down else '▴'}")


COLUMNS = (
    Column("env", "environment", 16, 0),
    Column("backend", "backend", 8, 2),
    Column("status", "status", 12, 1),
    Column("steps", "steps", 11, 3, True),
    Column("best", "best", 8, 6, True),
    Column("last", "return", 8, 4, True),
    Column("trend", "returns", _TREND_WIDTH, 9),
    Column("speed", "steps/s", 8, 7, True),
    Column("duration", "duration", 8, 8, True),
    Column("age", "age", 7, 5, True),
    Column("id", "run", 5, 10),
)


def columns_for(width: int) -> tuple[Column, ...]:
    """The columns that fit into `width` cells, in the order of the table; what is left goes to long names."""
    chosen: list[Column] = []
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if column.width + PADDING > width:
            break
        width -= column.width + PADDING
        chosen.append(column)
    columns = tuple(column for column in COLUMNS if column in chosen)
    return tuple(
        replace(column, width=min(column.width + width, _WIDEST_NAME)) if column.name == "env" else column
        for column in columns
    )


@dataclass(frozen=True)
class Row:
    """One run. Its texts are made when they are asked for: of a thousand rows, twenty are on the screen.

    `now` is in Unix seconds.
    """

    summary: RunSummary
    digest: Digest
    now: float
    notes: Notes | None = None
    marked: bool = False

    @cached_property
    def key(self) -> str:
        return str(self.summary.run.path)

    @property
    def name(self) -> str:
        """The run's id, safe to show."""
        return plain(self.summary.run.id)

    @cached_property
    def backend(self) -> str:
        """The title of the backend of the newest segment."""
        state = self.summary.state
        backend = state.segments[-1].backend if state is not None and state.segments else self.summary.run.backend
        return BACKEND_TITLES.get(backend, plain(backend))

    @cached_property
    def texts(self) -> dict[str, str]:
        """What stands in each column, by its name, and under `tag` and `note` what was written about the run."""
        summary, digest, state = self.summary, self.digest, self.summary.state
        status = summary.status
        return {
            "env": f"◆ {plain(summary.run.env)}" if self.marked else plain(summary.run.env),
            "backend": self.backend,
            "status": f"{STATUS_MARKS.get(status, '✖')} {status}",
            "steps": self._steps(),
            "best": significant(digest.best),
            "last": significant(digest.last),
            "trend": sparkline(digest.returns, _TREND_WIDTH),
            "speed": count(digest.speed),
            "duration": duration(state.elapsed_s) if state is not None else "–",
            "age": ago(self.now - summary.created_at) if summary.created_at else "–",
            "id": plain(summary.run.id)[-4:],
            "tag": " ".join(self.notes.tags) if self.notes else "",
            "note": self.notes.note if self.notes else "",
        }

    def _steps(self) -> str:
        steps, state = self.digest.env_steps, self.summary.state
        text = count(steps) if steps else "–"
        if state is not None and state.is_live and self.digest.target and steps:
            text += f" {min(100, 100 * steps // self.digest.target):3d}%"
        return text

    @cached_property
    def words(self) -> str:
        """Everything that a word in the filter is looked for in, in small letters."""
        return " ".join((*(text for name, text in self.texts.items() if name != "trend"), self.name)).lower()

    def cell(self, column: Column) -> str:
        """The text in `column`, in exactly its cells."""
        return column.aligned(self.texts[column.name])

    def tone(self, column: Column) -> str:
        """How the cell in `column` is coloured: "" for the ordinary foreground."""
        if column.name == "status":
            return STATUS_TONES.get(self.summary.status, "error")
        return "muted" if column.name in ("id", "age", "duration") else ""

    def number(self, name: str) -> float | None:
        """The number behind the column `name`, in env steps and seconds; None if there is none."""
        summary, digest = self.summary, self.digest
        if name == "age":
            return self.now - summary.created_at if summary.created_at else None
        if name == "duration":
            return summary.state.elapsed_s if summary.state is not None else None
        numbers = {"steps": digest.env_steps, "best": digest.best, "last": digest.last, "speed": digest.speed}
        return numbers.get(name)


NUMBERS = {"steps", "best", "last", "speed", "duration", "age"}
SORTABLE = tuple(column.name for column in COLUMNS if column.name != "trend")


def in_order(rows: Sequence[Row], sorting: Sorting | None) -> list[Row]:
    """`rows` by a column, those without a value last; in their own order where that says nothing."""
    if sorting is None:
        return list(rows)
    if sorting.name in NUMBERS:
        known = [(row.number(sorting.name), row) for row in rows]
        found = [(value, row) for value, row in known if value is not None and math.isfinite(value)]
        with_value = {id(row) for _, row in found}
        found.sort(key=lambda pair: pair[0], reverse=sorting.down)
        return [row for _, row in found] + [row for row in rows if id(row) not in with_value]
    return sorted(rows, key=lambda row: row.texts[sorting.name].lower(), reverse=sorting.down)


def sparkline(values: Sequence[float], width: int) -> str:
    """`values` as bars, at most `width` of them, the lowest as the lowest bar; "" for fewer than two."""
    if len(values) < 2:
        return ""
    edges = [index * len(values) // min(width, len(values)) for index in range(min(width, len(values)) + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def explanation(summary: RunSummary) -> str:
    """What is wrong with the run, or how it ended; "" if there is nothing to say."""
    if summary.problem is not None:
        return plain(summary.problem)
    if summary.state is not None and summary.state.cause:
        return plain(summary.state.cause)
    if summary.status == "lost":
        return "its supervisor is gone without saying how it ended"
    return ""
