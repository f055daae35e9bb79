"""A picture's cells as the strips that Textual draws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from motrix_tui.charts.braille import text
from motrix_tui.charts.plot import Picture


def rows_of(picture: Picture, styles: list[Style]) -> list[Strip]:
    """The rows of a picture, with one segment for each run of equal ink."""
    rows, columns = picture.inks.shape
    if not picture.inks.size:
        return []
    inks = picture.inks.ravel()
    cuts = np.flatnonzero(inks[1:] != inks[:-1]) + 1
    cuts = np.union1d(cuts, np.arange(0, rows * columns + 1, columns)).tolist()
    characters = text(picture.points.ravel())
    strips: list[Strip] = []
    segments: list[Segment] = []
    for start, stop in pairwise(cuts):
        segments.append(Segment(characters[start:stop], styles[inks[start]]))
        if stop % columns == 0:
            strips.append(Strip(segments, columns))
            segments = []
    return strips
