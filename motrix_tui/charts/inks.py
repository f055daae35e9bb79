"""Inks of a picture as the terminal's colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from textual.color import Color

from motrix_tui.charts import plot
from motrix_tui.charts.palette import series_colours
from motrix_tui.charts.plot import Curve

_GHOST = 0.38
_QUIET = 0.62
_SHARES = {plot.AXIS: 0.55, plot.MARK: 0.45, plot.CURSOR: 0.9, plot.TEXT: 0.7}


def ink_styles(
    curves: Sequence[Curve], slots: Mapping[str, int], background: Color, theme_variables: Mapping[str, str]
) -> list[Style]:
    """Styles by ink: plot's constants, then line and ghost of each series, whose colour is that of its slot."""
    foreground = Color.parse(theme_variables["foreground"])
    colours = series_colours(background.brightness < 0.5, theme_variables)

    def style(colour: Color, share: float = 1.0) -> Style:
        return Style(color=background.blend(colour, share, 1.0).rich_color, bgcolor=background.rich_color)

    styles = [style(foreground, _SHARES.get(ink, 1.0)) for ink in range(plot.FIRST_SERIES)]
    styles[plot.GAP] = style(Color.parse(theme_variables["warning"]))
    for curve in curves:
        colour = Color.parse(colours[slots[curve.label]])
        styles.append(style(colour, _QUIET if curve.quiet else 1.0))
        styles.append(style(colour, _GHOST))
    return styles
