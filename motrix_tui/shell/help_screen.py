"""`?`: what the focused part is for, and every key that works here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from textual.content import Content

from motrix_tui.actions import PLACE_TITLES, Action, key_name
from motrix_tui.shell.reader import Reader, hanging

_MOVES = "tab and shift+tab move between parts, arrows or j and k within one, enter edits or chooses."


class HelpScreen(Reader):
    """`about` explains the focused part; `actions` are those of the place and of everywhere."""

    DEFAULT_CSS = """
    HelpScreen > .box { width: 76; }
    """
    BINDINGS = [("question_mark", "leave", "close")]

    def __init__(self, about: str, actions: Sequence[Action]) -> None:
        super().__init__("Help")
        self._about = about
        self._actions = actions

    def text(self, width: int) -> Content:
        width = max(width, 1)
        lines = [*Content(self._about).wrap(width), Content("")] if self._about else []
        for place, actions in groupby(self._actions, key=lambda action: action.place):
            lines.append(Content.styled(PLACE_TITLES[place], "bold $primary"))
            lines.extend(self._line(action, width) for action in actions)
            lines.append(Content(""))
        return Content("\n").join([*lines, *Content.styled(_MOVES, "$muted").wrap(width)])

    @staticmethod
    def _line(action: Action, width: int) -> Content:
        keys = " ".join(key_name(key) for key in action.keys)
        return hanging(Content.styled(f"  {keys:<10} ", "bold $accent"), Content(action.help), width)
