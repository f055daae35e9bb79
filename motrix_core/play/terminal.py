"""A terminal to draw on and to read keys from."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TextIO

_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[?25h\x1b[?1049l"


class Terminal:
    """The alternate screen of `out`, and single keys from stdin; both are as before when the context ends.

    Only lines that have changed are sent, so that thirty frames a second fit through a slow connection.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._in = sys.stdin.fileno()
        self._shown: list[str] = []
        self._size = (0, 0)
        self._before: list[Any] | None = None

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._in)
        # Keys come one by one; Ctrl-C stays an interrupt.
        tty.setcbreak(self._in)
        self._out.write(_ENTER)
        self._out.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)
        self._out.write(_LEAVE)
        self._out.flush()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, now."""
        found = shutil.get_terminal_size((80, 24))
        return max(found.columns, 1), max(found.lines, 1)

    def key(self, timeout_s: float) -> str | None:
        """The next key within `timeout_s`, as text; "" when stdin has ended, None when nothing was pressed."""
        if not select.select([self._in], [], [], max(timeout_s, 0.0))[0]:
            return None
        return os.read(self._in, 64).decode(errors="replace")

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines`, as many as the terminal has."""
        if self.size != self._size:
            self._size, self._shown = self.size, []
            self._out.write("\x1b[2J")
        self._out.write(changes(self._shown, lines))
        self._out.flush()
        self._shown = list(lines)


def changes(before: Sequence[str], now: Sequence[str]) -> str:
    """What to send to a terminal that shows `before` so that it shows `now`: every line that differs, and no other."""
    parts = []
    for index, line in enumerate(now):
        if index >= len(before) or before[index] != line:
            parts.append(f"\x1b[{index + 1};1H{line}\x1b[K")
    parts += [f"\x1b[{index + 1};1H\x1b[K" for index in range(len(now), len(before))]
    return "".join(parts)
