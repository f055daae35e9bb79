"""A picture's cells as the strips that Textual draws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from motrix_tui.charts.braille import text
from motrix_tui.charts.plot import Picture

_BLANK = ord(" ")


def rows_of(picture: Picture, styles: list[Style]) -> list[Strip]:
    """The rows of a picture, with one segment for each run of equal ink."""
    columns = picture.inks.shape[1]
    if not picture.inks.size:
        return []
    points, inks = picture.points.ravel(), picture.inks.ravel()
    # A blank cell shows no ink, so it may have its neighbour's: fewer changes of colour for the terminal.
    inked = np.where(points != _BLANK, np.arange(inks.size), 0)
    inked[::columns] = np.arange(0, inks.size, columns)
    inks = inks.take(np.maximum.accumulate(inked))
    starts_segment = np.empty(inks.size + 1, dtype=bool)
    starts_segment[1:-1] = inks[1:] != inks[:-1]
    starts_segment[::columns] = True
    cuts = np.flatnonzero(starts_segment)
    firsts = np.searchsorted(cuts, np.arange(0, inks.size + 1, columns)).tolist()
    characters, borders = text(points), cuts.tolist()
    segments = [
        Segment(characters[start:stop], styles[ink])
        for start, stop, ink in zip(borders, borders[1:], inks.take(cuts[:-1]).tolist(), strict=False)
    ]
    return [Strip(segments[first:stop], columns) for first, stop in pairwise(firsts)]
