"""`?`: what the focused part is for, and every key that works here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from motrix_tui.actions import PLACE_TITLES, Action, key_name
from motrix_tui.shell.dialogs import Dialog


class HelpScreen(Dialog[None]):
    """`about` explains the focused part; `actions` are those of the place and of everywhere."""

    DEFAULT_CSS = """
    HelpScreen > .box { width: 76; }
    """
    BINDINGS = [("question_mark,q,enter", "leave", "close")]

    def __init__(self, about: str, actions: Sequence[Action]) -> None:
        super().__init__("Help")
        self._about = about
        self._actions = actions

    def parts(self) -> ComposeResult:
        yield Static(self._text(), markup=False)

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

    def _text(self) -> Content:
        lines = [Content(self._about), Content("")] if self._about else []
        for place, actions in groupby(self._actions, key=lambda action: action.place):
            lines.append(Content.styled(PLACE_TITLES[place], "bold $primary"))
            lines.extend(self._line(action) for action in actions)
            lines.append(Content(""))
        moves = "tab and shift+tab move between parts, arrows or j and k within one, enter edits or chooses."
        return Content("\n").join([*lines, Content.styled(moves, "$muted")])

    @staticmethod
    def _line(action: Action) -> Content:
        keys = " ".join(key_name(key) for key in action.keys)
        return Content.assemble((f"  {keys:<10} ", "bold $accent"), action.help)
