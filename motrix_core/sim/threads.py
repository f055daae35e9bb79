"""How many threads the simulators of this process compute with.

MotrixSim has one pool for the whole process, which is made when its first model is loaded and cannot be made anew; it
reads no environment variable. So the number belongs to the process, and is to be said before anything is simulated.
"""

from __future__ import annotations

import os

_count = 0


def use_threads(count: int) -> None:
    """Let simulators that are loaded from now on use `count` threads; 0 leaves it to the engines: one for each core."""
    global _count
    if count < 0:
        raise ValueError(f"count={count} must be 0 or more")
    _count = count


def wanted_threads() -> int:
    """What `use_threads` was given last; 0 if the engines are to choose."""
    return _count


def usable_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
