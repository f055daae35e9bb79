"""A terminal to draw on and to read keys from."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, TextIO

_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[?25h\x1b[?1049l"
# A synchronised update: the terminal shows all that stands between them at once, so that no picture is seen half drawn.
# Terminals that do not know the mode pass over it.
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
_TERMINATED = 128 + signal.SIGTERM


class Terminal:
    """The alternate screen of `out`, and single keys from stdin; both are as before when the context ends, also
    by SIGTERM, and while the process is held by Ctrl-Z.

    Only lines that have changed are sent, so that thirty frames a second fit through a slow connection.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._in = sys.stdin.fileno()
        self._shown: list[str] = []
        self._size = (0, 0)
        self._before: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._hold = False

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

    def key(self, timeout_s: float) -> str | None:
        """The next key within `timeout_s`, as text; "" when stdin has ended, None when nothing was pressed."""
        if self._hold:
            self._hold_on()
        if not select.select([self._in], [], [], max(timeout_s, 0.0))[0]:
            return None
        return os.read(self._in, 64).decode(errors="replace")

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines`, as many as the terminal has."""
        cleared = ""
        if self.size != self._size:
            self._size, self._shown = self.size, []
            cleared = "\x1b[2J"
        sent = cleared + changes(self._shown, lines)
        if sent:
            self._out.write(f"{BEGIN}{sent}{END}")
            self._out.flush()
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
