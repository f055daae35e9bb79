"""`events.jsonl`: what happened in a run, one JSON object per line, only ever appended."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from motrix_core.errors import RunsFolderError
from motrix_core.runs.files import FILE_MODE
from motrix_core.runs.text import printable_json

EventType = Literal[
    "run_started",
    "segment_started",
    "metrics",
    "evaluation",
    "checkpoint",
    "control",
    "warning",
    "segment_ended",
    "run_ended",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)


class EventWriter:
    """Appends events to `path`; each is on its way to the disk when `write` returns, whatever becomes of this process.

    A line is one `write()` on an unbuffered O_APPEND file, so several processes may have a writer each. What the
    kernel holds is put on the disk every `sync_every_s` seconds by a thread, so that a slow disk never holds up
    training: a power loss costs at most that much.
    """

    def __init__(self, path: Path, *, sync_every_s: float = 5.0) -> None:
        self.path = Path(path)
        self.sync_every_s = sync_every_s
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self.path, flags, FILE_MODE)
            self._torn = _ends_in_the_middle(self._descriptor)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._unsynced = False
        self._failure: OSError | None = None
        self._closing = threading.Event()
        self._syncer: threading.Thread | None = None

    def write(self, type: EventType, *, env_steps: int, update: int, data: Mapping[str, Any]) -> None:
        """Append one event. NumPy scalars are accepted; numbers that are not finite become null.

        Raises RunsFolderError if the line did not get into the file as a whole, or if an earlier one did not get on
        the disk; ValueError for an unknown `type`.
        """
        if type not in EVENT_TYPES:
            raise ValueError(f"unknown event type {type!r}; known: {', '.join(EVENT_TYPES)}")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise _cannot_write(self.path, failure)
        event = {
            "type": type,
            "time": time.time(),
            # Somebody may set the clock during a run; from this, durations stay right.
            "clock": round(time.monotonic(), 3),
            "env_steps": int(env_steps),
            "update": int(update),
            "data": data if isinstance(data, dict) else dict(data),
        }
        line = encode(event)
        # A crash, or a full disk, may have left half a line; the next must not be glued to it.
        line = b"\n" + line if self._torn else line
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        self._torn = written < len(line)
        if self._torn:
            raise _cannot_write(self.path, OSError(28, f"only {written} of {len(line)} bytes fitted"))
        self._unsynced = True
        if self._syncer is None:
            self._syncer = threading.Thread(target=self._sync_regularly, name="event-sync", daemon=True)
            self._syncer.start()

    def sync(self) -> None:
        """Return when everything written so far is on the disk."""
        self._unsynced = False
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise _cannot_write(self.path, error) from error

    def close(self) -> None:
        """Sync and close. Raises RunsFolderError if something did not get on the disk."""
        if self._descriptor < 0:
            return
        self._closing.set()
        if self._syncer is not None:
            self._syncer.join()
        try:
            if self._failure is not None:
                raise _cannot_write(self.path, self._failure)
            self.sync()
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _sync_regularly(self) -> None:
        while not self._closing.wait(self.sync_every_s):
            if self._unsynced:
                # Cleared first: a line that is written during the sync waits for the next one.
                self._unsynced = False
                try:
                    os.fdatasync(self._descriptor)
                except OSError as error:
                    self._failure = error


def encode(value: Mapping[str, Any]) -> bytes:
    """`value` as one line of ASCII JSON with its newline; numbers that are not finite become null."""
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain_value)
    except ValueError:
        text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False, default=_plain_value)
    return printable_json(text).encode("ascii") + b"\n"


def _plain_value(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    raise TypeError(f"an event cannot hold a {type(value).__name__}: {value!r:.80}")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _ends_in_the_middle(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def _cannot_write(path: Path, error: OSError) -> RunsFolderError:
    reason = error.strerror or str(error)
    return RunsFolderError(f"{path} cannot be written: {reason}", mend="free space there, or check who owns the folder")
