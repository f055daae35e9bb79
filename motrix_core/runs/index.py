"""The list of runs, kept up to date at the cost of what has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from motrix_core.errors import RunsFolderError
from motrix_core.runs.layout import Run, RunSummary, iter_runs, summarise

_Stamp = tuple[int, int, int]


class RunIndex:
    """Summaries of the runs below `runs_dir`, for whoever asks several times a second.

    A run is read again when its state.json was replaced; a configuration never changes. Nothing is kept on disk.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = Path(runs_dir)
        self._known: dict[Path, tuple[_Stamp | None, RunSummary]] = {}

    def refresh(self) -> list[RunSummary]:
        """Every run, newest first; damaged ones too, each with its `problem`. Raises RunsFolderError if the folder
        cannot be read."""
        known = {run.path: self._look_at(run) for run in iter_runs(self.runs_dir)}
        self._known = known
        summaries = [summary for _, summary in known.values()]
        return sorted(summaries, key=lambda summary: (summary.created_at, summary.run.id), reverse=True)

    def _look_at(self, run: Run) -> tuple[_Stamp | None, RunSummary]:
        stamp = _stamp(run.paths.state)
        before = self._known.get(run.path)
        if before is None or before[1].problem is not None:
            return stamp, summarise(run)
        if stamp is not None and stamp == before[0]:
            return before
        try:
            return stamp, replace(before[1], state=run.state())
        except RunsFolderError as error:
            return stamp, replace(before[1], state=None, problem=error.message)


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
