"""One series as a chart keeps it, in bounded memory."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motrix_tui.charts.pyramid import LARGEST, Column, IndexArray, Pyramid, ValueArray
from motrix_tui.charts.smooth import Smoother

FloatArray = NDArray[np.float64]

MOST_POINTS = 1 << 17
"""Points that a series holds. Beyond that the older half gives up every other point."""
_OLD = MOST_POINTS // 2
_THINNED = 4
_FEW = 16


class SeriesBuffer:
    """Sorted x, raw and smoothed values, and where values are missing.

    A run that is resumed goes back to its checkpoint: then x falls, and the points beyond it belong to an abandoned
    branch. They are dropped, so that x never decreases.

    At most `MOST_POINTS` points are held. What is given up are points between the lowest and the highest of four, in
    the older half: every extreme stays where it was, and the newest points stay exact.

    Arrays that nobody can write to, as a run's series gives them, are shown where they are as long as every point
    counts: all charts of a run then share one x, and a point takes 4 bytes here if it is smoothed and none if it is
    not, besides what the pyramid makes of long series. What comes in other arrays is copied, at 12 bytes more.
    """

    def __init__(self, weight: float = 0.0) -> None:
        self._smoother = Smoother(weight)
        self.clear()

    def clear(self) -> None:
        """Forget every point; the smoothing weight stays."""
        self._smoother = Smoother(self._smoother.weight)
        self._x = Column(np.float64)
        self._is_lent = True
        # Where the points stand in what was given; None while that is 0, 1, 2 … as in nearly every run.
        self._places: Column | None = None
        self._gaps = Column(np.float64)
        self.pyramid = Pyramid(2 if self._smoother.weight else 1)
        self._taken, self._last_taken = 0, math.nan
        self._is_thinned = self._is_stale = False
        self._last: float | None = None

    def __len__(self) -> int:
        return self._x.size

    @property
    def x(self) -> FloatArray:
        return self._x.row()

    @property
    def weight(self) -> float:
        """That of the smoothing."""
        return self._smoother.weight

    @property
    def raw(self) -> ValueArray:
        """The values as they were given, (n,)."""
        return self.pyramid.row(0)

    @property
    def smooth(self) -> ValueArray:
        """The smoothed values, (n,); with the weight 0 the raw ones."""
        return self.pyramid.row(self.pyramid.channels - 1)

    @property
    def gaps(self) -> FloatArray:
        """The x of points without a finite value, non-decreasing."""
        return self._gaps.row()

    def update(self, x: ArrayLike, y: ArrayLike) -> bool:
        """Take over a series that has grown since the last call; returns whether anything changed.

        `x` and `y` are the whole series, of one length; only what is beyond the last call's length is read. A series
        that got shorter, or has another x where the last call ended, is taken anew. Arrays whose flag `writeable` is
        off must stay as they are.
        """
        xs, ys = np.asarray(x), np.asarray(y)
        count = min(len(xs), len(ys))
        if self._taken and (count < self._taken or not self._continues(float(xs[self._taken - 1]))):
            self.clear()
        changed = self._is_stale
        if self._is_stale:
            self._smooth_again(xs[: self._taken], ys[: self._taken])
        if count == self._taken:
            return changed
        fresh = slice(self._taken, count)
        self._taken, self._last_taken = count, float(xs[count - 1])
        self._is_lent = self._is_lent and count <= MOST_POINTS and self._all_count(xs, ys, fresh)
        if self._is_lent:
            self._show(xs[:count], ys[:count], fresh)
            return True
        if fresh.stop - fresh.start <= _FEW:
            # A live run grows by a point or two between two refreshes: array arithmetic would cost ten times as much.
            given = zip(xs[fresh].tolist(), ys[fresh].tolist(), strict=True)
            for place, (at, value) in enumerate(given, fresh.start):
                self._push(float(at), float(value), place)
            return True
        for start in range(fresh.start, fresh.stop, _OLD):
            part = slice(start, min(start + _OLD, fresh.stop))
            self._append(np.asarray(xs[part], dtype=np.float64), np.asarray(ys[part], dtype=np.float64), start)
        return True

    def _continues(self, x: float) -> bool:
        return x == self._last_taken or (math.isnan(x) and math.isnan(self._last_taken))

    def _all_count(self, xs: NDArray, ys: NDArray, fresh: slice) -> bool:
        """Whether the arrays are such that every new point of them is kept as it is, and they for good."""
        if xs.dtype != np.float64 or ys.dtype != np.float32 or xs.flags.writeable or ys.flags.writeable:
            return False
        x, before = xs[fresh], self._x.row()
        follows = math.isfinite(x[0]) and (not len(before) or x[0] >= before[-1])
        return follows and math.isfinite(x[-1]) and bool((x[1:] >= x[:-1]).all()) and not np.isinf(ys[fresh]).any()

    def _show(self, xs: FloatArray, ys: ValueArray, fresh: slice) -> None:
        values = ys[fresh]
        self._x.show(xs)
        if self.pyramid.channels == 1:
            self.pyramid.show(ys)
        else:
            if len(values) <= _FEW:
                smoothed = np.array([self._smoother.push(value) for value in values.tolist()])
            else:
                smoothed = self._smoother.extend(values)
            self.pyramid.show(ys, np.clip(smoothed, -LARGEST, LARGEST))
        missing = np.isnan(values)
        if missing.any():
            self._gaps.append(xs[fresh][missing])
            values = values[~missing]
        if len(values):
            self._last = float(values[-1])
        self._stay_bounded()

    def _push(self, x: float, y: float, place: int) -> None:
        if not math.isfinite(x):
            return
        if len(self) and x < self._x.row()[-1]:
            self._drop_from(x)
        self._x.push(x)
        self._put_places(np.array([place]))
        if math.isfinite(y):
            y = min(max(y, -LARGEST), LARGEST)
            self._last = y
        else:
            y = math.nan
            self._gaps.push(x)
        self.pyramid.push(*((y, self._smoother.push(y)) if self.pyramid.channels == 2 else (y,)))
        self._stay_bounded()

    def _append(self, x: FloatArray, y: FloatArray, first: int) -> None:
        kept = np.flatnonzero(np.isfinite(x))
        if not len(kept):
            return
        lowest_later = np.minimum.accumulate(x[kept][::-1])[::-1]
        kept = kept[x[kept] <= lowest_later]
        x, y = x[kept], y[kept]
        if len(self) and x[0] < self.x[-1]:
            self._drop_from(float(x[0]))
        self._x.append(x)
        self._put_places(kept + first)
        values = _as_held(y)
        smoothed = (self._smoother.extend(values),) if self.pyramid.channels == 2 else ()
        self.pyramid.append(np.stack((values, *smoothed)))
        missing = np.isnan(values)
        self._gaps.append(x[missing])
        if not missing.all():
            self._last = float(values[~missing][-1])
        self._stay_bounded()

    def _put_places(self, places: IndexArray) -> None:
        """Remember where the newest points stand, which have just got their x."""
        first = len(self) - len(places)
        if self._places is None:
            if places[0] == first and places[-1] == len(self) - 1:
                return
            self._places = Column(np.int32)
            self._places.append(np.arange(first))
        self._places.append(places)

    def _all_places(self) -> Column:
        if self._places is None:
            self._places = Column(np.int32)
            self._places.append(np.arange(len(self)))
        return self._places

    def _drop_from(self, x: float) -> None:
        size = int(np.searchsorted(self.x, x))
        if size < len(self):
            # What comes next stands further on in what was given than here.
            self._all_places().truncate(size)
        self._x.truncate(size)
        self.pyramid.truncate(size)
        self._gaps.truncate(int(np.searchsorted(self.gaps, x)))
        finite = np.flatnonzero(np.isfinite(self.raw))
        self._last = float(self.raw[finite[-1]]) if len(finite) else None

    def _stay_bounded(self) -> None:
        if len(self) > MOST_POINTS:
            kept = _extreme_points(self.raw[:_OLD])
            self._all_places().thin(_OLD, kept)
            self._x.thin(_OLD, kept)
            self.pyramid.thin(_OLD, kept)
            self._is_thinned = True
        if self._gaps.size > _OLD:
            self._gaps.thin(_OLD, np.arange(0, _OLD, 2))

    def set_smoothing(self, weight: float) -> None:
        """Smooth with another weight. A series that gave up points shows raw values until the next `update`."""
        if weight == self.weight:
            return
        self._smoother = Smoother(weight)
        self._is_stale = self._is_thinned and weight > 0
        is_raw = not weight or self._is_stale
        self.pyramid = self.pyramid.beside(*(() if is_raw else (self._smoother.extend(self.raw).astype(np.float32),)))

    def _smooth_again(self, x: NDArray, y: NDArray) -> None:
        """The smoothed values of the points that are left, of the whole series as it was taken."""
        self._is_stale = False
        placed = np.isfinite(x)
        smoothed = np.full(len(y), np.nan, dtype=np.float32)
        smoothed[placed] = self._smoother.extend(_as_held(np.asarray(y, dtype=np.float64)[placed]))
        self.pyramid = self.pyramid.beside(smoothed.take(self._all_places().row()))

    def last(self) -> float | None:
        """The newest finite value, or None."""
        return self._last

    def nearest(self, x: float) -> tuple[float, float] | None:
        """The point whose x is nearest, as (x, y); y may be NaN. None for an empty series."""
        if not len(self):
            return None
        xs = self.x
        after = min(int(xs.searchsorted(x)), len(self) - 1)
        before = max(after - 1, 0)
        index = before if abs(xs[before] - x) <= abs(xs[after] - x) else after
        return float(xs[index]), float(self.raw[index])


def _as_held(y: FloatArray) -> FloatArray:
    """Finite or NaN, rounded to float32: what is smoothed later, with another weight, must be what is smoothed now."""
    values = np.clip(np.where(np.isfinite(y), y, np.nan), -LARGEST, LARGEST)
    return values.astype(np.float32).astype(np.float64)


def _extreme_points(values: ValueArray) -> IndexArray:
    """Indices of two in every four of `values` (n,), n a multiple of four, the lowest and the highest among them."""
    blocks = values.reshape(-1, _THINNED)
    missing = np.isnan(blocks)
    lowest = np.where(missing, np.inf, blocks).argmin(axis=1)
    highest = np.where(missing, -np.inf, blocks).argmax(axis=1)
    first, second = np.minimum(lowest, highest), np.maximum(lowest, highest)
    # One point is both, for example the only value between gaps: its block gives up two of the others.
    same = first == second
    second = np.where(same & (first < _THINNED - 1), _THINNED - 1, second)
    first = np.where(same & (first == _THINNED - 1), 0, first)
    starts = np.arange(0, len(values), _THINNED)
    return np.stack((starts + first, starts + second), axis=1).ravel()
