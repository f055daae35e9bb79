"""What `motrix doctor` finds out about runs: damaged, lost and orphaned ones, and clocks that do not agree."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from motrix_core.commands.finding import Finding
from motrix_core.errors import MotrixError
from motrix_core.process.lost import is_orphaned, mark_lost
from motrix_core.runs.layout import RunSummary, list_runs

_CLOCK_TOLERANCE_S = 60.0
_DISK_CLOCK_TOLERANCE_S = 5.0
_SYNCHRONISE = "synchronise the clocks of the machines (chrony or ntpd); durations are right all the same"


def look_at_runs(folder: Path, *, mark: bool) -> Iterator[Finding]:
    """What is to be said about the runs in `folder`. `mark` records the end of those that are lost."""
    try:
        runs = list_runs(folder)
    except MotrixError as error:
        yield Finding("runs", "problem", error.message, error.mend or "")
        return
    lost = [summary for summary in runs if summary.status == "lost"]
    orphaned = [summary for summary in lost if summary.state is not None and is_orphaned(summary.state)]
    gone = [summary for summary in lost if summary not in orphaned]
    yield from _damaged([summary for summary in runs if summary.problem is not None])
    yield from _orphaned(orphaned)
    yield from _marked(gone) if mark else _lost(gone)
    if not lost and not any(summary.problem for summary in runs):
        yield Finding("runs", "ok", f"{len(runs)}, none damaged, none without its supervisor")
    yield _clocks(folder, runs)


def _damaged(damaged: list[RunSummary]) -> Iterator[Finding]:
    if damaged:
        first = damaged[0]
        detail = f"{len(damaged)} cannot be read, like {first.run.id}: {first.problem}"
        yield Finding("runs", "note", detail, f"motrix runs show {first.run.id}; motrix runs rm deletes a run")


def _orphaned(orphaned: list[RunSummary]) -> Iterator[Finding]:
    if orphaned:
        first = orphaned[0].run.id
        detail = f"{len(orphaned)} train without a supervisor, like {first}; a trainer ends by itself within a minute"
        # A supervisor cannot take over a process that is not its child: neither its exit code nor its pipe.
        mend = f"motrix runs stop {first}, then motrix run --resume {first}: a new supervisor goes on from there"
        yield Finding("orphaned runs", "problem", detail, mend)


def _lost(gone: list[RunSummary]) -> Iterator[Finding]:
    if gone:
        first = gone[0].run.id
        detail = f"{len(gone)} ended without anybody recording why, like {first}"
        mend = f"motrix run --resume {first} continues it; motrix doctor --mark-lost records the end of all"
        yield Finding("lost runs", "note", detail, mend)


def _marked(gone: list[RunSummary]) -> Iterator[Finding]:
    marked = 0
    for summary in gone:
        try:
            mark_lost(summary.run)
        except MotrixError as error:
            yield Finding("lost runs", "problem", error.message, error.mend or "")
        else:
            marked += 1
    if marked:
        yield Finding("lost runs", "ok", f"recorded the end of {marked}; motrix run --resume still continues them")


def _clocks(folder: Path, runs: list[RunSummary]) -> Finding:
    now = time.time()
    ahead = [(summary.state.updated_at - now, summary) for summary in runs if summary.state is not None]
    seconds, summary = max(ahead, key=lambda found: found[0], default=(0.0, None))
    if summary is not None and seconds > _CLOCK_TOLERANCE_S:
        detail = f"run {summary.run.id} was last written {seconds / 60:.0f} min in the future: this clock was set back"
        if summary.state is not None and not summary.state.is_here:
            detail = f"the clock of the host of run {summary.run.id} is {seconds / 60:.0f} min ahead of this one"
        return Finding("clock", "note", detail, _SYNCHRONISE)
    skew_s = _skew_of_disk(folder)
    if abs(skew_s) > _DISK_CLOCK_TOLERANCE_S:
        detail = f"the disk of {folder} says {abs(skew_s):.0f} s {'more' if skew_s > 0 else 'less'} than this machine"
        return Finding("clock", "note", detail, _SYNCHRONISE)
    return Finding("clock", "ok", "agrees with the runs and their disk")


def _skew_of_disk(folder: Path) -> float:
    """Seconds that the clock of the folder's file system is ahead of ours; 0 where nothing can be written to tell."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            before = time.time()
            file.write(b"x")
            file.flush()
            modified, after = os.fstat(file.fileno()).st_mtime, time.time()
    except OSError:
        return 0.0
    return modified - min(max(modified, before), after)
