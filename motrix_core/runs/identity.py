"""Which process is meant: a number, its start time and the boot that both belong to."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one that got the same number.

    `create_time` is in seconds: on Linux since boot, because that does not move when somebody sets the clock;
    elsewhere since the epoch.
    """

    pid: int
    create_time: float

    def is_alive(self) -> bool:
        """Whether this very process still runs. Ask only about a process of this boot and this host."""
        try:
            return identity_of(self.pid) == self
        except PermissionError:
            # A system that hides other users' processes still says that there is one.
            return True

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "create_time": self.create_time}

    @classmethod
    def from_json(cls, value: Any) -> Identity:
        """Raises ValueError if `value` is not what `to_json` gives."""
        if not isinstance(value, dict):
            raise ValueError(f"a process must be an object with pid and create_time, not {value!r:.80}")
        pid, create_time = value.get("pid"), value.get("create_time")
        # Signals to 0, 1 and negative numbers reach whole groups or init.
        if type(pid) is not int or not 1 < pid < 2**31:
            raise ValueError(f"pid must be a whole number above 1, not {pid!r:.80}")
        if isinstance(create_time, bool) or not isinstance(create_time, (int, float)) or not 0 <= create_time < 2**53:
            raise ValueError(f"create_time must be a number, not {create_time!r:.80}")
        return cls(pid, float(create_time))


def identity_of(pid: int) -> Identity | None:
    """The process that has this number now; None if there is none, or if it has ended and awaits its parent.

    Raises PermissionError for another user's process where the system hides those.
    """
    if sys.platform.startswith("linux"):
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if fields[0] in (b"Z", b"X"):
            return None
        return Identity(pid, int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, process.create_time())
    except psutil.NoSuchProcess:
        return None


def own_identity() -> Identity:
    identity = identity_of(os.getpid())
    if identity is None:
        raise ProcessLookupError(f"this process, {os.getpid()}, is not listed by the system; is /proc mounted?")
    return identity


@lru_cache(maxsize=1)
def boot_id() -> str:
    """A name for the time since the machine was last started."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        import psutil

        return f"boot-{int(psutil.boot_time())}"


@lru_cache(maxsize=1)
def host_name() -> str:
    return socket.gethostname()
