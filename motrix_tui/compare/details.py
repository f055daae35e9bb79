"""Figures and settings of compared runs as two small tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from motrix_tui.charts.axes import duration, short_number
from motrix_tui.compare import data
from motrix_tui.text import count, shortened, significant

_WIDEST, _GAP = 24, 2


def details(compared: Sequence[data.Compared]) -> Content:
    """Best, last, when the threshold was reached, speed; then the settings that differ."""
    wanted = data.threshold(compared)
    goal = "–" if math.isnan(wanted) else short_number(wanted)
    head = ("run", "best", "last", f"to {goal}", f"steps to {goal}", "steps/s")
    rows = [
        (
            figures.label,
            significant(figures.best),
            significant(figures.last),
            "–" if figures.reached_s is None else duration(figures.reached_s),
            "–" if figures.reached_steps is None else short_number(figures.reached_steps),
            count(figures.steps_per_s),
        )
        for figures in data.figures(compared)
    ]
    differing = [(path, *values) for path, values in data.differences(compared)]
    parts = [_table([head, *rows]), Content("")]
    if differing:
        parts.append(_table([("settings that differ", *(item.label for item in compared)), *differing]))
    else:
        parts.append(Content("the settings are the same").stylize("$muted"))
    return Content("\n").join(parts)


def _table(rows: Sequence[Sequence[str]]) -> Content:
    """Columns as wide as what is in them, under a heading; all but the first are aligned on the right."""
    widths = [min(max(len(cell) for cell in column), _WIDEST) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *others = (shortened(cell, width) for cell, width in zip(row, widths, strict=True))
        texts = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append(Content.styled((" " * _GAP).join(texts), "" if lines else "$muted"))
    return Content("\n").join(lines)
