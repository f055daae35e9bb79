"""The dashboard on terminals without colours, or without Unicode.

Everything is drawn once, in colour and in Unicode. These filters translate what is about to be sent, so no widget has
to think of such terminals, nor can one forget to.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from rich.cells import get_character_cell_size
from rich.color import Color as RichColour
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

_STANDS_OUT = 1.5
_FAINT = 0.3

NO_COLOUR_CSS = """
Chart:focus, LogPane:focus, PhasePanel:focus, Picture:focus, RunsPane:focus-within,
LaunchPane HardwarePanel:focus-within, LaunchPane EnvironmentPanel:focus-within, LaunchPane FormPanel:focus-within {
    border: heavy $foreground; border-title-style: bold reverse;
}
Button, Button:hover, Button.-primary, Button.-warning, Button.-error {
    background: $surface; color: $foreground; text-style: none;
}
Button:focus { text-style: bold reverse; }
FieldList:focus FieldRow.-cursor { background: $primary 35%; }
Input { text-style: underline; }
"""
"""What colours tell that a translation of colours cannot: which part has the focus, and where text can be typed."""


class NoColours(LineFilter):
    """Backgrounds that stand out become reverse, faint foregrounds dim, and colours are left out.

    `theme` gives the theme's background and foreground.
    """

    def __init__(self, theme: Callable[[], tuple[Color, Color]]) -> None:
        super().__init__()
        self._theme = theme

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        base, ink = self._theme()
        return [
            Segment(text, None if style is None else uncoloured(style, base, ink), control)
            for text, style, control in segments
        ]


@lru_cache(2048)
def uncoloured(style: Style, base: Color, ink: Color) -> Style:
    """`style` by attributes alone, on a theme with the background `base` and the foreground `ink`."""
    behind = _known(style.bgcolor) or base
    front = _known(style.color) or ink
    stands_out = contrast(behind, base) > _STANDS_OUT
    faint = contrast(front, behind) < _FAINT * contrast(ink, base)
    attributes = Style(
        bold=style.bold,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        dim=style.dim or (faint and not stands_out) or None,
        reverse=style.reverse or stands_out or None,
    )
    return attributes + Style(meta=style.meta) if style.meta else attributes


def _known(colour: RichColour | None) -> Color | None:
    return None if colour is None or colour.is_default else Color.from_rich_color(colour)


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21, as the Web Content Accessibility Guidelines 2 define it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


class Ascii(LineFilter):
    """Every character as one of ASCII that resembles it, in as many cells."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isascii() else Segment(as_ascii(segment.text), segment.style, segment.control)
            for segment in segments
        ]


def as_ascii(text: str) -> str:
    """`text` in ASCII; it takes as many cells as before."""
    return text.translate(_TABLE)


_LOOK_ALIKES = {
    "-": "─━╌╍┄┅┈┉╴╶╸╺═‐‑‒–—−·▔⎯",
    "|": "│┃╎╏┆┇┊┋║‖▏▎▍▌▐▕",
    "*": "●◉•★",
    "o": "○◌◯□☐",
    "#": "■◼█▇▉▊▋▓",
    "+": "◆◇",
    "x": "×✖✗✕",
    ">": "→▸▶►›»⇒",
    "<": "←◂◀◄‹«⇐",
    "^": "↑▴▲⌃",
    "v": "↓▾▼⌄✔✓",
    "~": "…≈±",
    "_": "▁",
    ".": "▂░‥",
    ":": "▃▒",
    "=": "▄▅▆",
    " ": "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}",
    "'": "‘’′",
    '"': "“”″",
    "u": "µμ",
    "/ ": "🔎🔍",
}
_BRAILLE_BY_DOTS = " .:-=+*##"


class _Table(dict[int, str]):
    """Characters that were not asked for before are looked up when they are."""

    def __missing__(self, code: int) -> str:
        self[code] = found = chr(code) if code < 128 else _look_alike(code)
        return found


def _look_alike(code: int) -> str:
    character = chr(code)
    cells = get_character_cell_size(character)
    if 0x2500 <= code < 0x2580:
        return "+"
    if 0x2580 <= code < 0x25A0:
        return "#"
    if 0x2800 <= code < 0x2900:
        return _BRAILLE_BY_DOTS[(code - 0x2800).bit_count()]
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if part.isascii())
    return plain if len(plain) == cells else "?" * cells


_TABLE = _Table({ord(character): plain for plain, group in _LOOK_ALIKES.items() for character in group})
