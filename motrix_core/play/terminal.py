"""A terminal to draw on and to read keys from."""

from __future__ import annotations

import math
import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, TextIO

_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[?25h\x1b[?1049l"
# A synchronised update: the terminal shows all that stands between them at once, so that no picture is seen half drawn.
# Terminals that do not know the mode pass over it.
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
# A device status report, which every terminal answers once it has shown what was sent before.
ASK, ANSWER = "\x1b[5n", "\x1b[0n"
_BEHIND_S = 0.25
# After so long an answer is lost.
_LOST_S = 5.0
# How long to wait for the last answers, so that they do not come as if typed into the shell.
_LAST_S, _LAST_UNKNOWN_S = 1.0, 0.25
_CHUNK = 4096
# What the beginning of an answer looks like, and how long its rest may be on the way.
_PARTS = tuple(ANSWER[:length].encode() for length in range(1, len(ANSWER)))
_REST_S = 0.05
_TERMINATED = 128 + signal.SIGTERM


class Terminal:
    """The alternate screen of `out`, and single keys from stdin; both are as before when the context ends, also
    by SIGTERM, and while the process is held by Ctrl-Z.

    Only lines that have changed are sent, so that thirty frames a second fit through a slow connection. Where they do
    not, a connection takes seconds of them into its buffers, and a key would be seen to act only after those: so the
    terminal is asked after every picture, and gets no other while it is behind (`is_behind`).
    """

    def __init__(self, out: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out, self._clock = out or sys.stdout, clock
        self._in = sys.stdin.fileno()
        self._shown: list[str] = []
        self._size = (0, 0)
        self._before: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._hold = False
        # When the questions that have no answer yet were asked, s.
        self._asked: deque[float] = deque()
        # The shortest time that an answer took, s; infinite until one has come.
        self._round_trip = math.inf
        self._unread = b""

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._in)
        wanted = {signal.SIGTSTP: self._ask_to_hold, signal.SIGTERM: _terminate}
        self._handlers = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _take(self) -> None:
        # Keys come one by one; Ctrl-C stays an interrupt.
        tty.setcbreak(self._in)
        self._out.write(_ENTER)
        self._out.flush()
        # Nothing of ours is on the screen: the next picture is drawn as a whole.
        self._size, self._shown = (0, 0), []

    def _give_back(self) -> None:
        try:
            self._await_answers()
        finally:
            if self._before is not None:
                termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
            self._out.write(_LEAVE)
            self._out.flush()

    def _ask_to_hold(self, number: int, frame: FrameType | None) -> None:
        # Not here: a signal may come in the middle of a picture that is being written.
        self._hold = True

    def _hold_on(self) -> None:
        """Let the shell have the terminal until it says that we go on."""
        self._hold = False
        self._give_back()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)
        self._take()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, now."""
        found = shutil.get_terminal_size((80, 24))
        return max(found.columns, 1), max(found.lines, 1)

    @property
    def is_behind(self) -> bool:
        """Whether an answer is a quarter of a second late. A terminal that never answers is taken to keep up."""
        now = self._clock()
        while self._asked and now - self._asked[0] > _LOST_S:
            self._asked.popleft()
        return bool(self._asked) and now - self._asked[0] > self._round_trip + _BEHIND_S

    def key(self, timeout_s: float) -> str | None:
        """The next keys within `timeout_s`, as text; "" when stdin has ended, None when nothing was pressed."""
        if self._hold:
            self._hold_on()
        deadline = time.monotonic() + timeout_s
        while self._has_input(deadline - time.monotonic()):
            if (typed := self._read()) is None or typed:
                return typed or ""
        return None

    def _has_input(self, timeout_s: float) -> bool:
        return bool(select.select([self._in], [], [], max(timeout_s, 0.0))[0])

    def _read(self) -> str | None:
        """What was typed, less the terminal's answers: "" if it was nothing else, None when stdin has ended."""
        data = os.read(self._in, _CHUNK)
        if not data:
            return None
        data = self._unread + data
        # An answer may come in two parts. Escape alone is a key, unless more follows at once.
        if self._asked and data.endswith(_PARTS) and self._has_input(_REST_S):
            self._unread = data
            return ""
        self._unread = b""
        *typed, rest = data.split(ANSWER.encode())
        for _ in typed:
            if self._asked:
                self._round_trip = min(self._round_trip, self._clock() - self._asked.popleft())
        return b"".join([*typed, rest]).decode(errors="replace")

    def _await_answers(self) -> None:
        deadline = time.monotonic() + (_LAST_S if math.isfinite(self._round_trip) else _LAST_UNKNOWN_S)
        while self._asked and self._has_input(deadline - time.monotonic()) and self._read() is not None:
            pass
        self._asked.clear()

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines`, as many as the terminal has."""
        cleared = ""
        if self.size != self._size:
            self._size, self._shown = self.size, []
            cleared = "\x1b[2J"
        sent = cleared + changes(self._shown, lines)
        if sent:
            self._out.write(f"{BEGIN}{sent}{END}{ASK}")
            self._out.flush()
            self._asked.append(self._clock())
        self._shown = list(lines)


def _terminate(number: int, frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)


def changes(before: Sequence[str], now: Sequence[str]) -> str:
    """What to send to a terminal that shows `before` so that it shows `now`: every line that differs, and no other."""
    parts = []
    for index, line in enumerate(now):
        if index >= len(before) or before[index] != line:
            parts.append(f"\x1b[{index + 1};1H{line}\x1b[K")
    parts += [f"\x1b[{index + 1};1H\x1b[K" for index in range(len(now), len(before))]
    return "".join(parts)
