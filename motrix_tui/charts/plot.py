"""Composes a chart as arrays: which character and which ink every cell has. Knows nothing of terminals.

Inks are small integers: the constants below, then two for each series, `line_ink` and `ghost_ink`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from motrix_tui.charts import axes
from motrix_tui.charts.braille import Glyphs, characters, column_codes
from motrix_tui.charts.buffer import SeriesBuffer
from motrix_tui.charts.window import dot_columns

AXIS, MARK, CURSOR, GAP, TEXT = range(5)
FIRST_SERIES = 5
GUTTER = 7
"""Columns that the labels of the y axis take."""
_DIGIT_EVERY = 20


def line_ink(series: int) -> int:
    return FIRST_SERIES + 2 * series


def ghost_ink(series: int) -> int:
    return FIRST_SERIES + 2 * series + 1


@dataclass(frozen=True)
class Mark:
    """Something that happened at `x`: a switch of the backend; a `small` one, say a checkpoint, only at the foot.

    `kind` chooses the character of a small one among the glyphs' `feet`.
    """

    x: float
    label: str
    small: bool = False
    kind: str = "checkpoint"


@dataclass(frozen=True)
class Curve:
    """A series to draw. A `quiet` one lies below the others and has no ghost. `ink_index` is its place among inks."""

    label: str
    buffer: SeriesBuffer
    ink_index: int
    quiet: bool = False


@dataclass(frozen=True)
class PlotSpec:
    """Everything that decides what a chart of one size looks like. `smoothed` draws raw values as a ghost."""

    curves: Sequence[Curve]
    x_range: tuple[float, float]
    glyphs: Glyphs
    log_y: bool = False
    smoothed: bool = False
    x_is_time: bool = False
    marks: Sequence[Mark] = ()
    cursor_x: float | None = None
    empty_text: str = ""
    digits: Mapping[int, str] = field(default_factory=dict)
    """By the ink of a line what is written on it, where there are no colours that tell lines apart."""


@dataclass
class Picture:
    """The cells of a chart: code points and inks, both (rows, columns), and where the plot lies in them."""

    points: NDArray[np.uint32]
    inks: NDArray[np.int16]
    left: int = 0
    plot_columns: int = 0
    plot_rows: int = 0
    x_range: tuple[float, float] = (0.0, 1.0)
    y_axis: axes.Axis | None = field(default=None)

    def put(self, row: int, column: int, text: str, ink: int) -> None:
        """Write `text`, cut off at the borders."""
        rows, columns = self.points.shape
        if not 0 <= row < rows or column >= columns:
            return
        text = text[max(-column, 0) : columns - column]
        column = max(column, 0)
        self.points[row, column : column + len(text)] = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        self.inks[row, column : column + len(text)] = ink

    def put_centred(self, text: str, ink: int) -> None:
        rows, columns = self.points.shape
        self.put(rows // 2, max((columns - len(text)) // 2, 0), text, ink)

    def x_at(self, column: int) -> float:
        """The x in the middle of a column of the picture, at the ends for columns outside the plot."""
        share = (column - self.left + 0.5) / max(self.plot_columns, 1)
        low, high = self.x_range
        return low + min(max(share, 0.0), 1.0) * (high - low)

    def column_of(self, x: float) -> int | None:
        """The plot's column at `x`, or None outside."""
        low, high = self.x_range
        if not low <= x <= high or self.plot_columns == 0:
            return None
        return min(int((x - low) / (high - low) * self.plot_columns), self.plot_columns - 1)


@dataclass(frozen=True)
class _Layers:
    """What is drawn, the lowest first: `ghosts` ghosts, then quiet curves, then the others; low and high (n, dots)."""

    inks: NDArray[np.int16]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ghosts: int


def compose(columns: int, rows: int, spec: PlotSpec) -> Picture:
    """Draw `spec` into `columns` × `rows` cells; the smaller, the more is left out, down to nothing."""
    picture = Picture(
        np.full((max(rows, 0), max(columns, 0)), ord(" "), dtype=np.uint32),
        np.zeros((max(rows, 0), max(columns, 0)), dtype=np.int16),
    )
    if columns < 1 or rows < 1:
        return picture
    picture.x_range = _plain(*axes.widen(*spec.x_range))
    x_labels = rows >= 5
    picture.plot_rows = rows - x_labels
    gutter = _gutter(columns)
    picture.left, picture.plot_columns = gutter, columns - gutter
    edges = np.linspace(*picture.x_range, picture.plot_columns * spec.glyphs.dots_x + 1)
    layers = _layers(spec, edges)
    y_axis = _y_axis(spec, layers, picture.plot_rows)
    if layers is None or y_axis is None:
        picture.put_centred(_why_empty(spec), TEXT)
        return picture
    picture.y_axis = y_axis
    _draw_curves(picture, spec, layers, y_axis)
    _draw_lone_values(picture, spec, y_axis)
    _draw_digits(picture, spec)
    _draw_gaps(picture, spec, edges)
    _draw_verticals(picture, spec)
    if gutter:
        _draw_y_axis(picture, spec, y_axis)
    if x_labels:
        _draw_x_axis(picture, spec)
    return picture


def _plain(low: float, high: float) -> tuple[float, float]:
    return float(low), float(high)


def _gutter(columns: int) -> int:
    """One width for all values, so that the plot does not jump while labels change."""
    return GUTTER if columns >= 24 else 0


def _why_empty(spec: PlotSpec) -> str:
    values = [curve.buffer.raw for curve in spec.curves]
    if not any(np.isfinite(some).any() for some in values):
        return spec.empty_text
    if spec.log_y and not any((some > 0).any() for some in values):
        return "nothing above zero for log y"
    return "no value in this range"


def _layers(spec: PlotSpec, edges: NDArray[np.float64]) -> _Layers | None:
    curves = [curve for curve in spec.curves if len(curve.buffer)]
    if not curves:
        return None
    low, high = dot_columns([curve.buffer for curve in curves], edges, log=spec.log_y)
    ghosts: list[tuple[int, int]] = []
    quiet: list[tuple[int, int]] = []
    loud: list[tuple[int, int]] = []
    row = -1
    for curve in curves:
        raw, row = row + 1, row + curve.buffer.pyramid.channels
        (quiet if curve.quiet else loud).append((row, line_ink(curve.ink_index)))
        if spec.smoothed and raw != row and not curve.quiet:
            ghosts.append((raw, ghost_ink(curve.ink_index)))
    order, inks = zip(*ghosts, *quiet, *loud, strict=True)
    rows = list(order)
    return _Layers(np.array(inks, dtype=np.int16), low[rows], high[rows], len(ghosts))


def _y_axis(spec: PlotSpec, layers: _Layers | None, rows: int) -> axes.Axis | None:
    if layers is None:
        return None
    low, high = float(np.fmin.reduce(layers.low, axis=None)), float(np.fmax.reduce(layers.high, axis=None))
    if math.isnan(low):
        return None
    return (axes.log_axis if spec.log_y else axes.linear_axis)(low, high, rows)


def _draw_curves(picture: Picture, spec: PlotSpec, layers: _Layers, y_axis: axes.Axis) -> None:
    dots = picture.plot_rows * spec.glyphs.dots_y
    scale = (dots - 1) / (y_axis.high - y_axis.low)
    # Dot rows count downwards: the highest value is the first dot. Nothing becomes an empty range far outside.
    top, bottom = np.rint((y_axis.high - layers.high) * scale), np.rint((y_axis.high - layers.low) * scale)
    nothing = np.isnan(top)
    top[nothing], bottom[nothing] = dots, -1
    codes = column_codes(top.astype(np.intp), bottom.astype(np.intp), picture.plot_rows, spec.glyphs)
    inked = codes != 0
    # The colour of a cell is that of the uppermost layer in it.
    uppermost = len(codes) - 1 - inked[::-1].argmax(axis=0)
    lines = np.bitwise_or.reduce(codes[layers.ghosts :], axis=0)
    if layers.ghosts:
        # A ghost's dots beside a line's would take its colour; the line alone is easier to read.
        lines = np.where(lines, lines, np.bitwise_or.reduce(codes[: layers.ghosts], axis=0))
    area = _plot_area(picture)
    picture.points[area] = characters(lines, spec.glyphs)
    picture.inks[area] = np.where(lines, layers.inks.take(uppermost), 0)


def _draw_lone_values(picture: Picture, spec: PlotSpec, y_axis: axes.Axis) -> None:
    """Write a character where a series has its only value, say the first evaluation of a run."""
    for curve in spec.curves:
        if curve.quiet or len(curve.buffer) - len(curve.buffer.gaps) != 1:
            continue
        index = int(np.isfinite(curve.buffer.raw).argmax())
        value, column = float(curve.buffer.raw[index]), picture.column_of(float(curve.buffer.x[index]))
        if column is None or (spec.log_y and value <= 0):
            continue
        share = (y_axis.high - (math.log10(value) if spec.log_y else value)) / (y_axis.high - y_axis.low)
        row = round(share * (picture.plot_rows * spec.glyphs.dots_y - 1)) // spec.glyphs.dots_y
        if 0 <= row < picture.plot_rows:
            picture.put(row, picture.left + column, spec.glyphs.lone, line_ink(curve.ink_index))


def _draw_digits(picture: Picture, spec: PlotSpec) -> None:
    """Write each line's digit where the line is, near its right end first and then again and again."""
    points, inks = picture.points[_plot_area(picture)], picture.inks[_plot_area(picture)]
    for number, (ink, digit) in enumerate(spec.digits.items()):
        columns = np.flatnonzero((inks == ink).any(axis=0))[::-1]
        for column in columns[2 * number :: _DIGIT_EVERY].tolist():
            points[int((inks[:, column] == ink).argmax()), column] = ord(digit)


def _plot_area(picture: Picture) -> tuple[slice, slice]:
    return slice(picture.plot_rows), slice(picture.left, picture.left + picture.plot_columns)


def _draw_gaps(picture: Picture, spec: PlotSpec, edges: NDArray[np.float64]) -> None:
    """Mark where values are missing, once for each run of columns without break."""
    cells = edges[:: spec.glyphs.dots_x]
    missing = np.zeros(picture.plot_columns, dtype=bool)
    for curve in spec.curves:
        if len(curve.buffer.gaps):
            bounds = np.searchsorted(curve.buffer.gaps, cells)
            bounds[-1] = np.searchsorted(curve.buffer.gaps, cells[-1], side="right")
            missing |= bounds[1:] > bounds[:-1]
    starts = missing & ~np.concatenate(([False], missing[:-1]))
    row = picture.plot_rows - 1
    for column in np.flatnonzero(starts):
        picture.put(row, picture.left + int(column), spec.glyphs.gap, GAP)


def _draw_verticals(picture: Picture, spec: PlotSpec) -> None:
    """Marks and the crosshair, behind the curves. The last row of a column may hold a small mark."""
    for column, foot in _visible_marks(picture, spec):
        rows = slice(picture.plot_rows - 1, None) if foot else slice(None)
        _draw_vertical(picture, column, rows, foot or spec.glyphs.mark, MARK)
    column = None if spec.cursor_x is None else picture.column_of(spec.cursor_x)
    if column is not None:
        _draw_vertical(picture, column, slice(None), spec.glyphs.cursor, CURSOR)


def _visible_marks(picture: Picture, spec: PlotSpec) -> list[tuple[int, str]]:
    """Column and foot ("" for a line over the whole height) of every mark in sight, the rarest kind last.

    A long run has thousands of checkpoints; there is room for one in each column.
    """
    low, high = picture.x_range
    x = np.fromiter((mark.x for mark in spec.marks), dtype=np.float64, count=len(spec.marks))
    inside = np.flatnonzero((x >= low) & (x <= high))
    columns = np.minimum((x[inside] - low) / (high - low) * picture.plot_columns, picture.plot_columns - 1).astype(int)
    feet = list(spec.glyphs.feet.values())
    found: set[tuple[int, str]] = set()
    for index, column in zip(inside.tolist(), columns.tolist(), strict=True):
        mark = spec.marks[index]
        found.add((column, spec.glyphs.feet.get(mark.kind, feet[0]) if mark.small else ""))
    return sorted(found, key=lambda item: feet.index(item[1]) if item[1] else -1)


def _draw_vertical(picture: Picture, column: int, rows: slice, character: str, ink: int) -> None:
    points = picture.points[_plot_area(picture)][rows, column]
    inks = picture.inks[_plot_area(picture)][rows, column]
    free = (points == ord(" ")) | (inks == MARK)
    points[free] = ord(character)
    inks[free] = ink


def _draw_y_axis(picture: Picture, spec: PlotSpec, y_axis: axes.Axis) -> None:
    picture.points[: picture.plot_rows, picture.left - 1] = ord(spec.glyphs.axis)
    used = set()
    for label, position in zip(y_axis.labels, axes.positions(y_axis, picture.plot_rows), strict=True):
        row = picture.plot_rows - 1 - position
        if row in used:
            continue
        used.add(row)
        picture.put(row, 0, f"{label:>{picture.left - 1}}"[: picture.left - 1] + spec.glyphs.tick, AXIS)


def _draw_x_axis(picture: Picture, spec: PlotSpec) -> None:
    make = axes.time_axis if spec.x_is_time else axes.count_axis
    axis = make(*picture.x_range, picture.plot_columns)
    row = picture.plot_rows
    free_from = 0
    for label, position in zip(axis.labels, axes.positions(axis, picture.plot_columns), strict=True):
        column = picture.left + position - len(label) // 2
        column = min(max(column, 0), picture.left + picture.plot_columns - len(label))
        if column >= free_from:
            picture.put(row, column, label, AXIS)
            free_from = column + len(label) + 1
