"""`?`: what the focused part is for, and every key that works here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from motrix_tui.actions import PLACE_TITLES, Action, key_name


class HelpScreen(ModalScreen[None]):
    """`about` explains the focused part; `actions` are those of the place and of everywhere."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; border-title-style: bold; border-subtitle-color: $muted;
        padding: 1 2;
    }
    HelpScreen Static { height: auto; }
    """
    BINDINGS = [("escape,question_mark,q,enter", "dismiss", "close"), ("j", "down", "down"), ("k", "up", "up")]

    def __init__(self, about: str, actions: Sequence[Action]) -> None:
        super().__init__()
        self._about = about
        self._actions = actions

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Help"
            box.border_subtitle = "esc closes"
            yield Static(self._text(), markup=False)

    def action_down(self) -> None:
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_up(self) -> None:
        self.query_one(VerticalScroll).scroll_up(animate=False)

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
