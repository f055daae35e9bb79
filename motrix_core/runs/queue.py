"""Launches that wait their turn: `<runs>/.queue/queue.json`, changed under a lock, so that windows may share it.

Entries are only data; `motrix_core.process.queue` works them off.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from motrix_core.errors import RunsFolderError
from motrix_core.runs.files import FILE_MODE, make_folder, read_json_object, replace_file

FOLDER = ".queue"
MOST_AT_ONCE = 16
# Two parts, neither of them hidden, so that a damaged file cannot lead out of the runs folder.
_RUN = re.compile(r"[A-Za-z0-9+_][\w.+-]*/[A-Za-z0-9][\w.+-]*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A launch that waits. `config` is a whole RunConfig, `extra` what config.json records beside it; `problem` says
    why it could not be started, and then it is not tried again until somebody asks for it. `run` is the folder, below
    the runs folder, of the run that a worker is making of it: written before that is made, so that whoever finds the
    entry later looks there before starting anything."""

    id: str
    config: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    added_at: float = 0.0
    problem: str | None = None
    run: str | None = None

    @property
    def title(self) -> str:
        """Environment and backend, for lists."""
        return f"{self.config.get('env')} · {self.config.get('backend')}"


@dataclass(frozen=True)
class Queue:
    """What waits, first come first; `at_once` runs may train in the runs folder at a time."""

    entries: tuple[Entry, ...] = ()
    at_once: int = 1

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries that can be started."""
        return tuple(entry for entry in self.entries if entry.problem is None)

    def with_entry(self, config: dict[str, Any], extra: dict[str, Any]) -> Queue:
        return replace(self, entries=(*self.entries, Entry(secrets.token_hex(4), config, extra, time.time())))

    def without(self, id: str) -> Queue:
        return replace(self, entries=tuple(entry for entry in self.entries if entry.id != id))

    def moved(self, id: str, by: int) -> Queue:
        """The entry `id` nearer to the front (`by` below 0) or to the end; the ends hold it."""
        at = next((index for index, entry in enumerate(self.entries) if entry.id == id), None)
        if at is None:
            return self
        entries = list(self.entries)
        entries.insert(max(0, min(len(entries) - 1, at + by)), entries.pop(at))
        return replace(self, entries=tuple(entries))

    def marked(self, id: str, problem: str | None) -> Queue:
        """With the reason why `id` could not be started; it is no longer anybody's."""
        return self._changed(id, problem=problem, run=None)

    def claimed(self, id: str, run: str | None) -> Queue:
        """With `run` (see `Entry`) as what becomes of the entry `id`; None lets go of it."""
        return self._changed(id, run=run)

    def _changed(self, id: str, **changes: Any) -> Queue:
        entries = (replace(entry, **changes) if entry.id == id else entry for entry in self.entries)
        return replace(self, entries=tuple(entries))

    def retried(self) -> Queue:
        """With every entry to be started again."""
        return replace(self, entries=tuple(replace(entry, problem=None) for entry in self.entries))

    def running(self, at_once: int) -> Queue:
        """With another number of runs at a time, from 1 to `MOST_AT_ONCE`."""
        return replace(self, at_once=max(1, min(MOST_AT_ONCE, at_once)))


def folder(runs_dir: Path) -> Path:
    return runs_dir / FOLDER


def read_queue(runs_dir: Path) -> Queue:
    """The queue of `runs_dir`, empty where there is none. Raises RunsFolderError for a damaged file."""
    path = folder(runs_dir) / "queue.json"
    try:
        data = read_json_object(path)
        entries = tuple(Entry(**entry) for entry in data["entries"])
        if any(not isinstance(entry.config, dict) or not isinstance(entry.id, str) for entry in entries):
            raise ValueError("has an entry without a configuration")
        if any(entry.run is not None and not _RUN.fullmatch(entry.run) for entry in entries):
            raise ValueError("has an entry whose run is no run's folder")
        return Queue(entries).running(int(data["at_once"]))
    except FileNotFoundError:
        return Queue()
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunsFolderError(f"{path} cannot be used: {reason}", mend="delete it to begin an empty queue") from error


def change_queue(runs_dir: Path, change: Callable[[Queue], Queue]) -> Queue:
    """Replace the queue by what `change` makes of it, and return that. Raises RunsFolderError."""
    with locked(runs_dir):
        queue = change(read_queue(runs_dir))
        write_queue(runs_dir, queue)
    return queue


def write_queue(runs_dir: Path, queue: Queue) -> None:
    """Only under `locked`. Raises RunsFolderError."""
    entries: Sequence[dict[str, Any]] = [asdict(entry) for entry in queue.entries]
    data = json.dumps({"at_once": queue.at_once, "entries": entries}, indent=1)
    try:
        replace_file(folder(runs_dir) / "queue.json", data.encode())
    except OSError as error:
        raise _unwritable(runs_dir, error) from error


@contextmanager
def locked(runs_dir: Path) -> Iterator[None]:
    """Alone with the queue; waits for others, who hold the lock for milliseconds. Raises RunsFolderError."""
    descriptor = open_lock(runs_dir, "lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_lock(runs_dir: Path, name: str) -> int:
    """A descriptor of the lock file `name`, not locked yet. Raises RunsFolderError."""
    try:
        make_folder(folder(runs_dir))
        return os.open(folder(runs_dir) / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise _unwritable(runs_dir, error) from error


def _unwritable(runs_dir: Path, error: OSError) -> RunsFolderError:
    return RunsFolderError(
        f"{folder(runs_dir)} cannot be written: {error.strerror or error}",
        mend="choose another runs folder with --runs-dir DIR or MOTRIX_RUNS_DIR",
    )
