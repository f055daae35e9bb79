"""Curves as files: CSV for further work, SVG for a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from motrix_tui.charts import axes
from motrix_tui.charts.palette import LIGHT, slot_for
from motrix_tui.compare.data import Line

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 960, 540, 72, 48, 40
_MOST_POINTS = 4000


def as_csv(curves: Mapping[str, Sequence[Line]], x_title: str) -> str:
    """One row for every point: metric, curve, x, y. A missing value is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("metric", "curve", x_title, "value"))
    for metric, found in curves.items():
        for line in found:
            for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
                writer.writerow((metric, line.label, f"{x:.15g}", f"{y:.9g}" if np.isfinite(y) else ""))
    return out.getvalue()


def as_svg(title: str, curves: Sequence[Line], x_title: str, *, x_is_time: bool) -> str:
    """A chart of `curves` with axes and a legend, on white."""
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
    taken: set[int] = set()
    for number, line in enumerate(curves):
        slot = slot_for(line.label, taken)
        taken.add(slot)
        parts.append(_path(line, x_axis, y_axis, LIGHT[slot]))
        parts.append(
            f'<text x="{_LEFT + 12}" y="{_TOP + 18 + 17 * number}" fill="{LIGHT[slot]}">{escape(line.label)}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


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
    stride = max(1, len(line.x) // _MOST_POINTS)
    commands, pen = [], "M"
    for x, y in zip(line.x[::stride].tolist(), line.y[::stride].tolist(), strict=True):
        if not np.isfinite(y):
            pen = "M"
            continue
        commands.append(f"{pen}{_x(x_axis, x):.1f} {_y(y_axis, y):.1f}")
        pen = "L"
    opacity = "0.45" if line.quiet else "1"
    return f'<path d="{"".join(commands)}" fill="none" stroke="{colour}" stroke-width="1.5" opacity="{opacity}"/>'
