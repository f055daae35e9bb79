"""`M`: everything that the dashboard has said."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual.content import Content

from motrix_tui.shell.messages import Said
from motrix_tui.shell.reader import Reader, hanging

_MARKS = {"information": ("·", "$muted"), "warning": ("▲", "$warning"), "error": ("✖", "$error")}


class MessagesScreen(Reader):
    """`said`, the newest first."""

    DEFAULT_CSS = """
    MessagesScreen > .box { width: 90; }
    """
    BINDINGS = [("M", "leave", "close")]

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__("Messages")
        self._said = said

    def text(self, width: int) -> Content:
        if not self._said:
            return Content.styled("nothing has been said yet", "$muted")
        return Content("\n").join(self._line(item, width) for item in reversed(self._said))

    @staticmethod
    def _line(item: Said, width: int) -> Content:
        mark, colour = _MARKS[item.severity]
        clock = time.strftime("%H:%M:%S", time.localtime(item.moment))
        title = f"{item.title}: " if item.title else ""
        head = Content.assemble((f"{clock} ", "$muted"), (f"{mark} ", colour))
        return hanging(head, Content.assemble((title, "bold"), item.text), width)
