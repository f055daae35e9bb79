"""What a dashboard under test shows, after everything that changes it on its way to the terminal."""

from __future__ import annotations

from typing import Any

from rich.segment import Segment
from textual.app import App


def segments(app: App[Any]) -> list[Segment]:
    """All that is on the screen, from the top left to the bottom right."""
    return [segment for strip in app.screen._compositor.render_strips() for segment in strip]


def text(app: App[Any]) -> str:
    """The screen's lines."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
