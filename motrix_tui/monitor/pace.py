"""How reading a run shares the event loop with keys and drawing. No Textual in here."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST_SLICE_S = 0.004
MOST_SLICE_S = 0.025
"""Seconds of reading at a time. Taking in what was read comes on top, half as long."""
LEAST_PAUSE_S = 0.005
BEHIND_DRAW_S = 0.5
"""While not all that there is has been read, seconds between two drawings of the charts."""


class ReadingPace:
    """Halves the event loop between reading and everybody else, for as long as there is more to read.

    Slices and pauses are short, for keys. But where others keep the loop for longer than the pause, because a screen is
    drawn or other programs have the processor, the next slice is longer by as much, up to a limit, and the pause after
    it shorter: slices of a fixed length would there read slower than a run can be written. For the same reason charts,
    which cost the most, are drawn less often until all is read. `clock` gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._due: float | None = None
        self._late_s = 0.0
        self._drawn = self._began - BEHIND_DRAW_S
        self._has_been_at_end = False

    def begin(self) -> float:
        """A slice begins; returns the seconds that it may read for."""
        self._began = self._clock()
        self._late_s = 0.0 if self._due is None else max(0.0, self._began - self._due)
        return min(LEAST_SLICE_S + self._late_s, MOST_SLICE_S)

    def end(self, *, at_end: bool) -> float:
        """The slice has ended, `at_end` of the file or not; returns the seconds to leave to others."""
        ended = self._clock()
        pause_s = max(ended - self._began - self._late_s, LEAST_PAUSE_S)
        # At the end there is no next slice to be late.
        self._due = None if at_end else ended + pause_s
        self._has_been_at_end |= at_end
        return pause_s

    def is_time_to_draw(self) -> bool:
        """Whether charts should be drawn now: at every call while reading keeps up, and else now and then."""
        return self._has_been_at_end or self._clock() - self._drawn >= BEHIND_DRAW_S

    def drawn(self) -> None:
        """The charts have just been drawn."""
        self._drawn = self._clock()
        self._has_been_at_end = False
