"""Reading a file of JSON lines that somebody else is writing."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

_CHUNK = 256 << 10
_FINGERPRINT = 64
# Reading the clock costs a tenth of what a short line does.
_LINES_PER_CLOCK = 16
_LONG_LINE = 32 << 10
_NO_FILE = (-1, -1)


class JsonLineReader:
    """Reads JSON objects from `path` as they are appended, at the cost of the new bytes.

    A torn last line is not yet written. A line inside that is damaged, or longer than `MAX_LINE`, is skipped and
    counted in `corrupt`. If the file was truncated or replaced, reading starts again at its beginning and `restarts`
    goes up by one: what was read before then no longer counts. A poll holds at most `MAX_POLL` bytes of lines, and
    between polls at most one chunk and one line.
    """

    MAX_LINE = 2 << 20
    MAX_POLL = 8 << 20

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.corrupt = 0
        self.restarts = 0
        self.at_end = False
        self._decode = json.JSONDecoder(parse_constant=lambda _: None).decode
        self._file: tuple[int, int] | None = None
        self._modified_ns = 0
        self._begin()

    def _begin(self) -> None:
        self._offset = 0
        self._last_bytes = b""
        self._buffer = b""
        self._position = 0
        self._searched = 0
        self._skipping = False

    @property
    def offset(self) -> int:
        """Bytes of the file that have been dealt with."""
        return self._offset - (len(self._buffer) - self._position)

    def start_at(self, offset: int) -> None:
        """Begin with the first whole line after byte `offset` rather than at the beginning."""
        self._begin()
        self._offset = offset
        self._skipping = offset > 0

    def start_after(self, offset: int) -> None:
        """Begin after byte `offset`, which is where a line ended or a torn one was left."""
        # From one byte earlier: that is the newline of the line before, or a part of the torn line.
        self.start_at(max(0, offset - 1))

    def poll(self, max_events: int = 2000, budget_s: float = 0.05) -> list[dict[str, Any]]:
        """The next objects, oldest first: at most `max_events`, and as many as fit into about `budget_s` seconds.

        `at_end` then says whether everything that is in the file has been read. A missing file has nothing in it.
        Raises OSError if the file is there but cannot be read.
        """
        try:
            # Without O_NONBLOCK, a pipe that somebody put there would hold us up for ever.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            self.at_end = True
            if self._file is not None:
                # Whatever comes next is another file, even if it is given the same inode.
                self._file = _NO_FILE
            return []
        try:
            return self._poll(descriptor, max_events, time.perf_counter() + budget_s)
        finally:
            os.close(descriptor)

    def _poll(self, descriptor: int, max_events: int, deadline: float) -> list[dict[str, Any]]:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "is not a regular file", str(self.path))
        self._notice_another_file(descriptor, status)
        found: list[dict[str, Any]] = []
        length = 0
        for count in range(1, 1 << 62):
            line = self._next_line(descriptor)
            if line is None:
                self.at_end = True
                break
            length += len(line)
            value = self._value(line)
            if value is not None:
                found.append(value)
            look = count % _LINES_PER_CLOCK == 0 or len(line) > _LONG_LINE
            late = look and time.perf_counter() > deadline
            if len(found) >= max_events or length > self.MAX_POLL or late:
                self.at_end = self.offset >= status.st_size
                break
        return found

    def _notice_another_file(self, descriptor: int, status: os.stat_result) -> None:
        identity = (status.st_dev, status.st_ino)
        if self._file is None:
            self._file, self._modified_ns = identity, status.st_mtime_ns
            return
        same = identity == self._file and status.st_size >= self._offset
        if same and status.st_mtime_ns != self._modified_ns:
            # Truncated and written anew up to our offset in the meantime: only the content can tell.
            before = os.pread(descriptor, len(self._last_bytes), self._offset - len(self._last_bytes))
            same = before == self._last_bytes
        self._modified_ns = status.st_mtime_ns
        if not same:
            self._file = identity
            self.restarts += 1
            self._begin()

    def _next_line(self, descriptor: int) -> bytes | None:
        while True:
            end = self._buffer.find(b"\n", max(self._position, self._searched))
            if end >= 0:
                line = self._buffer[self._position : end]
                self._position = self._searched = end + 1
                if not self._skipping and len(line) <= self.MAX_LINE:
                    return line
                self.corrupt += not self._skipping
                self._skipping = False
                continue
            rest = b"" if self._skipping else self._buffer[self._position :]
            if len(rest) > self.MAX_LINE:
                self.corrupt += 1
                self._skipping = True
                rest = b""
            chunk = os.pread(descriptor, _CHUNK, self._offset)
            self._buffer, self._position, self._searched = rest + chunk, 0, len(rest)
            if not chunk:
                return None
            self._offset += len(chunk)
            self._last_bytes = (self._last_bytes + chunk)[-_FINGERPRINT:]

    def _value(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            value = self._parsed(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not self.accepts(value):
            self.corrupt += 1
            return None
        return value

    def _parsed(self, line: bytes) -> Any:
        """What `line` says, with None for NaN and infinities; raises ValueError or RecursionError if it is no JSON."""
        return self._decode(line.decode("utf-8"))

    def accepts(self, value: dict[str, Any]) -> bool:
        """Whether `value` has the shape that this file's lines have."""
        return True
