"""Ticks at round numbers, their labels, and how values are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIME_STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True)
class Axis:
    """The visible range and its ticks, which are increasing and inside the range. On a log axis all are log10."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    @property
    def label_width(self) -> int:
        return max((len(label) for label in self.labels), default=0)


def round_step(span: float, intervals: float) -> float:
    """The smallest of 1, 2, 5 × 10ⁿ that cuts `span` into at most `intervals` pieces."""
    rough = max(span / max(intervals, 1e-9), 1e-300)
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1, 2, 5):
        if rough <= factor * power * (1 + 1e-9):
            return factor * power
    return 10 * power


def multiples(low: float, high: float, step: float) -> tuple[float, ...]:
    """Multiples of `step` in [low, high]."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(0.0 if number == 0 else number * step for number in range(first, last + 1))


def widen(low: float, high: float) -> tuple[float, float]:
    """A range with room: none for NaN, a little around equal ends, at most what float64 can halve."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    limit = 1e300
    low, high = max(min(low, high, limit), -limit), min(max(low, high, -limit), limit)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-290):
        room = max(0.05 * max(abs(low), abs(high)), 1e-9) if low or high else 1.0
        return low - room, high + room
    return low, high


def linear_axis(low: float, high: float, rows: int) -> Axis:
    """A y axis for about `rows` lines of text: at least two ticks where there is room for them."""
    low, high = widen(low, high)
    step = round_step(high - low, max(rows / 3, 2))
    ticks = multiples(low, high, step)
    if len(ticks) < 2 and rows > 1:
        # A range of two to three steps may hold a single multiple; of the next two finer ones it holds two.
        finer = (round_step(step, 2.5), round_step(step, 5))
        step = next((step for step in finer if len(multiples(low, high, step)) >= 2), finer[-1])
        ticks = multiples(low, high, step)
    ticks = ticks[:: max(1, math.ceil(len(ticks) / max(rows, 1)))]
    return Axis(low, high, ticks, number_labels(ticks, step))


def log_axis(low: float, high: float, rows: int) -> Axis:
    """A y axis over log10 values: ticks at decades, thinned to fit; at 1, 2, 5 within less than two decades."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    # Float64 has no other decades.
    low, high = max(min(low, high), -307.0), min(max(low, high), 307.0)
    if high - low < 1e-3:
        low, high = min(low, 307.0) - 0.5, max(high, -307.0) + 0.5
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    most = max(rows // 2, 2)
    if len(decades) >= 2:
        stride = math.ceil(len(decades) / most)
        ticks = tuple(float(decade) for decade in decades if decade % stride == 0)
    else:
        base = math.floor(low)
        all_ticks = [base + shift + math.log10(factor) for shift in (0, 1) for factor in (1, 2, 5)]
        ticks = tuple(tick for tick in all_ticks if low - 1e-9 <= tick <= high + 1e-9)[:most]
    return Axis(low, high, ticks, tuple(short_number(10.0**tick) for tick in ticks))


@lru_cache(maxsize=64)
def count_axis(low: float, high: float, width: int) -> Axis:
    """An x axis for env steps or updates, `width` characters wide."""
    return _spaced_axis(low, high, width, round_step, number_labels)


@lru_cache(maxsize=64)
def time_axis(low: float, high: float, width: int) -> Axis:
    """An x axis for seconds, with ticks at round seconds, minutes, hours or days."""
    return _spaced_axis(low, high, width, _time_step, lambda ticks, step: tuple(duration(tick) for tick in ticks))


def _spaced_axis(
    low: float,
    high: float,
    width: int,
    step_for: Callable[[float, float], float],
    write: Callable[[tuple[float, ...], float], tuple[str, ...]],
) -> Axis:
    low, high = widen(low, high)
    step = step_for(high - low, max(width / 9, 2))
    ticks = multiples(low, high, step)
    return Axis(low, high, ticks, write(ticks, step))


def _time_step(span: float, intervals: float) -> float:
    rough = span / intervals
    if rough < 0.5:
        return round_step(span, intervals)
    days = round_step(span / 86400, intervals) * 86400
    return float(next((step for step in _TIME_STEPS_S if step >= rough), days))


def number_labels(ticks: tuple[float, ...], step: float) -> tuple[str, ...]:
    """Labels with one unit and as many decimals as `step` needs, so that they line up."""
    if not ticks:
        return ()
    largest = max(abs(tick) for tick in ticks)
    if largest < 1e-3 or largest >= 1e15:
        return tuple(short_number(tick) for tick in ticks)
    size, unit = next(((size, unit) for size, unit in _UNITS if largest >= size), (1.0, ""))
    decimals = _decimals(step / size)
    if unit and decimals > 3:
        size, unit, decimals = 1.0, "", _decimals(step)
    return tuple("0" if tick == 0 else f"{tick / size:.{decimals}f}{unit}" for tick in ticks)


def _decimals(step: float) -> int:
    return min(max(0, -math.floor(math.log10(step) + 1e-9)), 12)


def short_number(value: float) -> str:
    """About three significant digits in at most seven characters: 96.4k, 4.2M, 0.013, 3e-4."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e15:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    for unit_size, unit in _UNITS:
        if size >= unit_size * 0.9995:
            return f"{_three_digits(value / unit_size)}{unit}"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    written = f"{value:.{decimals}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def exact_number(value: float) -> str:
    """A value for the crosshair: six significant digits, thousands separated where it is a large whole number."""
    if not math.isfinite(value):
        return short_number(value)
    if abs(value) >= 1000 and value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    # A negative zero plus zero is a positive one.
    return f"{value + 0.0:.6g}"


def duration(seconds: float) -> str:
    """12s, 3:05 (minutes and seconds), 1:02:03, 2d 4h."""
    if not math.isfinite(seconds):
        return "–"
    if abs(seconds) < 10 and seconds != int(seconds):
        return f"{seconds:.2g}s"
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{sign}{days}d {hour}h"
    if hours:
        return f"{sign}{hours}:{minute:02d}:{second:02d}"
    return f"{sign}{minutes}:{second:02d}" if minutes else f"{sign}{second}s"


def positions(axis: Axis, cells: int) -> list[int]:
    """The cell of each tick on an axis that is `cells` long, counted from the low end."""
    span = axis.high - axis.low
    shares = [(tick - axis.low) / span for tick in axis.ticks]
    return [int(np.clip(round(share * (cells - 1)), 0, cells - 1)) for share in shares]
