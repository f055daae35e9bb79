"""Dots to characters: braille (2×4 dots a cell), blocks (2×2) and ASCII (1×3).

Two ways in. `column_codes` draws curves that are given as the lowest and highest dot of every dot column, many curves
at once; charts use it. `Canvas` takes single points and straight lines; pictures use it.

Dot rows count downwards from the top, dot columns from the left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.intp]
CodeArray = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Glyphs:
    """An alphabet of characters made of dots.

    `dots_x` × `dots_y` dots make one cell. `bits[y][x]` is the bit that a dot sets in the cell's code, and
    `characters[code]` is what the terminal shows. `feet` are the small marks by kind, the commonest kind first.
    `lone` is a series of one value, which as a single dot nobody would see.
    """

    name: str
    dots_x: int
    dots_y: int
    bits: tuple[tuple[int, ...], ...]
    characters: str
    mark: str = "┊"
    gap: str = "×"
    feet: Mapping[str, str] = field(default_factory=lambda: {"checkpoint": "▴", "evaluation": "◆", "best": "★"})
    key: str = "━"
    lone: str = "●"
    cursor: str = "│"
    axis: str = "│"
    tick: str = "┤"
    code_points: NDArray[np.uint32] = field(init=False)
    run_codes: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        heights = range(self.dots_y + 1)
        points = np.array([ord(character) for character in self.characters], dtype=np.uint32)
        # A run of dots start ≤ y < stop in one dot column has the number start · (dots_y + 1) + stop; the runs of a
        # cell's dot columns, read as digits, have this number in run_codes.
        runs = [
            [sum(self.bits[y][x] for y in range(start, stop)) for start in heights for stop in heights]
            for x in range(self.dots_x)
        ]
        codes = np.array([sum(parts) for parts in product(*runs)], dtype=np.uint8)
        object.__setattr__(self, "code_points", points)
        object.__setattr__(self, "run_codes", codes)


BRAILLE = Glyphs(
    name="braille",
    dots_x=2,
    dots_y=4,
    bits=((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80)),
    characters=" " + "".join(chr(0x2800 + code) for code in range(1, 256)),
)
BLOCKS = Glyphs(name="blocks", dots_x=2, dots_y=2, bits=((1, 2), (4, 8)), characters=" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
ASCII = Glyphs(
    name="ascii",
    dots_x=1,
    dots_y=3,
    bits=((1,), (2,), (4,)),
    characters=" '-'.:,|",
    mark=":",
    gap="x",
    feet={"checkpoint": "^", "evaluation": "o", "best": "*"},
    key="-",
    lone="o",
    cursor="!",
    axis="|",
    tick="+",
)
GLYPHS: dict[str, Glyphs] = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCKS, ASCII)}


@lru_cache(maxsize=64)
def _cell_tops(rows: int, dots_y: int) -> NDArray[np.int16]:
    return (np.arange(rows, dtype=np.int16) * np.int16(dots_y))[:, None]


def column_codes(low: IntArray, high: IntArray, rows: int, glyphs: Glyphs) -> CodeArray:
    """Cell codes of curves that fill the dots `low ≤ y ≤ high` of every dot column.

    `low` and `high` have shape (curves, dot columns), and the number of dot columns is a multiple of `glyphs.dots_x`.
    `low > high` leaves a column empty; dots outside the picture are cut off. Returns (curves, rows, columns).
    """
    tops = _cell_tops(rows, glyphs.dots_y)
    far = rows * glyphs.dots_y + 1
    # Small integers, as half of a chart's time goes by in these few lines.
    first, after = (np.minimum(np.maximum(dots, -1), far).astype(np.int16)[:, None, :] for dots in (low, high + 1))
    start = np.minimum(np.maximum(first - tops, 0), glyphs.dots_y)
    stop = np.minimum(np.maximum(after - tops, start), glyphs.dots_y)
    runs = start * np.int16(glyphs.dots_y + 1) + stop
    cells = runs[..., :: glyphs.dots_x]
    for x in range(1, glyphs.dots_x):
        cells = cells * np.int16((glyphs.dots_y + 1) ** 2) + runs[..., x :: glyphs.dots_x]
    return glyphs.run_codes.take(cells)


def characters(codes: CodeArray, glyphs: Glyphs) -> NDArray[np.uint32]:
    """Unicode code points for cell `codes`, in the same shape."""
    return glyphs.code_points[codes]


def text(points: NDArray[np.uint32]) -> str:
    """One row of code points as a string."""
    return points.astype("<u4", copy=False).tobytes().decode("utf-32-le")


class Canvas:
    """A picture of `columns` × `rows` cells for points and straight lines."""

    def __init__(self, columns: int, rows: int, glyphs: Glyphs = BRAILLE) -> None:
        self.columns, self.rows, self.glyphs = columns, rows, glyphs
        self._dots = np.zeros((rows * glyphs.dots_y, columns * glyphs.dots_x), dtype=bool)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in dots."""
        return self._dots.shape[1], self._dots.shape[0]

    def clear(self) -> None:
        self._dots[:] = False

    def points(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> None:
        """Set the dots nearest to (x, y), in dots; what is not finite or lies outside is left out."""
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        width, height = self.size
        with np.errstate(invalid="ignore"):
            inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        columns = np.rint(x[inside]).astype(np.intp)
        lines = np.rint(y[inside]).astype(np.intp)
        self._dots[lines, columns] = True

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Draw a straight line between two dots; a line with an end that is not finite is left out."""
        if not np.isfinite([x0, y0, x1, y1]).all():
            return
        far = 1e9  # keeps the differences below finite
        x0, y0, x1, y1 = np.clip([x0, y0, x1, y1], -far, far).tolist()
        clipped = _clip_line(x0, y0, x1, y1, *self.size)
        if clipped is None:
            return
        x0, y0, x1, y1 = clipped
        steps = int(np.ceil(max(abs(x1 - x0), abs(y1 - y0)))) + 1
        self.points(np.linspace(x0, x1, steps), np.linspace(y0, y1, steps))

    def polyline(self, corners: Iterable[tuple[float, float]]) -> None:
        """Draw straight lines from each corner to the next."""
        for (x0, y0), (x1, y1) in pairwise(corners):
            self.line(x0, y0, x1, y1)

    def codes(self) -> CodeArray:
        """The picture as cell codes, (rows, columns)."""
        glyphs = self.glyphs
        cells = self._dots.reshape(self.rows, glyphs.dots_y, self.columns, glyphs.dots_x)
        weights = np.array(glyphs.bits, dtype=np.uint8)[:, None, :]
        return (cells * weights).sum(axis=(1, 3), dtype=np.uint8)

    def lines(self) -> list[str]:
        """The picture as one string a row."""
        return [text(row) for row in characters(self.codes(), self.glyphs)]


def _clip_line(
    x0: float, y0: float, x1: float, y1: float, width: int, height: int
) -> tuple[float, float, float, float] | None:
    """The part of a line inside the picture (Liang and Barsky, 1984), so that far-away ends cost nothing."""
    dx, dy = x1 - x0, y1 - y0
    enter, leave = 0.0, 1.0
    for delta, room in ((-dx, x0 + 0.5), (dx, width - 0.5 - x0), (-dy, y0 + 0.5), (dy, height - 0.5 - y0)):
        if delta == 0:
            if room < 0:
                return None
            continue
        at = room / delta
        if delta < 0:
            enter = max(enter, at)
        else:
            leave = min(leave, at)
    if enter > leave:
        return None
    return x0 + enter * dx, y0 + enter * dy, x0 + leave * dx, y0 + leave * dy
