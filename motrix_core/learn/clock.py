"""Where the time of an update goes."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType

PHASES = ("physics", "task", "inference", "transfer", "update")
"""Physics engine; the rest of the environment; acting and recording; copies to and from the device; learning."""


class _Phase:
    __slots__ = ("_clock", "_name", "_started")

    def __init__(self, clock: PhaseClock, name: str) -> None:
        self._clock, self._name, self._started = clock, name, 0.0

    def __enter__(self) -> None:
        self._started = perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clock.seconds[self._name] += perf_counter() - self._started


class PhaseClock:
    """Adds up the seconds of each phase. Phases do not nest, so their sum never exceeds the wall time.

    A phase on an asynchronous device must wait for its results before it ends; the backends see to that.
    """

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._phases = {name: _Phase(self, name) for name in PHASES}

    def phase(self, name: str) -> _Phase:
        """A context manager that times its body as phase `name`, one of `PHASES`."""
        return self._phases[name]

    def add(self, name: str, seconds: float) -> None:
        """Count `seconds` that were measured elsewhere."""
        self.seconds[name] += seconds

    def take(self) -> dict[str, float]:
        """The seconds of each phase since the last call."""
        taken = self.seconds.copy()
        for name in PHASES:
            self.seconds[name] = 0.0
        return taken
