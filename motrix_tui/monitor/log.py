"""The end of `console.log`, read as it grows, and the pane that shows it."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from motrix_core.runs.text import plain

MAX_LINES = 5000
_MAX_LINE = 2000
_CHUNK = 256 << 10
_FIRST_READ = 1 << 20
# Colours and styles are harmless noise in a log; every other control sequence is shown as what it is.
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


class LogTail:
    """Lines of a log file that somebody else is writing, safe to show, the newest 5,000.

    A torn last line waits until it is whole. Carriage returns, as progress bars send them, leave only what was written
    last. A long log is read from its last MiB.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.total = 0
        self.problem: str | None = None
        self._offset: int | None = None
        self._torn = b""
        self._file: tuple[int, int] | None = None

    def poll(self) -> bool:
        """Read what is new, at most 256 KiB of it (1 MiB the first time); returns whether there are new lines."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return False
        except OSError as error:
            self.problem = f"{self.path} cannot be read: {error.strerror or error}"
            return False
        try:
            return self._take(descriptor)
        except OSError as error:
            self.problem = f"{self.path} cannot be read: {error.strerror or error}"
            return False
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> bool:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "is not a regular file")
        self.problem = None
        identity = (status.st_dev, status.st_ino)
        if self._offset is None or identity != self._file or status.st_size < self._offset:
            self._file, self._torn = identity, b""
            self._offset = max(0, status.st_size - _FIRST_READ)
            size, inside = _FIRST_READ, self._offset > 0
        else:
            size, inside = _CHUNK, False
        data = os.pread(descriptor, size, self._offset)
        self._offset += len(data)
        if inside:
            data = data.partition(b"\n")[2]
        *whole, self._torn = (self._torn + data).split(b"\n")
        if len(self._torn) > _CHUNK:
            # Output without line ends must not grow without bound.
            whole, self._torn = [*whole, self._torn], b""
        self.lines.extend(_shown(line) for line in whole)
        self.total += len(whole)
        return bool(whole)


def _shown(line: bytes) -> str:
    text = line[: 4 * _MAX_LINE].decode("utf-8", errors="replace").rstrip("\r")
    text = _COLOUR.sub("", text.rpartition("\r")[2]).expandtabs(4)
    return plain(text, limit=_MAX_LINE)


class LogPane(ScrollView, can_focus=True):
    """Follows the end of the log until it is scrolled up; End follows again."""

    ALLOW_SELECT = False
    HELP = "The trainer's output. It follows the end until scrolled up; End follows again. / shows only matching lines."
    DEFAULT_CSS = """
    LogPane {
        border: round $rule; border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $muted; scrollbar-size: 1 1; background: $background;
    }
    LogPane:focus { border: round $primary; }
    LogPane.-bare { border: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "log"
        self._tail: LogTail | None = None
        self._shown: list[str] = []
        self._filter = ""
        self.following = True

    @property
    def lines(self) -> list[str]:
        """The lines that are shown, oldest first."""
        return self._shown

    def open(self, tail: LogTail | None) -> None:
        self._tail, self._filter, self.following = tail, "", True
        self.renew()

    def set_filter(self, text: str) -> None:
        """Show only lines that contain `text`; case does not matter. "" shows all."""
        self._filter = text.strip().casefold()
        self.renew()

    def renew(self) -> None:
        """Take over what the tail has read."""
        lines = self._tail.lines if self._tail else ()
        self._shown = [line for line in lines if self._filter in line.casefold()] if self._filter else list(lines)
        width = max((len(line) for line in self._shown), default=1)
        self.virtual_size = Size(width, max(len(self._shown), 1))
        self.keep_at_end()
        self._write_subtitle()
        self.refresh()

    def keep_at_end(self) -> None:
        """Scroll to the newest line if following. A layout may come between a new size and scrolling, so Monitor
        calls this at every tick."""
        if self.following and self.scroll_y != self.max_scroll_y:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.size.height and new_value != old_value:
            self.following = new_value >= self.max_scroll_y
            self._write_subtitle()

    def on_resize(self) -> None:
        self.keep_at_end()

    def _write_subtitle(self) -> None:
        count = len(self._shown)
        parts = ["following" if self.following else "scrolled", f"{count:,} line{'' if count == 1 else 's'}"]
        self.border_subtitle = " · ".join(parts)

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = self.scroll_offset
        width = self.size.width
        background = self.background_colors[1]
        row = y + scroll_y
        foreground = Color.parse(self.app.theme_variables.get("foreground", "#ffffff"))
        style = Style(color=foreground.rich_color, bgcolor=background.rich_color)
        if self._tail is not None and self._tail.problem and y == 0 and not self._shown:
            return _row(self._tail.problem, 0, width, style)
        if row >= len(self._shown):
            text = "no line matches" if self._filter and y == 0 else "no output yet" if y == 0 else ""
            return _row(text if not self._shown else "", 0, width, style + Style(dim=True))
        return _row(self._shown[row], scroll_x, width, self._level_style(self._shown[row], style))

    def _level_style(self, line: str, style: Style) -> Style:
        start = line[:200].casefold()
        variables = self.app.theme_variables
        for words, variable in ((("error", "traceback", "exception"), "error"), (("warn",), "warning")):
            if any(word in start for word in words) and variable in variables:
                return style + Style(color=Color.parse(variables[variable]).rich_color)
        return style


def _row(text: str, left: int, width: int, style: Style) -> Strip:
    return Strip([Segment(text, style)]).crop(left, left + width).extend_cell_length(width, style)
