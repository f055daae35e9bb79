"""The list of runs, kept up to date at the cost of what has changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from motrix_core.errors import RunsFolderError
from motrix_core.runs.cache import WORTHWHILE_RUNS, RunsCache, Stamp, key_of, stamp_of
from motrix_core.runs.layout import Run, RunSummary, iter_runs, summarise
from motrix_core.runs.state import RunState

_FORMAT = 1
_Known = tuple[Stamp | None, RunSummary]


class RunIndex:
    """Summaries of the runs below `runs_dir`, for whoever asks several times a second.

    A run is read again when its state.json was replaced; a configuration never changes. In a folder of a hundred runs
    or more, what those that are over say is kept in `.index.json`, which can be deleted.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = Path(runs_dir)
        self._known: dict[Path, _Known] = {}
        self._cache = RunsCache(self.runs_dir, ".index.json", _FORMAT)
        self._kept: Mapping[str, list[Any]] | None = None
        self._unkept = 0

    def refresh(self) -> list[RunSummary]:
        """Every run, newest first; damaged ones too, each with its `problem`. Raises RunsFolderError if the folder
        cannot be read."""
        if self._kept is None:
            self._kept = self._cache.load()
        known = {run.path: self._look_at(run) for run in iter_runs(self.runs_dir)}
        self._known, self._kept = known, {}
        self._keep()
        summaries = [summary for _, summary in known.values()]
        return sorted(summaries, key=lambda summary: (summary.created_at, summary.run.id), reverse=True)

    def _look_at(self, run: Run) -> _Known:
        stamp = stamp_of(run.paths.state)
        before = self._known.get(run.path)
        if before is None and stamp is not None:
            before = self._kept_summary(run, stamp)
        if before is not None and before[1].problem is None and stamp is not None and stamp == before[0]:
            return before
        if before is None or before[1].problem is not None:
            summary = summarise(run)
        else:
            try:
                summary = replace(before[1], state=run.state())
            except RunsFolderError as error:
                summary = replace(before[1], state=None, problem=error.message)
        self._unkept += summary.state is not None and summary.state.is_final
        return stamp, summary

    # --- between starts ---

    def _kept_summary(self, run: Run, stamp: Stamp) -> _Known | None:
        entry = (self._kept or {}).get(key_of(run))
        if entry is None or len(entry) != 3 or entry[0] != list(stamp) or not isinstance(entry[2], dict):
            return None
        _, created_at, state = entry
        try:
            summary = RunSummary(run, float(created_at), RunState.from_json(state))
        except (TypeError, ValueError):
            return None
        return (stamp, summary) if math.isfinite(summary.created_at) else None

    def _keep(self) -> None:
        """Write what is new to the disk, for the next start."""
        if not self._unkept or len(self._known) < WORTHWHILE_RUNS:
            return
        entries = {}
        for stamp, summary in self._known.values():
            if summary.state is not None and summary.state.is_final and stamp is not None:
                entries[key_of(summary.run)] = [stamp, summary.created_at, summary.state.to_json()]
        self._cache.save(entries)
        self._unkept = 0
