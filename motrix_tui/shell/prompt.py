"""Asks for one line of text, and says at once what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

Check = Callable[[str], "str | None"]


class Prompt(ModalScreen["str | None"]):
    """Dismissed with the text, for which `check` found no problem, or with None on Escape."""

    DEFAULT_CSS = """
    Prompt { align: center middle; background: $background 60%; }
    Prompt > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 96%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    Prompt Static { height: auto; color: $muted; }
    Prompt #problem { color: $error; }
    Prompt Input { margin: 1 0; }
    """

    def __init__(
        self, title: str, hint: str, value: str = "", *, check: Check, suggester: Suggester | None = None
    ) -> None:
        super().__init__()
        self._title, self._hint, self._value = title, hint, value
        self._check, self._suggester = check, suggester

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title.replace("[", r"\[")
            yield Static(self._hint, markup=False)
            yield Input(self._value, compact=True, suggester=self._suggester)
            yield Static("", id="problem", markup=False)
            yield Static("enter takes it · esc leaves it", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)

    def on_input_changed(self) -> None:
        self.query_one("#problem", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        problem = self._check(event.value.strip())
        if problem is None:
            self.dismiss(event.value.strip())
        else:
            self.query_one("#problem", Static).update(f"✖ {problem}")
