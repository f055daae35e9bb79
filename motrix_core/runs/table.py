"""A growing table of numbers: three shared columns for the row's place, one float32 column per metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A run logs some dozens of names; a damaged or hostile file must not make us allocate without end.
MAX_COLUMNS = 2000
_FIRST_ROWS = 256
_STEP = 1024
# Written metrics are finite or null, so an infinity is free to mean that a row does not have the metric at all.
_ABSENT = np.float32(-np.inf)
_AXES = ("env_steps", "update", "time")
_EPISODES = "episodes"
_OF_EPISODES = ("return/", "episode_length/")
"""Begin the names of metrics that only an episode that has ended tells. Where none did, nothing is missing: these rows
do not have the metric, so that charts join the points that there are instead of marking a gap between them."""


def room_for(count: int) -> int:
    """How many values a growing array of `count` gets room for: an eighth more, so that growth costs O(1) a value.

    Dozens of arrays grow side by side for hours. In few sizes, what one of them gives up is what the next one needs;
    else the memory between them becomes holes that nothing fits into.
    """
    return _FIRST_ROWS if count <= _FIRST_ROWS else -(-(count + count // 8) // _STEP) * _STEP


def grown(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """`array` or a copy of it that has room for `rows`."""
    if rows <= len(array):
        return array
    larger = np.empty(room_for(rows), array.dtype)
    larger[: len(array)] = array
    return larger


class Column:
    """One metric: the rows `start` to `start + length`, of which `absent` do not have it, nor do those beyond."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.length = 0
        self.absent = 0
        self.values = np.empty(0, np.float32)

    def put(self, row: int, values: NDArray[np.float32]) -> None:
        """Append `values`, shape (n,), at `row`, which is at or after the end; rows between do not have the metric."""
        gap = row - (self.start + self.length)
        end = self.length + gap + len(values)
        self.values = grown(self.values, end)
        self.values[self.length : self.length + gap] = _ABSENT
        self.values[self.length + gap : end] = values
        self.absent += gap + int(np.count_nonzero(values == _ABSENT))
        self.length = end

    def cut(self, rows: int) -> None:
        """Forget the rows from `rows` on."""
        length = max(0, min(self.length, rows - self.start))
        if length == self.length:
            return
        # Not to be overwritten by what comes next: charts may hold it.
        self.length, self.values = length, self.values[:length].copy()
        self.absent = int(np.count_nonzero(self.values[: self.length] == _ABSENT))


class Table:
    """Rows of metrics in the order of `env_steps`.

    `env_steps`, `update` and `time` (seconds), each float64 of shape (rows,) or longer, are what charts draw over: all
    metrics share them. What has once been written to an array stays in it, so that nobody needs a copy.
    """

    def __init__(self) -> None:
        self.rows = 0
        # Whole numbers below 2^53, as the reader sees to, are exact.
        self.env_steps = np.empty(0, np.float64)
        self.update = np.empty(0, np.float64)
        self.time = np.empty(0, np.float64)
        self.columns: dict[str, Column] = {}
        self.ignored = 0

    def append(self, places: list[tuple[int, int, float]], rows: list[Mapping[str, Any]]) -> None:
        """Append rows at `places`, each (env_steps, update, time). What is no number counts as NaN."""
        first, end = self.rows, self.rows + len(rows)
        for index, name in enumerate(_AXES):
            array = grown(getattr(self, name), end)
            array[first:end] = [place[index] for place in places]
            setattr(self, name, array)
        self.rows = end
        start = 0
        # Rows of one shape, which is nearly all of them, go in column by column: 10k events a second must be cheap.
        for stop in range(1, len(rows) + 1):
            if stop == len(rows) or rows[stop].keys() != rows[start].keys():
                self._append_alike(first + start, rows[start:stop])
                start = stop

    def _append_alike(self, row: int, rows: list[Mapping[str, Any]]) -> None:
        none_ended = np.array([values.get(_EPISODES) == 0 for values in rows])
        for name in rows[0]:
            column = self.columns.get(name)
            if column is None:
                if len(self.columns) >= MAX_COLUMNS:
                    self.ignored += len(rows)
                    continue
                column = self.columns[name] = Column(row)
            numbers = _numbers([values[name] for values in rows])
            if name.startswith(_OF_EPISODES):
                numbers[none_ended & np.isnan(numbers)] = _ABSENT
            column.put(row, numbers)

    def cut_after(self, env_steps: int) -> int:
        """Forget the rows beyond `env_steps`; returns how many there were."""
        keep = int(np.searchsorted(self.env_steps[: self.rows], env_steps, side="right"))
        dropped, self.rows = self.rows - keep, keep
        if not dropped:
            return 0
        for name in _AXES:
            setattr(self, name, getattr(self, name)[:keep].copy())
        for column in self.columns.values():
            column.cut(keep)
        self.columns = {name: column for name, column in self.columns.items() if column.length}
        return dropped

    def axis(self, name: str) -> NDArray[np.float64]:
        """One of env_steps, update, time of every row, float64 of shape (rows,), not to be written to."""
        array = getattr(self, name)[: self.rows]
        array.flags.writeable = False
        return array

    def xy(self, name: str, axis: str) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """x float64 and y float32 of the rows that have `name`, both of shape (n,); KeyError if none has."""
        column = self.columns[name]
        x = self.axis(axis)[column.start : column.start + column.length]
        y = column.values[: column.length]
        if column.absent:
            present = y != _ABSENT
            x, y = x[present], y[present]
        y = y.view()
        y.flags.writeable = False
        return x, y

    def last(self, name: str) -> float:
        """The value of `name` in the newest row that has it, NaN if it was null or none has; KeyError if unknown."""
        column = self.columns[name]
        for value in column.values[: column.length][::-1]:
            if value != _ABSENT:
                return float(value)
        return float("nan")


def _numbers(values: Iterable[Any]) -> NDArray[np.float32]:
    # Text would be converted too: only numbers and null are metrics.
    numbers = [value if type(value) is float or type(value) is int else np.nan for value in values]
    with np.errstate(over="ignore"):
        try:
            array = np.array(numbers, np.float64).astype(np.float32)
        except OverflowError:
            # A whole number beyond float64: damaged, so the slow way is good enough.
            array = np.array([value if abs(value) < 1e38 else np.nan for value in numbers], np.float32)
    array[~np.isfinite(array)] = np.nan
    return array
