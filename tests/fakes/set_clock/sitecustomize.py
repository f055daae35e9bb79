"""Sets the clock of every Python process that has this folder on its PYTHONPATH.

By as many seconds as the file named in MOTRIX_SET_CLOCK says, from the moment that it is there.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


def _set_by(name: str) -> None:
    real = time.time

    def shifted() -> float:
        try:
            return real() + float(Path(name).read_text())
        except FileNotFoundError:
            return real()

    time.time = shifted


if _name := os.environ.get("MOTRIX_SET_CLOCK"):
    _set_by(_name)
