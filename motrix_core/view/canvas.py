"""A picture of dots, eight to a character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
Indices = int | NDArray[np.integer]

DOTS_X, DOTS_Y = 2, 4
"""Dots of one character, as braille has them."""

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
_IN_ASCII = str.maketrans("·×…–—±", "-x~--~")
_COUNTS = np.array([bin(code).count("1") for code in range(256)])


@dataclass(frozen=True, eq=False)
class Charset:
    """What a terminal shows for the dots of a character: `code_points`, (256,), by the braille bits that are set."""

    name: str
    code_points: NDArray[np.uint32]

    def spell(self, line: str) -> str:
        """`line` with nothing that a terminal of this kind lacks, in as many characters."""
        return line if self.name != "ascii" else line.translate(_IN_ASCII).encode("ascii", "replace").decode()


BRAILLE = Charset("braille", np.where(np.arange(256) == 0, 0x20, 0x2800 + np.arange(256)).astype(np.uint32))
ASCII = Charset("ascii", np.array([ord(" .:-=+*##"[count]) for count in _COUNTS], np.uint32))


class Canvas:
    """`count` pictures of `width` × `height` characters, drawn on at once, as NumPy's calls cost more than what they do
    for a single one. Coordinates are dots, x to the right and y downwards, from 0."""

    def __init__(self, width: int, height: int, count: int = 1) -> None:
        self.width, self.height = width, height
        self._dots = np.zeros((count, height * DOTS_Y, width * DOTS_X), np.bool_)

    def points(self, points: FloatArray, which: Indices = 0) -> None:
        """Set the dots nearest to `points`, (..., 2), in the pictures `which`, which has the shape of the points or can
        be broadcast to it; what is outside or not finite is left out."""
        pictures = np.broadcast_to(which, points.shape[:-1])
        known = _both(np.isfinite(points))
        self._set(points[known], pictures[known])

    def segments(self, starts: FloatArray, ends: FloatArray, which: Indices = 0) -> None:
        """Draw straight lines from `starts` to `ends`, (..., 2) each, in the pictures `which`, as for `points`; those
        with an end that is not finite are left out."""
        pictures = np.broadcast_to(which, starts.shape[:-1])
        known = _both(np.isfinite(starts) & np.isfinite(ends))
        pictures = pictures[known]
        starts, ends, drawn = self._clipped(starts[known], ends[known])
        starts, ways, pictures = starts[drawn], (ends - starts)[drawn], pictures[drawn]
        steps = np.ceil(np.maximum(*np.abs(ways).T)).astype(np.int64) + 1
        line = np.repeat(np.arange(len(steps)), steps)
        passed = np.arange(len(line)) - np.repeat(np.cumsum(steps) - steps, steps)
        share = passed / np.maximum(steps - 1, 1)[line]
        self._set(starts[line] + share[:, None] * ways[line], pictures[line])

    def _set(self, points: FloatArray, pictures: NDArray[np.integer]) -> None:
        """Set the dots nearest to finite `points`, (dots, 2), of `pictures`, (dots,)."""
        _, rows, columns = self._dots.shape
        # What is far outside would not fit into an integer.
        x, y = np.rint(np.clip(points, -1.0, max(rows, columns))).astype(np.int64).T
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        self._dots[pictures[inside], y[inside], x[inside]] = True

    def _clipped(self, starts: FloatArray, ends: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Lines cut to the canvas, and which are left (Liang and Barsky, 1984, "A New Concept and Method for Line
        Clipping"), so that a line a kilometre long costs no more than one across."""
        high = np.array(self._dots.shape[:0:-1]) - 1.0
        ways = ends - starts
        with np.errstate(divide="ignore", invalid="ignore"):
            to_low, to_high = -starts / ways, (high - starts) / ways
            enter, leave = np.fmin(to_low, to_high), np.fmax(to_low, to_high)
        level = ways == 0
        inside = ((starts >= -0.5) & (starts <= high + 0.5)) | ~level
        first = np.clip(np.maximum(*np.where(level, 0.0, enter).T), 0.0, 1.0)
        last = np.clip(np.minimum(*np.where(level, 1.0, leave).T), 0.0, 1.0)
        drawn = _both(inside) & (first <= last)
        return starts + first[:, None] * ways, starts + last[:, None] * ways, drawn

    def lines(self, charset: Charset = BRAILLE) -> list[str]:
        """The first picture as `height` strings of `width` characters."""
        return self.pictures(charset)[0]

    def pictures(self, charset: Charset = BRAILLE) -> list[list[str]]:
        """Every picture as `height` strings of `width` characters."""
        codes = np.zeros((len(self._dots), self.height, self.width), np.uint8)
        for y, bits in enumerate(_BITS):
            for x, bit in enumerate(bits):
                codes |= self._dots[:, y::DOTS_Y, x::DOTS_X] * bit
        lines = lines_of(codes.reshape(-1, self.width), charset)
        return [lines[first : first + self.height] for first in range(0, len(lines), self.height)]


def _both(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether both of each pair, (..., 2), are set; NumPy's `all` is more than ten times as slow on an axis of two."""
    return flags[..., 0] & flags[..., 1]


def lines_of(codes: NDArray[np.unsignedinteger], charset: Charset = BRAILLE) -> list[str]:
    """Characters with the braille bits `codes`, (height, width), as `height` strings."""
    text = charset.code_points[codes].astype("<u4").tobytes().decode("utf-32-le")
    width = codes.shape[1]
    return [text[start : start + width] for start in range(0, len(text), width)]
