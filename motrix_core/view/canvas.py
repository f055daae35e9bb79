"""A picture of dots, eight to a character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DOTS_X, DOTS_Y = 2, 4
"""Dots of one character, as braille has them."""

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
_COUNTS = np.array([bin(code).count("1") for code in range(256)])


@dataclass(frozen=True, eq=False)
class Charset:
    """What a terminal shows for the dots of a character: `code_points`, (256,), by the braille bits that are set."""

    name: str
    code_points: NDArray[np.uint32]


BRAILLE = Charset("braille", np.where(np.arange(256) == 0, 0x20, 0x2800 + np.arange(256)).astype(np.uint32))
ASCII = Charset("ascii", np.array([ord(" .:-=+*##"[count]) for count in _COUNTS], np.uint32))


def charset_for(encoding: str | None) -> Charset:
    """Braille where `encoding`, a terminal's, has it; None has not."""
    try:
        "⠿".encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return BRAILLE


class Canvas:
    """`width` × `height` characters to draw on. Coordinates are dots, x to the right and y downwards, from 0."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = np.zeros((height * DOTS_Y, width * DOTS_X), np.bool_)

    def points(self, points: NDArray[np.floating]) -> None:
        """Set the dots nearest to `points`, (count, 2); what is outside or not finite is left out."""
        points = points[np.isfinite(points).all(axis=1)]
        columns, rows = np.rint(points).astype(np.int64).T
        inside = (columns >= 0) & (columns < self._dots.shape[1]) & (rows >= 0) & (rows < self._dots.shape[0])
        self._dots[rows[inside], columns[inside]] = True

    def segments(self, starts: NDArray[np.floating], ends: NDArray[np.floating]) -> None:
        """Draw straight lines from `starts` to `ends`, (count, 2) each; one with an end that is not finite is not."""
        finite = np.isfinite(starts).all(axis=1) & np.isfinite(ends).all(axis=1)
        starts, ends, drawn = self._clipped(starts[finite], ends[finite])
        starts, ways = starts[drawn], (ends - starts)[drawn]
        if not len(starts):
            return
        steps = np.ceil(np.abs(ways).max(axis=1)).astype(np.int64) + 1
        line = np.repeat(np.arange(len(steps)), steps)
        passed = np.arange(len(line)) - np.repeat(np.cumsum(steps) - steps, steps)
        share = passed / np.maximum(steps[line] - 1, 1)
        self.points(starts[line] + share[:, None] * ways[line])

    def _clipped(
        self, starts: NDArray[np.floating], ends: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.bool_]]:
        """Lines cut to the canvas, and which are left (Liang and Barsky, 1984, "A New Concept and Method for Line
        Clipping"), so that a line a kilometre long costs no more than one across."""
        high = np.array(self._dots.shape[::-1]) - 1.0
        ways = ends - starts
        with np.errstate(divide="ignore", invalid="ignore"):
            to_low, to_high = -starts / ways, (high - starts) / ways
            enter, leave = np.fmin(to_low, to_high), np.fmax(to_low, to_high)
        level = ways == 0
        inside = ((starts >= -0.5) & (starts <= high + 0.5)) | ~level
        first = np.clip(np.where(level, 0.0, enter).max(axis=1), 0.0, 1.0)
        last = np.clip(np.where(level, 1.0, leave).min(axis=1), 0.0, 1.0)
        drawn = inside.all(axis=1) & (first <= last)
        return starts + first[:, None] * ways, starts + last[:, None] * ways, drawn

    def lines(self, charset: Charset = BRAILLE) -> list[str]:
        """The picture as `height` strings of `width` characters."""
        cells = self._dots.reshape(self.height, DOTS_Y, self.width, DOTS_X)
        return lines_of(np.einsum("hywx,yx->hw", cells, _BITS, dtype=np.uint16, casting="unsafe"), charset)


def lines_of(codes: NDArray[np.unsignedinteger], charset: Charset = BRAILLE) -> list[str]:
    """Characters with the braille bits `codes`, (height, width), as `height` strings."""
    text = charset.code_points[codes].astype("<u4").tobytes().decode("utf-32-le")
    width = codes.shape[1]
    return [text[start : start + width] for start in range(0, len(text), width)]
