"""Curves as files: CSV for further work, SVG for a page."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from html import escape
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import MotrixError
from motrix_tui.charts import axes
from motrix_tui.charts.palette import LIGHT, slot_for
from motrix_tui.compare.data import FloatArray, Line

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 960, 540, 72, 48, 40
_COLUMNS = 1000
_MOST_POINTS = 4 * _COLUMNS


def write_csv(out: TextIO, curves: Iterable[tuple[str, Sequence[Line]]], x_title: str) -> None:
    """One row for every point of `curves`, by metric: metric, curve, x, y. A missing value is empty.

    Raises MotrixError if there is no point at all.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("metric", "curve", x_title, "value"))
    some = False
    for metric, found in curves:
        for line in found:
            some |= len(line.x) > 0
            for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
                writer.writerow((metric, line.label, f"{x:.15g}", f"{y:.9g}" if np.isfinite(y) else ""))
    if not some:
        raise MotrixError("these runs have no metrics yet")


def as_svg(title: str, curves: Sequence[Line], x_title: str, *, x_is_time: bool) -> str:
    """A chart of `curves` with axes, filled bands and a legend, on white."""
    ends = [
        (line.x[0], line.x[-1], np.nanmin(line.y), np.nanmax(line.y)) for line in curves if np.isfinite(line.y).any()
    ]
    left, right = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0.0, 1.0)
    low, high = (min(e[2] for e in ends), max(e[3] for e in ends)) if ends else (0.0, 1.0)
    x_axis = (axes.time_axis if x_is_time else axes.count_axis)(float(left), float(right), 80)
    y_axis = axes.linear_axis(float(low), float(high), 24)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="16">{escape(title)}</text>',
        *_ticks(x_axis, y_axis),
        f'<text x="{_WIDTH - 16}" y="{_HEIGHT - 10}" text-anchor="end">{escape(x_title)}</text>',
    ]
    colours = _colours(curves)
    for label, borders in _bands(curves).items():
        low, high = borders
        parts.append(_area(low, high, x_axis, y_axis, colours[label]))
    for number, line in enumerate(line for line in curves if not line.border_of):
        colour = colours[line.label]
        parts.append(_path(line, x_axis, y_axis, colour))
        parts.append(
            f'<text x="{_LEFT + 12}" y="{_TOP + 18 + 17 * number}" fill="{colour}">{escape(line.label)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def _colours(curves: Sequence[Line]) -> dict[str, str]:
    """The colour of each curve by its label, that of the charts on a light background."""
    slots: dict[str, int] = {}
    for line in curves:
        name = line.border_of or line.label
        if name not in slots:
            slots[name] = slot_for(name, set(slots.values()))
    return {name: LIGHT[slot] for name, slot in slots.items()}


def _bands(curves: Sequence[Line]) -> dict[str, list[Line]]:
    """The lower and the upper border of each band, by the label of the curve that it is around."""
    found: dict[str, list[Line]] = {}
    for line in curves:
        if line.border_of:
            found.setdefault(line.border_of, []).append(line)
    return found


def _x(axis: axes.Axis, x: float) -> float:
    return _LEFT + (x - axis.low) / (axis.high - axis.low) * (_WIDTH - _LEFT - 16)


def _y(axis: axes.Axis, y: float) -> float:
    return _HEIGHT - _BOTTOM - (y - axis.low) / (axis.high - axis.low) * (_HEIGHT - _BOTTOM - _TOP)


def _ticks(x_axis: axes.Axis, y_axis: axes.Axis) -> list[str]:
    parts = []
    for tick, label in zip(y_axis.ticks, y_axis.labels, strict=True):
        y = _y(y_axis, tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - 16}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
    for tick, label in zip(x_axis.ticks, x_axis.labels, strict=True):
        x = _x(x_axis, tick)
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{escape(label)}</text>')
    return parts


def _path(line: Line, x_axis: axes.Axis, y_axis: axes.Axis, colour: str) -> str:
    commands = []
    for x, y in _pieces(line):
        points = _points(*thinned(x, y, x_axis.low, x_axis.high), x_axis, y_axis)
        # A value between two gaps is a line of no length, which its round ends make a dot.
        commands.append(f"M{points[0]}h0" if len(points) == 1 else f"M{points[0]}L{' '.join(points[1:])}")
    return (
        f'<path d="{"".join(commands)}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linecap="round" '
        'stroke-linejoin="round"/>'
    )


def _area(low: Line, high: Line, x_axis: axes.Axis, y_axis: axes.Axis, colour: str) -> str:
    """What is between two borders, neither of which has a gap."""
    there = _points(*thinned(low.x, low.y, x_axis.low, x_axis.high), x_axis, y_axis)
    back = _points(*thinned(high.x, high.y, x_axis.low, x_axis.high), x_axis, y_axis)[::-1]
    return f'<path d="M{" ".join([*there, *back])}Z" fill="{colour}" fill-opacity="0.18"/>'


def _points(x: FloatArray, y: NDArray[np.floating], x_axis: axes.Axis, y_axis: axes.Axis) -> list[str]:
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    return [f"{_x(x_axis, at):.1f} {_y(y_axis, value):.1f}" for at, value in pairs]


def _pieces(line: Line) -> list[tuple[FloatArray, NDArray[np.floating]]]:
    """x and y of every stretch of `line` without a gap."""
    known = np.flatnonzero(np.isfinite(line.y))
    if not len(known):
        return []
    stretches = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    return [(line.x[part], line.y[part]) for part in stretches]


def thinned(
    x: FloatArray, y: NDArray[np.floating], left: float, right: float
) -> tuple[FloatArray, NDArray[np.floating]]:
    """The points of a curve that a picture can show: of each column the first, the lowest, the highest and the last.

    x (n,) never decreases and y (n,) is finite. Every spike survives, however narrow.
    """
    if len(x) <= _MOST_POINTS:
        return x, y
    column = np.floor((x - left) / (right - left) * _COLUMNS).astype(np.intp)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    ends = np.append(starts[1:], len(x)) - 1
    by_value = np.lexsort((y, column))
    kept = np.unique(np.concatenate((starts, ends, by_value[starts], by_value[ends])))
    return x[kept], y[kept]
