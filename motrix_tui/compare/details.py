"""Figures and settings of compared runs as two small tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from motrix_tui.charts.axes import duration, short_number
from motrix_tui.compare import data
from motrix_tui.text import shortened

_FIRST, _OTHER = 22, 14


def details(compared: Sequence[data.Compared]) -> Content:
    """Best, last, when the threshold was reached, speed; then the settings that differ."""
    wanted = data.threshold(compared)
    goal = "–" if math.isnan(wanted) else short_number(wanted)
    head = ("run", "best", "last", f"to {goal}", f"steps to {goal}", "steps/s")
    rows = [
        (
            figures.label,
            short_number(figures.best),
            short_number(figures.last),
            "–" if figures.reached_s is None else duration(figures.reached_s),
            "–" if figures.reached_steps is None else short_number(figures.reached_steps),
            short_number(figures.steps_per_s),
        )
        for figures in data.figures(compared)
    ]
    parts = [_row(head, "$muted"), *(_row(row, "") for row in rows), Content("")]
    differing = data.differences(compared)
    if not differing:
        parts.append(Content("the settings are the same").stylize("$muted"))
    else:
        parts.append(_row(("settings that differ", *(item.label for item in compared)), "$muted"))
        parts.extend(_row((path, *values), "") for path, values in differing)
    return Content("\n").join(parts)


def _row(cells: Sequence[str], style: str) -> Content:
    first, *others = cells
    text = shortened(first, _FIRST).ljust(_FIRST) + "".join(f" {shortened(cell, _OTHER):>{_OTHER}}" for cell in others)
    return Content.styled(text, style)
