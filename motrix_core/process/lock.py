"""Who may supervise a run: whoever holds its lock, which the system takes back when that process ends."""

from __future__ import annotations

import fcntl
import os
import sys
import time

from motrix_core.runs.files import FILE_MODE
from motrix_core.runs.layout import Run

_LIMIT_S = 1.0
_POLL_S = 0.02


def take_lock(run: Run) -> int | None:
    """The descriptor by which this process, and its forks, hold the lock of `run`; None if somebody else does.

    Raises OSError if there is no place for it.
    """
    descriptor = _opened(run)
    deadline = time.monotonic() + _LIMIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The one before has recorded its end and is about to exit, or it is still at work.
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(_POLL_S)
            continue
        except OSError as error:
            sys.stderr.write(f"{run.path}: this file system has no locks ({error.strerror}); going on without\n")
        return descriptor


def is_supervised(run: Run) -> bool:
    """False if it is certain that nobody holds the lock of `run`. Raises OSError if that cannot be looked at."""
    descriptor = _opened(run)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Somebody has it, or this file system has no locks.
        return True
    finally:
        os.close(descriptor)
    return False


def _opened(run: Run) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(run.path / ".supervisor.lock", flags, FILE_MODE)
