"""The keys of a dialog as buttons, for whoever has the mouse in hand."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import ItemGrid
from textual.widgets import Button

from motrix_tui.actions import key_name


class KeyButtons(ItemGrid):
    """A button for each key of `labels`; it does what the key does. The focus stays where it is."""

    DEFAULT_CSS = """
    KeyButtons { height: auto; grid-gutter: 0 1; }
    KeyButtons Button { width: 1fr; min-width: 4; }
    """

    def __init__(self, labels: Mapping[str, str], *, id: str | None = None) -> None:
        widest = max(len(self._label(key, label)) for key, label in labels.items())
        super().__init__(id=id, min_column_width=widest + 3)
        self._labels = labels

    def compose(self) -> ComposeResult:
        for key, label in self._labels.items():
            button = Button(self._label(key, label), id=f"key-{key}", compact=True)
            button.can_focus = False
            yield button

    @staticmethod
    def _label(key: str, label: str) -> str:
        return f"{label} {key_name(key)}"

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.app.simulate_key((event.button.id or "").removeprefix("key-"))
