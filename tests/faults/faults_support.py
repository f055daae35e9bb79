"""How much of the fault tests is run: MOTRIX_FAULTS=full (make faults) repeats as often as docs/reliability.md says."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from motrix_core.runs.layout import Run

FULL = os.environ.get("MOTRIX_FAULTS") == "full"
CHAIN_TRAINER = Path(__file__).parents[1] / "fakes" / "chain_trainer.py"


def times(short: int, full: int) -> int:
    return full if FULL else short


class Stopwatch:
    """Measures how long an answer takes. A limit is judged in the full version only: `make test` must not depend on
    how busy the machine is."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.seconds: list[float] = []

    @contextmanager
    def measure(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds.append(time.monotonic() - started)

    def tell(self, limit_s: float) -> float:
        """Say on stderr what was measured; the longest, in seconds."""
        longest, middle = max(self.seconds), sorted(self.seconds)[len(self.seconds) // 2]
        late = sum(seconds > limit_s for seconds in self.seconds)
        times = f"{len(self.seconds)} times, median {middle:.3f} s, longest {longest:.3f} s"
        sys.stderr.write(f"{self.what}: {times}, {late} above {limit_s:g} s\n")
        return longest

    def report(self, limit_s: float) -> None:
        longest = self.tell(limit_s)
        assert not FULL or longest <= limit_s, self.what


def receipts(run: Run) -> list[int]:
    """The steps whose event had been written when the chain trainer said so."""
    path = run.path / "receipts"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []
