"""The line above a chart's plot: the names of its series, and values where they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from motrix_tui.charts import axes, plot
from motrix_tui.charts.plot import Curve


def value_of(curve: Curve, crosshair: float | None) -> str:
    """The exact value nearest to the crosshair, or without one the newest."""
    if crosshair is not None:
        point = curve.buffer.nearest(crosshair)
        return "–" if point is None else axes.exact_number(point[1])
    last = curve.buffer.last()
    return "–" if last is None else axes.short_number(last)


def legend(
    curves: Sequence[Curve],
    columns: int,
    *,
    crosshair: float | None,
    key: str,
    digits: Mapping[int, str],
    styles: Sequence[Style],
) -> Strip:
    """Names and values, the newest or those under the crosshair, in `columns` cells; names alone where too long.

    Before each stands `key` in the colour of its line, or what `digits` has for the line's ink.
    """
    texts = [f"{curve.label} {value_of(curve, crosshair)}" for curve in curves]
    if sum(len(entry) + 3 for entry in texts) - 1 > columns and crosshair is None:
        texts = [curve.label for curve in curves]
    if sum(len(entry) + 3 for entry in texts) - 1 > columns and any(not curve.quiet for curve in curves):
        # What is background to the others is the first that a narrow legend does without.
        kept = [(curve, entry) for curve, entry in zip(curves, texts, strict=True) if not curve.quiet]
        curves, texts = [curve for curve, _ in kept], [entry for _, entry in kept]
    segments: list[Segment] = []
    room = columns
    for index, (curve, entry) in enumerate(zip(curves, texts, strict=True)):
        left = len(curves) - index
        if len(entry) + 2 > room - (0 if left == 1 else 4):
            segments.append(Segment(f"+{left}", styles[plot.TEXT]))
            break
        ink = plot.line_ink(curve.ink_index)
        segments.append(Segment(f"{digits.get(ink, key)} ", styles[ink]))
        segments.append(Segment(f"{entry} ", styles[plot.TEXT]))
        room -= len(entry) + 3
    return Strip(segments).crop(0, columns).extend_cell_length(columns, styles[plot.AXIS])
