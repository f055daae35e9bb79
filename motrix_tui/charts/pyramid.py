"""Values with the minimum and maximum of ever larger blocks of them.

A refresh must not touch every point: "lowest and highest of these thousands of points" is answered from a few dozen
numbers. No extreme is ever lost, so a spike of one point survives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motrix_core.runs.table import room_for

ValueArray = NDArray[np.float32]
IndexArray = NDArray[np.intp]

FACTOR = 4
# A pyramid's blocks move points to a neighbouring dot column; with this many blocks in a column by an eighth of it.
_BLOCKS_PER_COLUMN = 8
UNDIVIDED = 1 << 14
"""So many values are looked at one by one: blocks would save some ten microseconds, and take much room."""
LARGEST = float(np.finfo(np.float32).max)


class Column:
    """Growing rows side by side, (channels, size), with room to spare, so that appending costs O(new points).

    A column of one row may instead show an array of somebody else's, until it is changed: then it is copied.
    """

    def __init__(self, dtype: type[np.number], channels: int = 1) -> None:
        self._room = np.empty((channels, 0), dtype=dtype)
        self.size = 0

    @property
    def values(self) -> NDArray:
        """Shape (channels, size)."""
        return self._room[:, : self.size]

    def row(self, channel: int = 0) -> NDArray:
        """Shape (size,)."""
        return self._room[channel, : self.size]

    def show(self, row: NDArray) -> None:
        """Be `row` (n,), which nobody may write to, without a copy of it."""
        self._room, self.size = row[None], len(row)

    def append(self, values: NDArray) -> None:
        """Add `values`, shape (channels, n) or (n,)."""
        needed = self.size + values.shape[-1]
        self._make_room(needed)
        self._room[:, self.size : needed] = values
        self.size = needed

    def push(self, *values: float) -> None:
        """Add one value to each channel."""
        self._make_room(self.size + 1)
        for channel, value in enumerate(values):
            self._room[channel, self.size] = value
        self.size += 1

    def _make_room(self, needed: int) -> None:
        if needed > self._room.shape[1]:
            room = np.empty((len(self._room), room_for(needed)), dtype=self._room.dtype)
            room[:, : self.size] = self.values
            self._room = room

    def truncate(self, size: int) -> None:
        if size < self.size:
            # What is shown of somebody else's goes on there behind `size`, and has to stay.
            self._room = self._room if self._room.flags.writeable else self._room[:, :size].copy()
            self.size = size

    def thin(self, head: int, kept: IndexArray) -> None:
        """Of the first `head` values keep those at the indices `kept`; what follows stays."""
        tail = self.values[:, head:].copy()
        self._room = self._room[:, kept]
        self.size = len(kept)
        self.append(tail)


class Pyramid:
    """Rows of values with the minimum and maximum of every 4, 16, 64 … of them.

    NaN is no value; a block of NaN is NaN. Several channels of one length, say raw and smoothed values of one series,
    are answered together. Blocks are not made before somebody asks about more than `UNDIVIDED` values.
    """

    def __init__(self, channels: int = 1) -> None:
        self.channels = channels
        self._rows = [Column(np.float32) for _ in range(channels)]
        self._low: list[Column] = []
        self._high: list[Column] = []

    def __len__(self) -> int:
        return self._rows[0].size

    def row(self, channel: int) -> ValueArray:
        """The values of one channel, (n,)."""
        return self._rows[channel].row()

    def take(self, indices: IndexArray) -> ValueArray:
        """The values at `indices` (k,), as (channels, k)."""
        return np.stack([row.row().take(indices) for row in self._rows])

    def append(self, values: ArrayLike) -> None:
        """Add `values`, shape (channels, n) or (n,), at the end; infinities count as NaN."""
        single = np.array(values, dtype=np.float64, ndmin=2)
        # Beyond float32 a value would turn into infinity; the largest float32 keeps it a visible extreme.
        single[~np.isfinite(single)] = np.nan
        self.append_checked(list(np.clip(single, -LARGEST, LARGEST)))

    def append_checked(self, rows: Sequence[NDArray]) -> None:
        """Add one row (n,) to each channel, of values that are within float32 or NaN."""
        for row, values in zip(self._rows, rows, strict=True):
            row.append(values)

    def push(self, *values: float) -> None:
        """Add one value to each channel: finite and within float32, or NaN."""
        for row, value in zip(self._rows, values, strict=True):
            row.push(value)

    def show(self, values: ValueArray, *others: NDArray) -> None:
        """Let `values` (n,) be the first channel, without a copy: what it was and more, which `others` get added."""
        self._rows[0].show(values)
        for row, more in zip(self._rows[1:], others, strict=True):
            row.append(more)

    def beside(self, *others: ValueArray) -> Pyramid:
        """One with the first channel of this one, which is given up for it, and `others` (n,)."""
        made = Pyramid(1 + len(others))
        made._rows[0] = self._rows[0]
        for row, values in zip(made._rows[1:], others, strict=True):
            row.append(values)
        return made

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` values."""
        for row in self._rows:
            row.truncate(size)
        block = FACTOR
        for low, high in zip(self._low, self._high, strict=True):
            low.truncate(size // block)
            high.truncate(size // block)
            block *= FACTOR

    def thin(self, head: int, kept: IndexArray) -> None:
        """Of the first `head` values keep those at the indices `kept`; what follows stays."""
        for row in self._rows:
            row.thin(head, kept)
        self._low, self._high = [], []

    def _grow(self) -> None:
        """Make the blocks of all values that there are now."""
        size, level = len(self), 0
        while size >= FACTOR:
            size //= FACTOR
            if level == len(self._low):
                self._low.append(Column(np.float32, self.channels))
                self._high.append(Column(np.float32, self.channels))
            low, high = self._low[level], self._high[level]
            if size == low.size:
                return
            fresh = slice(low.size * FACTOR, size * FACTOR)
            if level:
                below, above = self._low[level - 1].values[:, fresh], self._high[level - 1].values[:, fresh]
            else:
                below = above = np.stack([row.row()[fresh] for row in self._rows])
            low.append(_of_four(np.fmin, below))
            high.append(_of_four(np.fmax, above))
            level += 1

    def extremes(self, bounds: IndexArray) -> tuple[ValueArray, ValueArray]:
        """Lowest and highest value in each of the consecutive index ranges between `bounds`.

        `bounds` is non-decreasing, shape (ranges + 1,); both results have the shape (channels, ranges). The outermost
        bounds hold exactly; where ranges are long, an inner bound may move to a neighbouring block's edge, so a value
        may count for the range beside its own, by at most an eighth of a range's length. Empty ranges give NaN.
        """
        start, stop = int(bounds[0]), int(bounds[-1])
        level, block = 0, 1
        wanted = (stop - start) / max(len(bounds) - 1, 1) / _BLOCKS_PER_COLUMN
        if stop - start > UNDIVIDED:
            self._grow()
            while level < len(self._low) and block * FACTOR <= wanted:
                level, block = level + 1, block * FACTOR
        if level == 0:
            parts = [_reduce(row.values, row.values, bounds) for row in self._rows]
            return np.concatenate([low for low, _ in parts]), np.concatenate([high for _, high in parts])
        first, last = -(-start // block), stop // block
        blocks = np.minimum(np.maximum(-(-bounds // block), first), last)
        low, high = _reduce(self._low[level - 1].values, self._high[level - 1].values, blocks)
        # The blocks that the window cuts through: their points inside it belong to the outermost ranges.
        for end, inside in ((0, slice(start, first * block)), (-1, slice(last * block, stop))):
            if inside.stop > inside.start:
                points = np.stack([row.row()[inside] for row in self._rows])
                low[:, end] = np.fmin(low[:, end], np.fmin.reduce(points, axis=1))
                high[:, end] = np.fmax(high[:, end], np.fmax.reduce(points, axis=1))
        return low, high


def _of_four(extreme: np.ufunc, values: ValueArray) -> ValueArray:
    """`extreme` of every four neighbours, (channels, n / 4). A reduction over an axis of four takes far longer."""
    return extreme(extreme(values[:, 0::4], values[:, 1::4]), extreme(values[:, 2::4], values[:, 3::4]))


def _reduce(low: ValueArray, high: ValueArray, bounds: IndexArray) -> tuple[ValueArray, ValueArray]:
    start, stop = int(bounds[0]), int(bounds[-1])
    if stop <= start:
        empty = np.full((len(low), len(bounds) - 1), np.nan, dtype=np.float32)
        return empty, empty.copy()
    # reduceat must not start at the end of its array, and gives one element for an empty range.
    at = np.minimum(bounds[:-1] - start, stop - start - 1)
    lowest = np.fmin.reduceat(low[:, start:stop], at, axis=1)
    highest = np.fmax.reduceat(high[:, start:stop], at, axis=1)
    empty_ranges = bounds[1:] <= bounds[:-1]
    if empty_ranges.any():
        lowest[:, empty_ranges] = np.nan
        highest[:, empty_ranges] = np.nan
    return lowest, highest
