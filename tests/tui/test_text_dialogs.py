"""Dialogs with several lines of text, typed into faster than the screen follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from motrix_tui.shell.prompt import Line, TextDialog
from motrix_tui.themes import DEFAULT_THEME, PALETTES


class Texts(TextDialog["dict[str, str]"]):
    def __init__(self) -> None:
        super().__init__("three", [Line(name, f"the {name}") for name in ("first", "second", "third")], "")

    def accept(self, texts: Mapping[str, str]) -> dict[str, str]:
        return dict(texts)


class DialogApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = DEFAULT_THEME
        self.taken: Any = None

    def on_mount(self) -> None:
        self.push_screen(Texts(), self._take)

    def _take(self, texts: Any) -> None:
        self.taken = texts


def typed_at_once(pilot: Pilot[Any], keys: Sequence[str]) -> None:
    """What one read of the terminal brings: all of it is there before any of it is looked at."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(
    ("keys", "texts"),
    [
        ("a down b", ("a", "b", "")),
        ("a tab b tab c", ("a", "b", "c")),
        ("a down down c up b", ("a", "b", "c")),
        ("up c shift+tab b", ("", "b", "c")),
        ("down down down a", ("a", "", "")),
    ],
)
async def test_what_is_typed_after_an_arrow_is_in_the_line_that_it_leads_to(keys: str, texts: Sequence[str]) -> None:
    async with DialogApp().run_test() as pilot:
        await pilot.pause()
        typed_at_once(pilot, keys.split())
        await pilot.pause()
        assert tuple(box.value for box in pilot.app.screen.query(Input)) == texts


async def test_enter_takes_what_was_typed_into_every_line_before_it() -> None:
    async with DialogApp().run_test() as pilot:
        await pilot.pause()
        typed_at_once(pilot, [*"alongtextinlineone", "down", *"two", "down", "enter"])
        await pilot.pause()
        assert isinstance(pilot.app, DialogApp)
        assert pilot.app.taken == {"first": "alongtextinlineone", "second": "two", "third": ""}
