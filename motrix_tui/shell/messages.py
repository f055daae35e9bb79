"""What the dashboard has said: toasts go, and can be read again later."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from textual.notifications import SeverityLevel

from motrix_core.runs.text import plain
from motrix_tui.shell.palette import MotrixLike

MOST = 100
ERROR_S = 15.0
"""Seconds for which an error is shown: it is longer than other messages, and matters more."""


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
        # Whatever an error quotes, from a file or from the system, comes by here on its way to the terminal.
        message, title = plain(message, keep="\n"), plain(title)
        self.said.append(Said(time.time(), severity, title, message))
        if timeout is None and severity == "error":
            timeout = ERROR_S
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def action_messages(self) -> None:
        from motrix_tui.shell.messages_screen import MessagesScreen

        self.push_screen(MessagesScreen(list(self.said)))
