"""The visible part of series as the lowest and highest value of every dot column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from motrix_tui.charts.buffer import FloatArray, SeriesBuffer
from motrix_tui.charts.pyramid import IndexArray


def dot_columns(
    buffers: Sequence[SeriesBuffer], edges: FloatArray, *, log: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value of the polyline through each series within the dot columns between `edges`.

    `edges` (columns + 1,) is increasing, and no buffer is empty. Both results have a row for every channel of every
    buffer, in their order: (raw values and, where the buffer has them, smoothed ones) of the first, then of the next.

    Each column holds its points and the polyline's crossings of its two borders, so neighbouring points are joined.
    NaN where there is nothing. With `log` values are log10, and what is not positive is nothing.
    """
    x_before, x_after, y_before, y_after, lows, highs = [], [], [], [], [], []
    for buffer in buffers:
        x = buffer.x
        bounds = x.searchsorted(edges)
        after, before = np.minimum(bounds, len(x) - 1), np.maximum(bounds - 1, 0)
        channels = range(buffer.pyramid.channels)
        at_before, at_after = x.take(before), x.take(after)
        x_before.extend(at_before for _ in channels)
        x_after.extend(at_after for _ in channels)
        y_before.append(buffer.pyramid.take(before))
        y_after.append(buffer.pyramid.take(after))
        low, high = buffer.pyramid.extremes(_with_last(bounds, x, edges[-1]))
        lows.append(low)
        highs.append(high)
    low, high = np.concatenate(lows).astype(np.float64), np.concatenate(highs).astype(np.float64)
    # Float64, as the difference of two float32 may exceed their range.
    y0, y1 = np.concatenate(y_before).astype(np.float64), np.concatenate(y_after).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        if log:
            y0, y1, low, high = _log10(y0), _log10(y1), _log10(low), _log10(high)
            # Of a column with positive and other values only the highest is known to be positive.
            low = np.where(np.isnan(low), high, low)
        start = np.stack(x_before)
        # Beyond the ends of a series both neighbours are the same point: infinity times zero, which is NaN.
        crossing = y0 + (edges - start) / (np.stack(x_after) - start) * (y1 - y0)
    left, right = crossing[:, :-1], crossing[:, 1:]
    return np.fmin(low, np.fmin(left, right)), np.fmax(high, np.fmax(left, right))


def _with_last(bounds: IndexArray, x: FloatArray, edge: float) -> IndexArray:
    """`bounds`, with the points on the right border of the last column inside of it."""
    stop = int(bounds[-1])
    if stop < len(x) and x[stop] == edge:
        bounds[-1] = stop + 1 if stop + 1 == len(x) or x[stop + 1] > edge else x.searchsorted(edge, side="right")
    return bounds


def _log10(values: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.log10(np.where(values > 0, values, np.nan))
