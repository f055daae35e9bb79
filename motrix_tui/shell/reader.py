"""Dialogs that are only read."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from motrix_tui.shell.dialogs import Dialog

_NARROWEST = 12


class Reader(Dialog[None]):
    """Shows `text`; j, k and the keys for pages scroll, q and enter leave it as escape does."""

    BINDINGS = [("q,enter", "leave", "close")]

    def parts(self) -> ComposeResult:
        yield Fitted(self.text)

    def text(self, width: int) -> Content:
        """What is to be read, in lines of at most `width` cells."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self._box.border_subtitle = "j k scroll · esc closes"
        # For the keys that scroll by pages.
        self._box.can_focus = True
        self._box.focus()

    @property
    def _box(self) -> VerticalScroll:
        return self.query_one(VerticalScroll)

    def action_leave(self) -> None:
        self.leave()

    def key_j(self) -> None:
        self._box.scroll_down(animate=False)

    def key_k(self) -> None:
        self._box.scroll_up(animate=False)


class Fitted(Widget):
    """What `make` makes of the width that there is."""

    DEFAULT_CSS = """
    Fitted { height: auto; }
    """

    def __init__(self, make: Callable[[int], Content]) -> None:
        super().__init__()
        self._make = make

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._make(width).wrap(max(width, 1)))

    def render(self) -> Content:
        return self._make(self.size.width)


def hanging(head: Content, body: Content, width: int) -> Content:
    """`head`, and beside it `body` in lines that all begin where its first one does, `width` cells for both."""
    first, *rest = body.wrap(max(width - head.cell_length, _NARROWEST)) or [Content("")]
    indent = Content(" " * head.cell_length)
    return Content("\n").join([head + first, *(indent + line for line in rest)])
