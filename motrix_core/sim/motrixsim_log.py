"""What MotrixSim writes to stderr as it begins: what it ignores of a model is told in a line, the rest as it came."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_log = logging.getLogger(__name__)
_told: set[str] = set()

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOTHING_NEW = re.compile(r"^(?:.*fields are not support.*|Motphys profiler initialized: disabled)\n", re.MULTILINE)
_IGNORED = re.compile(r"^In file: (.+?) :\n((?:  .+ at line: \d+(?:\n|$))+)", re.MULTILINE)
_FIELD = re.compile(r"^  (.+) at line: (\d+)$", re.MULTILINE)
_SHOWN = 5


@contextmanager
def output_read() -> Iterator[None]:
    """Keep back what is written to stderr, and tell it afterwards; where the block raises, the error says all of it.

    It is the process's stderr that is kept back, as the engine is no Python: a panic would otherwise fill the screen
    with its stack, though it comes as an error with the same words.
    """
    if sys.stderr is None:
        # Python has none where it was closed (2>&-); there is nothing to keep back.
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with _memory() as output:
        os.dup2(output.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
        output.seek(0)
        tell(output.read().decode(errors="replace"))


def _memory() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("motrixsim"), "w+b")
    return tempfile.TemporaryFile()


def tell(output: str) -> None:
    """Log what is ignored, the same words only once, and write the rest to stderr."""
    text = _NOTHING_NEW.sub("", _COLOURS.sub("", output))
    for file, ignored in _IGNORED.findall(text):
        fields = _FIELD.findall(ignored)
        shown = ", ".join(f"{name} in line {line}" for name, line in fields[:_SHOWN])
        more = f" and {len(fields) - _SHOWN} more" if len(fields) > _SHOWN else ""
        told = f"{file}: MotrixSim ignores {shown}{more}"
        if told not in _told:
            _told.add(told)
            _log.warning("%s", told)
    rest = _IGNORED.sub("", text)
    if rest.strip():
        sys.stderr.write(rest)
        sys.stderr.flush()
