"""The processes below the supervisor, whatever group or session they have moved to."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

import psutil

from motrix_core.process.identity import send_signal
from motrix_core.runs.identity import boot_id, identity_of

_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.02


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant whose own parent ends, so that none can get out of sight.

    False where the system has no such thing; then only processes whose parents live are found.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def descendants() -> list[psutil.Process]:
    """Every living process below this one."""
    try:
        return psutil.Process().children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def reap() -> dict[int, int]:
    """Wait status by process number of every child that has ended, adopted ones too."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def end_descendants(*, grace_s: float, limit_s: float = 5.0) -> dict[int, int]:
    """TERM, and after `grace_s` seconds KILL, for every process below this one, until none is left or `limit_s` passed.

    Returns the wait statuses of those that were our children. Processes that start others meanwhile are followed.
    """
    ended: dict[int, int] = {}
    started = time.monotonic()
    terminated: set[int] = set()
    while True:
        ended.update(reap())
        left = [identity for child in descendants() if (identity := identity_of(child.pid))]
        elapsed = time.monotonic() - started
        if not left or elapsed > grace_s + limit_s:
            return ended
        for process in left:
            if elapsed >= grace_s:
                send_signal(process, boot_id(), signal.SIGKILL)
            elif process.pid not in terminated:
                terminated.add(process.pid)
                send_signal(process, boot_id(), signal.SIGTERM)
        time.sleep(_POLL_S)
