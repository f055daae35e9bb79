"""What the dashboard has said: toasts go, and come back here in full."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.notifications import SeverityLevel
from textual.widgets import Static

from motrix_tui.shell.dialogs import Dialog
from motrix_tui.shell.palette import MotrixLike

MOST = 100
ERROR_S = 15.0
"""Seconds for which an error is shown: it is longer than other messages, and matters more."""
_MARKS = {"information": ("·", "$muted"), "warning": ("▲", "$warning"), "error": ("✖", "$error")}


@dataclass(frozen=True)
class Said:
    """One message; `moment` is in Unix seconds."""

    moment: float
    severity: SeverityLevel
    title: str
    text: str


class Remembering(MotrixLike):
    """The part of the application that remembers its messages."""

    def __init__(self) -> None:
        super().__init__()
        self.said: deque[Said] = deque(maxlen=MOST)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        self.said.append(Said(time.time(), severity, title, message))
        if timeout is None and severity == "error":
            timeout = ERROR_S
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_messages(self) -> None:
        self.push_screen(MessagesScreen(list(self.said)))


class MessagesScreen(Dialog[None]):
    """`said`, the newest first."""

    DEFAULT_CSS = """
    MessagesScreen > .box { width: 90; }
    """
    BINDINGS = [("q,enter,M", "leave", "close")]

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__("Messages")
        self._said = said

    def parts(self) -> ComposeResult:
        yield Static(self._text(), markup=False)

    def on_mount(self) -> None:
        box = self.query_one(VerticalScroll)
        box.border_subtitle = "esc closes"
        box.can_focus = True
        box.focus()

    def action_leave(self) -> None:
        self.leave()

    def _text(self) -> Content:
        if not self._said:
            return Content.styled("nothing has been said yet", "$muted")
        return Content("\n").join(self._line(item) for item in reversed(self._said))

    @staticmethod
    def _line(item: Said) -> Content:
        mark, colour = _MARKS[item.severity]
        clock = time.strftime("%H:%M:%S", time.localtime(item.moment))
        title = f"{item.title}: " if item.title else ""
        return Content.assemble((f"{clock} ", "$muted"), (f"{mark} ", colour), (title, "bold"), item.text)
