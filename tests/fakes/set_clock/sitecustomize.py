"""Sets the clock of every Python process that has this folder on its PYTHONPATH: by as many seconds as the file named in
MOTRIX_SET_CLOCK says, from the moment that it is there."""

from __future__ import annotations

import os
import time


def _set_by(name: str) -> None:
    real = time.time

    def shifted() -> float:
        try:
            with open(name) as file:
                return real() + float(file.read())
        except FileNotFoundError:
            return real()

    time.time = shifted


if _name := os.environ.get("MOTRIX_SET_CLOCK"):
    _set_by(_name)
