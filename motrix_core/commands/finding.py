"""What `motrix doctor` says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. A "note" keeps nobody from training; a "problem" keeps somebody from something."""

    what: str
    level: Level
    detail: str
    mend: str = ""
