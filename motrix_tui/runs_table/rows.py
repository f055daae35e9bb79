"""Rows of the table: which columns fit, what stands in them, which rows a filter keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from motrix_core.runs.text import plain
from motrix_tui.runs_table.digest import Digest
from motrix_tui.text import ago, count, duration, shortened, significant

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary

BACKENDS = {"jax": "JAX", "torch": "PyTorch"}
STATUS_STYLES = {
    "starting": "$primary",
    "running": "bold $success",
    "paused": "$warning",
    "stopping": "$warning",
    "finished": "$foreground",
    "stopped": "$muted",
    "failed": "$error",
    "crashed": "$error",
    "lost": "$error",
    "unreadable": "$error",
}
STATUS_MARKS = {"running": "●", "starting": "◌", "paused": "‖", "stopping": "◌", "finished": "✔", "stopped": "■"}


@dataclass(frozen=True)
class Column:
    """`rank` says which columns stay when there is little room: small ones first."""

    name: str
    title: str
    width: int
    rank: int
    right: bool = False


COLUMNS = (
    Column("env", "environment", 16, 0),
    Column("backend", "backend", 8, 2),
    Column("status", "status", 12, 1),
    Column("steps", "steps", 11, 3, True),
    Column("best", "best", 8, 6, True),
    Column("last", "return", 8, 4, True),
    Column("speed", "steps/s", 8, 7, True),
    Column("duration", "duration", 9, 8, True),
    Column("age", "age", 7, 5, True),
    Column("id", "run", 5, 9),
)
PADDING = 2


def columns_for(width: int) -> tuple[Column, ...]:
    """The columns that fit into `width` cells, in the order of the table."""
    chosen: list[Column] = []
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        width -= column.width + PADDING
        if width < 0:
            break
        chosen.append(column)
    return tuple(column for column in COLUMNS if column in chosen)


@dataclass(frozen=True)
class Row:
    """One run as text, by column name."""

    summary: RunSummary
    texts: dict[str, str]

    @property
    def key(self) -> str:
        return str(self.summary.run.path)

    @property
    def name(self) -> str:
        """The run's id, safe to show."""
        return plain(self.summary.run.id)

    def cell(self, column: Column) -> Content:
        text = shortened(self.texts[column.name], column.width)
        style = STATUS_STYLES.get(self.summary.status, "") if column.name == "status" else ""
        if column.name in ("id", "age", "duration"):
            style = "$muted"
        return Content.styled(text.rjust(column.width) if column.right else text, style)

    def matches(self, query: str) -> bool:
        """Whether every word of `query` is in some column; `status:failed` looks in that column only."""
        everything = " ".join((*self.texts.values(), self.name)).lower()
        for word in query.lower().split():
            name, colon, wanted = word.partition(":")
            if colon and name in self.texts:
                if wanted not in self.texts[name].lower():
                    return False
            elif word not in everything:
                return False
        return True


def make_row(summary: RunSummary, digest: Digest, now: float) -> Row:
    """`now` is in Unix seconds."""
    state = summary.state
    backend = state.segments[-1].backend if state is not None and state.segments else summary.run.backend
    steps = count(digest.env_steps) if digest.env_steps else "–"
    if state is not None and state.is_live and digest.target and digest.env_steps:
        steps += f" {min(100, 100 * digest.env_steps // digest.target):3d}%"
    mark = STATUS_MARKS.get(summary.status, "✖")
    texts = {
        "env": plain(summary.run.env),
        "backend": BACKENDS.get(backend, plain(backend)),
        "status": f"{mark} {summary.status}",
        "steps": steps,
        "best": significant(digest.best),
        "last": significant(digest.last),
        "speed": count(digest.speed),
        "duration": duration(state.elapsed_s) if state is not None else "–",
        "age": ago(now - summary.created_at) if summary.created_at else "–",
        "id": plain(summary.run.id)[-4:],
    }
    return Row(summary, texts)


def explanation(summary: RunSummary) -> str:
    """What is wrong with the run, or how it ended; "" if there is nothing to say."""
    if summary.problem is not None:
        return plain(summary.problem)
    if summary.state is not None and summary.state.cause:
        return plain(summary.state.cause)
    if summary.status == "lost":
        return "its supervisor is gone without saying how it ended"
    return ""
