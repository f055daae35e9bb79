"""The visible part of a series as the lowest and highest value of every dot column.

A refresh must not touch every point: `searchsorted` finds the window, and a min/max pyramid answers "lowest and highest
of these thousands of points" from a few dozen numbers. No extreme is ever lost, so a spike of one point survives.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motrix_tui.charts.smooth import Smoother

FloatArray = NDArray[np.float64]
ValueArray = NDArray[np.float32]
IndexArray = NDArray[np.intp]

FACTOR = 4
# A pyramid's blocks move points to a neighbouring dot column; with this many blocks in a column by an eighth of it.
_BLOCKS_PER_COLUMN = 8
_LARGEST = float(np.finfo(np.float32).max)


class Column:
    """A growing array with room to spare, so that appending costs O(new points)."""

    def __init__(self, dtype: type[np.floating]) -> None:
        self._room = np.empty(256, dtype=dtype)
        self.size = 0

    @property
    def values(self) -> NDArray:
        return self._room[: self.size]

    def append(self, values: NDArray) -> None:
        needed = self.size + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)), dtype=self._room.dtype)
            room[: self.size] = self.values
            self._room = room
        self._room[self.size : needed] = values
        self.size = needed

    def truncate(self, size: int) -> None:
        self.size = min(self.size, size)


class Pyramid:
    """Values with the minimum and maximum of every 4, 16, 64 … of them. NaN is no value; a block of NaN is NaN."""

    def __init__(self) -> None:
        self._values = Column(np.float32)
        self._low: list[Column] = []
        self._high: list[Column] = []

    def __len__(self) -> int:
        return self._values.size

    @property
    def values(self) -> ValueArray:
        return self._values.values

    def append(self, values: NDArray) -> None:
        """Add `values` at the end; infinities count as NaN."""
        single = np.array(values, dtype=np.float64)
        # Beyond float32 a value would turn into infinity; the largest float32 keeps it a visible extreme.
        single[~np.isfinite(single)] = np.nan
        self._values.append(np.clip(single, -_LARGEST, _LARGEST).astype(np.float32))
        self._grow()

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` values."""
        self._values.truncate(size)
        block = FACTOR
        for low, high in zip(self._low, self._high, strict=True):
            low.truncate(self._values.size // block)
            high.truncate(self._values.size // block)
            block *= FACTOR

    def _grow(self) -> None:
        low_below = high_below = self._values
        level = 0
        while low_below.size >= FACTOR:
            if level == len(self._low):
                self._low.append(Column(np.float32))
                self._high.append(Column(np.float32))
            low, high = self._low[level], self._high[level]
            if low_below.size // FACTOR == low.size:
                return
            fresh = slice(low.size * FACTOR, low_below.size // FACTOR * FACTOR)
            low.append(np.fmin.reduce(low_below.values[fresh].reshape(-1, FACTOR), axis=1))
            high.append(np.fmax.reduce(high_below.values[fresh].reshape(-1, FACTOR), axis=1))
            low_below, high_below = low, high
            level += 1

    def extremes(self, bounds: IndexArray) -> tuple[ValueArray, ValueArray]:
        """Lowest and highest value in each of the consecutive index ranges between `bounds`.

        `bounds` is non-decreasing, shape (ranges + 1,). The outermost bounds hold exactly; where ranges are long, an
        inner bound may move to a neighbouring block's edge, so a value may count for the range beside its own, by at
        most an eighth of a range's length. Empty ranges give NaN.
        """
        start, stop = int(bounds[0]), int(bounds[-1])
        level, block = 0, 1
        wanted = (stop - start) / max(len(bounds) - 1, 1) / _BLOCKS_PER_COLUMN
        while level < len(self._low) and block * FACTOR <= wanted:
            level, block = level + 1, block * FACTOR
        if level == 0:
            return _reduce(self.values, self.values, bounds)
        first, last = -(-start // block), stop // block
        blocks = np.clip(-(-bounds // block), first, last)
        low, high = _reduce(self._low[level - 1].values, self._high[level - 1].values, blocks)
        # The blocks that the window cuts through: their points inside it belong to the outermost ranges.
        for end, points in ((0, self.values[start : first * block]), (-1, self.values[last * block : stop])):
            if len(points):
                low[end] = np.fmin(low[end], np.fmin.reduce(points))
                high[end] = np.fmax(high[end], np.fmax.reduce(points))
        return low, high


def _reduce(low: ValueArray, high: ValueArray, bounds: IndexArray) -> tuple[ValueArray, ValueArray]:
    start, stop = int(bounds[0]), int(bounds[-1])
    count = len(bounds) - 1
    if stop <= start:
        empty = np.full(count, np.nan, dtype=np.float32)
        return empty, empty.copy()
    # reduceat must not start at the end of its array, and gives one element for an empty range.
    at = np.minimum(bounds[:-1] - start, stop - start - 1)
    lowest = np.fmin.reduceat(low[start:stop], at)
    highest = np.fmax.reduceat(high[start:stop], at)
    empty_ranges = bounds[1:] <= bounds[:-1]
    lowest[empty_ranges] = np.nan
    highest[empty_ranges] = np.nan
    return lowest, highest


class SeriesBuffer:
    """One series as a chart keeps it: sorted x, raw and smoothed values, and where values are missing.

    A run that is resumed goes back to its checkpoint: then x falls, and the points beyond it belong to an abandoned
    branch. They are dropped, so that x never decreases.
    """

    def __init__(self, weight: float = 0.0) -> None:
        self._smoother = Smoother(weight)
        self.clear()

    def clear(self) -> None:
        """Forget every point; the smoothing weight stays."""
        self._smoother = Smoother(self._smoother.weight)
        self._x = Column(np.float64)
        self._gaps = Column(np.float64)
        self.raw = Pyramid()
        self.smooth = Pyramid()
        self._taken, self._last_taken = 0, math.nan

    def __len__(self) -> int:
        return self._x.size

    @property
    def x(self) -> FloatArray:
        return self._x.values

    @property
    def gaps(self) -> FloatArray:
        """The x of points without a finite value, non-decreasing."""
        return self._gaps.values

    def update(self, x: ArrayLike, y: ArrayLike) -> bool:
        """Take over a series that has grown since the last call; returns whether anything changed.

        `x` and `y` are the whole series, of one length; only what is beyond the last call's length is read. A series
        that got shorter, or has another x where the last call ended, is taken anew.
        """
        xs, ys = np.asarray(x), np.asarray(y)
        count = min(len(xs), len(ys))
        if self._taken and (count < self._taken or not self._continues(float(xs[self._taken - 1]))):
            self.clear()
        if count == self._taken:
            return False
        fresh = slice(self._taken, count)
        self._taken, self._last_taken = count, float(xs[count - 1])
        self._append(np.asarray(xs[fresh], dtype=np.float64), np.asarray(ys[fresh], dtype=np.float64))
        return True

    def _continues(self, x: float) -> bool:
        return x == self._last_taken or (math.isnan(x) and math.isnan(self._last_taken))

    def _append(self, x: FloatArray, y: FloatArray) -> None:
        placed = np.isfinite(x)
        x, y = x[placed], y[placed]
        if not len(x):
            return
        lowest_later = np.minimum.accumulate(x[::-1])[::-1]
        kept = x <= lowest_later
        x, y = x[kept], y[kept]
        if len(self) and x[0] < self.x[-1]:
            self._drop_from(float(x[0]))
        self._x.append(x)
        self.raw.append(y)
        self.smooth.append(self._smoother.extend(self.raw.values[-len(y) :]))
        self._gaps.append(x[~np.isfinite(y)])

    def _drop_from(self, x: float) -> None:
        size = int(np.searchsorted(self.x, x))
        self._x.truncate(size)
        self.raw.truncate(size)
        self.smooth.truncate(size)
        self._gaps.truncate(int(np.searchsorted(self.gaps, x)))

    def set_smoothing(self, weight: float) -> None:
        """Smooth all points again with another weight."""
        self._smoother = Smoother(weight)
        self.smooth = Pyramid()
        self.smooth.append(self._smoother.extend(self.raw.values))

    def last(self) -> float | None:
        """The newest finite value, or None."""
        values = self.raw.values
        for start in range(len(values) - 1, -1, -1024):
            part = values[max(start - 1023, 0) : start + 1]
            finite = np.flatnonzero(np.isfinite(part))
            if len(finite):
                return float(part[finite[-1]])
        return None

    def nearest(self, x: float) -> tuple[float, float] | None:
        """The point whose x is nearest, as (x, y); y may be NaN. None for an empty series."""
        if not len(self):
            return None
        after = int(np.clip(np.searchsorted(self.x, x), 0, len(self) - 1))
        before = max(after - 1, 0)
        index = before if abs(self.x[before] - x) <= abs(self.x[after] - x) else after
        return float(self.x[index]), float(self.raw.values[index])


class Window:
    """Where `x` (n,), non-decreasing, lies among dot columns with the borders `edges` (columns + 1,), increasing.

    It is the same for the raw and the smoothed values of a series, so it is found once.
    """

    def __init__(self, x: FloatArray, edges: FloatArray) -> None:
        self._empty = len(x) == 0
        self.bounds = np.searchsorted(x, edges)
        if self._empty:
            return
        self._after = np.minimum(self.bounds, len(x) - 1)
        self._before = np.maximum(self.bounds - 1, 0)
        before = x[self._before]
        width = x[self._after] - before
        share = np.zeros(len(edges))
        np.divide(edges - before, width, out=share, where=width > 0)
        share[(edges < x[0]) | (edges > x[-1])] = np.nan
        self._share = share
        # The last column includes its right border.
        self.bounds[-1] = np.searchsorted(x, edges[-1], side="right")

    def dot_columns(self, pyramid: Pyramid, *, log: bool) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Lowest and highest value of the polyline through (x, pyramid) within each dot column.

        Each column holds its points and the polyline's crossings of its two borders, so neighbouring points are
        joined. NaN where there is nothing. With `log` values are log10, and what is not positive is nothing.
        """
        low, high = pyramid.extremes(self.bounds)
        if self._empty:
            return low, high
        with np.errstate(invalid="ignore", divide="ignore"):
            # Float64, as the difference of two float32 may exceed their range.
            y0, y1 = pyramid.values[self._before].astype(np.float64), pyramid.values[self._after].astype(np.float64)
            if log:
                y0, y1, low, high = _log10(y0), _log10(y1), _log10(low), _log10(high)
                # Of a column with positive and other values only the highest is known to be positive.
                low = np.where(np.isnan(low), high, low)
            crossing = y0 + self._share * (y1 - y0)
        low = np.fmin(low, np.fmin(crossing[:-1], crossing[1:]))
        high = np.fmax(high, np.fmax(crossing[:-1], crossing[1:]))
        return low, high


def _log10(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.log10(np.where(values > 0, values, np.nan))
