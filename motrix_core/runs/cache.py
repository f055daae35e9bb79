"""What was found out about runs that are over, kept in the runs folder for the next start.

Nothing depends on it: the file can be deleted at any time, and what it says of a run counts only while the stamps of
the files that it was read from are the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from motrix_core.runs.files import read_json_object, replace_file
from motrix_core.runs.layout import Run

# Below this many runs, reading them all is as fast.
WORTHWHILE_RUNS = 100
_MAX_BYTES = 64 << 20

Stamp = tuple[int, int, int]


class RunsCache:
    """Entries (lists of JSON values) by run, in the hidden file `name` of `runs_dir`.

    `format` is a number that its user raises when entries mean something else than before.
    """

    def __init__(self, runs_dir: Path, name: str, format: int) -> None:
        self.path = Path(runs_dir) / name
        self._format = format

    def load(self) -> Mapping[str, list[Any]]:
        """All entries by `key_of` their runs; none if the file is missing, damaged or of another format."""
        try:
            found = read_json_object(self.path, max_bytes=_MAX_BYTES)
        except (OSError, ValueError):
            return {}
        entries = found.get("entries")
        if found.get("format") != self._format or not isinstance(entries, dict):
            return {}
        return {key: entry for key, entry in entries.items() if isinstance(entry, list)}

    def save(self, entries: Mapping[str, list[Any]]) -> None:
        """Replace what is kept. A folder that does not take it is read again at the next start, as before."""
        text = json.dumps({"format": self._format, "entries": dict(entries)}, separators=(",", ":"))
        with suppress(OSError):
            replace_file(self.path, text.encode(), sync=False)


def key_of(run: Run) -> str:
    """The run's folder below the runs folder, so that a runs folder can be moved with what is kept in it."""
    return f"{run.env}/{run.id}"


def stamp_of(path: Path) -> Stamp | None:
    """What changes when the file is replaced; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
