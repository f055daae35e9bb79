"""Jump mode: a letter on every part of the screen that can have the focus; typing it goes there."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

from textual import events
from textual.app import App, ComposeResult
from textual.command import CommandPalette
from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from motrix_tui.shell.overlay import Overlay

LETTERS = "asdfghjklqwertyuiopzxcvbnm" + ascii_uppercase
"""Those under the fingers first."""


def targets(screen: Screen[object]) -> list[tuple[Widget, Region]]:
    """The parts of `screen` that can have the focus and are in sight, from the top left on, with what is seen of them.

    No more than there are letters.
    """
    seen: list[tuple[Widget, Region]] = []
    for widget in screen.focus_chain:
        if widget.is_on_screen:
            place = screen.find_widget(widget)
            region = place.region.intersection(place.clip)
            if region:
                seen.append((widget, region))
    return sorted(seen, key=lambda item: (item[1].y, item[1].x))[: len(LETTERS)]


class Jump(Overlay["Widget | None"]):
    """Dismissed with the part that was chosen, or with None."""

    DEFAULT_CSS = """
    Jump { background: $background 40%; }
    Jump Toast { display: none; }
    Jump Letter {
        position: absolute; width: 3; height: 1; background: $accent; color: $background; text-style: bold;
    }
    """

    def __init__(self, parts: Sequence[tuple[Widget, Region]]) -> None:
        super().__init__()
        self._parts = dict(zip(LETTERS, parts, strict=False))

    def compose(self) -> ComposeResult:
        for letter, (_, region) in self._parts.items():
            label = Letter(letter)
            # Inside a border's corner; at the very left where there is none.
            label.styles.offset = (region.x + (region.height > 2), region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if event.character in self._parts:
            self._choose(event.character)
        elif event.key == "escape":
            self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        clicked, _ = self.get_widget_at(*event.screen_offset)
        if isinstance(clicked, Letter):
            self._choose(clicked.letter)
        else:
            self.dismiss(None)

    def on_resize(self, event: events.Resize) -> None:
        # The parts are elsewhere now. The first one only tells the size.
        if self._size_at_start is None:
            self._size_at_start = event.size
        elif event.size != self._size_at_start and self.is_current:
            self.dismiss(None)

    _size_at_start = None

    def _choose(self, letter: str) -> None:
        widget, _ = self._parts[letter]
        self.dismiss(widget if widget.is_attached and widget.focusable else None)


class Letter(Static):
    """`letter`, on the part that it leads to."""

    def __init__(self, letter: str) -> None:
        super().__init__(f" {letter} ", markup=False)
        self.letter = letter


def toggle_jump(app: App[Any]) -> None:
    """Put the letters on the parts of `app`'s screen, or take them away."""
    screen = app.screen
    if isinstance(screen, Jump):
        screen.dismiss(None)
        return
    parts = targets(screen)

    def go(part: Widget | None) -> None:
        if part is not None:
            screen.set_focus(part)

    if parts and not isinstance(screen, CommandPalette):
        app.push_screen(Jump(parts), go)
