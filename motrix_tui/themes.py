"""Our own palettes: two dark, one light, and one whose every pair of states differs for colour-blind eyes too.

`clear` takes its hues from Okabe and Ito, "Color Universal Design" (2008): orange, sky blue, bluish green, yellow,
blue, vermillion and reddish purple stay apart with protanopia, deuteranopia and tritanopia.
"""

from __future__ import annotations

from textual.theme import Theme

DEFAULT_THEME = "night"


def _theme(name: str, *, dark: bool = True, muted: str, border: str, **colors: str) -> Theme:
    return Theme(
        name=name,
        dark=dark,
        variables={
            "muted": muted,
            "rule": border,
            "border": colors["primary"],
            "border-blurred": border,
            "input-cursor-background": colors["primary"],
            "input-selection-background": f"{colors['primary']} 35%",
            "block-cursor-text-style": "none",
            "footer-key-foreground": colors["accent"],
            "scrollbar": border,
            "scrollbar-hover": muted,
            "scrollbar-active": colors["primary"],
            "scrollbar-background": colors["background"],
            "scrollbar-background-hover": colors["background"],
            "scrollbar-background-active": colors["background"],
            "scrollbar-corner-color": colors["background"],
        },
        **colors,
    )


THEMES: tuple[Theme, ...] = (
    _theme(
        "night",
        primary="#5fb3f6",
        secondary="#9d8cff",
        accent="#4fd6be",
        success="#7fd88f",
        warning="#f0c060",
        error="#ff7a85",
        foreground="#d5dde8",
        background="#10151d",
        surface="#161d28",
        panel="#1f2937",
        muted="#8b98ab",
        border="#344358",
    ),
    _theme(
        "ember",
        primary="#ff9e64",
        secondary="#d7a3ff",
        accent="#ffd166",
        success="#a3d977",
        warning="#ffc857",
        error="#ff6b6b",
        foreground="#e8ddd0",
        background="#191411",
        surface="#211a16",
        panel="#2e241e",
        muted="#a8988a",
        border="#4d3d33",
    ),
    _theme(
        "paper",
        dark=False,
        primary="#1b5fa8",
        secondary="#6a3fa0",
        accent="#00695c",
        success="#1b7a34",
        warning="#8a5a00",
        error="#b3202c",
        foreground="#1f2733",
        background="#f7f5f0",
        surface="#efece4",
        panel="#e2ddd2",
        muted="#5d6675",
        border="#b9b3a5",
    ),
    _theme(
        "clear",
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#f0e442",
        success="#56b4e9",
        warning="#e69f00",
        error="#ff8533",
        foreground="#f2f2f2",
        background="#0b0b0f",
        surface="#15151b",
        panel="#22222b",
        muted="#a6a6b3",
        border="#4a4a58",
    ),
)

THEME_NAMES = tuple(theme.name for theme in THEMES)
