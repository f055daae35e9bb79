"""Our own palettes: two dark, one light, and one whose every pair of states differs for colour-blind eyes too.

`clear` takes its hues from Okabe and Ito, "Color Universal Design" (2008): orange, sky blue, bluish green, yellow,
blue, vermillion and reddish purple stay apart with protanopia, deuteranopia and tritanopia.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.theme import Theme

DEFAULT_THEME = "night"


@dataclass(frozen=True)
class Palette:
    """`muted` is for what is there but not looked for, `rule` for borders at rest."""

    name: str
    primary: str
    secondary: str
    accent: str
    success: str
    warning: str
    error: str
    foreground: str
    background: str
    surface: str
    panel: str
    muted: str
    rule: str
    dark: bool = True

    def theme(self) -> Theme:
        return Theme(
            name=self.name,
            primary=self.primary,
            secondary=self.secondary,
            accent=self.accent,
            success=self.success,
            warning=self.warning,
            error=self.error,
            foreground=self.foreground,
            background=self.background,
            surface=self.surface,
            panel=self.panel,
            dark=self.dark,
            variables={
                "muted": self.muted,
                "rule": self.rule,
                "border": self.primary,
                "border-blurred": self.rule,
                "input-cursor-background": self.primary,
                "input-selection-background": f"{self.primary} 35%",
                "block-cursor-text-style": "none",
                "footer-key-foreground": self.accent,
                "scrollbar": self.rule,
                "scrollbar-hover": self.muted,
                "scrollbar-active": self.primary,
                "scrollbar-background": self.background,
                "scrollbar-background-hover": self.background,
                "scrollbar-background-active": self.background,
                "scrollbar-corner-color": self.background,
            },
        )


PALETTES: tuple[Palette, ...] = (
    Palette(
        name="night",
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
        rule="#344358",
    ),
    Palette(
        name="ember",
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
        rule="#4d3d33",
    ),
    Palette(
        name="paper",
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
        rule="#b9b3a5",
    ),
    Palette(
        name="clear",
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
        rule="#4a4a58",
    ),
)

THEME_NAMES = tuple(palette.name for palette in PALETTES)
