"""Runs as CSV for further work: the metrics of some, and the list. No Textual in here."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

from motrix_core.runs.text import plain
from motrix_tui.compare import data
from motrix_tui.compare.export import write_csv
from motrix_tui.runs_table.rows import Row

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

LIST_COLUMNS = (
    "run", "environment", "backend", "status", "env_steps", "max_env_steps", "best_return", "last_return",
    "steps_per_s", "duration_s", "created", "tags", "note", "folder",
)  # fmt: skip


def write_metrics(out: TextIO, runs: Sequence[Run]) -> list[str]:
    """Every metric of `runs` over env steps, as Compare writes its curves, one run after the other.

    Each curve is named after its run. Returns a line for each run that could not be read to its end, of which there is
    what could be read. Raises MotrixError if no run has a metric.
    """
    problems: list[str] = []

    def curves() -> Iterator[tuple[str, Sequence[data.Line]]]:
        for run in runs:
            loaded = data.load(run)
            if loaded.problem:
                problems.append(f"{plain(run.id)}: {loaded.problem}")
            for name in loaded.series.names():
                yield plain(name), [data.Line(f"{plain(run.env)}/{plain(run.id)}", *loaded.series.xy(name))]

    write_csv(out, curves(), "env steps")
    return problems


def write_list(out: TextIO, rows: Sequence[Row]) -> None:
    """One line for each of `rows`, numbers in full: env steps, seconds, times in UTC. What is not known is empty."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(LIST_COLUMNS)
    for row in rows:
        summary, digest, notes = row.summary, row.digest, row.notes
        writer.writerow(
            (
                row.name,
                plain(summary.run.env),
                row.backend,
                summary.status,
                digest.env_steps,
                digest.target if digest.target is not None else "",
                _number(digest.best),
                _number(digest.last),
                _number(digest.speed),
                _number(summary.state.elapsed_s if summary.state is not None else None),
                _moment(summary.created_at),
                " ".join(notes.tags) if notes is not None else "",
                notes.note if notes is not None else "",
                plain(summary.run.path),
            )
        )


def _number(value: float | None) -> str:
    return f"{value:.9g}" if value is not None and math.isfinite(value) else ""


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds") if seconds else ""
    except (ValueError, OverflowError, OSError):
        # What a damaged config.json says may be no time at all.
        return ""
