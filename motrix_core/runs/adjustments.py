"""What was set during training, and after which update: a run that goes on from an earlier checkpoint takes it again
at the same moments, so that it ends with the bits of one that never stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motrix_core.runs.control import request_problem
from motrix_core.runs.reader import KindReader

_RATE = "ppo.learning_rate"


class Adjustments:
    """What was set after which update, oldest first, as far as nothing newer takes its place.

    A setting counts for the run's past as well as for its future: one that somebody makes at update 11, after the run
    went back there, replaces what had been set at update 12 before it went back.
    """

    def __init__(self) -> None:
        self._set: list[tuple[int, dict[str, float]]] = []

    @classmethod
    def read(cls, path: Path) -> Adjustments:
        """Those that the events in `path` tell of. Raises OSError if the file is there but cannot be read."""
        found = cls()
        reader = KindReader(path, "control", "warning")
        while not reader.at_end:
            for event in reader.poll():
                found._read_event(event)
        return found

    def _read_event(self, event: Mapping[str, Any]) -> None:
        data, update = event["data"], event["update"]
        if event["type"] == "control" and data.get("type") == "set" and data.get("done") is True:
            self._add_valid(update, data.get("values"))
        elif event["type"] == "warning" and "back_to" in data:
            self.forget_after(update)
            self._add_valid(update, {_RATE: data.get("learning_rate")})

    def _add_valid(self, update: int, values: Any) -> None:
        # The file may have been damaged since: what no trainer would have taken is not taken now.
        if request_problem({"type": "set", "values": values}) is None:
            self.add(update, values)

    def add(self, update: int, values: Mapping[str, float]) -> None:
        """Note that `values`, by their paths, were set after `update`."""
        for at, known in self._set:
            if at >= update:
                for path in values:
                    known.pop(path, None)
        self._set.append((update, {path: float(value) for path, value in values.items()}))

    def forget_after(self, update: int) -> tuple[str, ...]:
        """Forget what was set after later updates than `update`; returns its paths, sorted."""
        forgotten = {path for at, values in self._set if at > update for path in values}
        self._set = [(at, values) for at, values in self._set if at <= update]
        return tuple(sorted(forgotten))

    def at(self, update: int) -> dict[str, float]:
        """What has to be set after `update`, by its path; empty where that is nothing."""
        merged: dict[str, float] = {}
        for at, values in self._set:
            if at == update:
                merged.update(values)
        return merged
