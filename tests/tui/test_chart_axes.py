from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motrix_tui.charts import axes
from motrix_tui.charts.view import View

values = st.floats(-1e12, 1e12)


@given(values, values, st.integers(2, 60))
@settings(deadline=None)
def test_ticks_are_round_evenly_spaced_and_cover_the_range(first: float, second: float, rows: int) -> None:
    axis = axes.linear_axis(min(first, second), max(first, second), rows)
    assert axis.low <= min(first, second) and axis.high >= max(first, second)
    span = axis.high - axis.low
    assert 2 <= len(axis.ticks) <= rows and len(axis.labels) == len(axis.ticks)
    step = axis.ticks[1] - axis.ticks[0]
    assert axis.ticks[0] - axis.low < step * 1.001 and axis.high - axis.ticks[-1] < step * 1.001
    assert all(axis.low - 1e-6 * span <= tick <= axis.high + 1e-6 * span for tick in axis.ticks)


@given(st.floats(1e-9, 1e12), st.floats(1, 40))
def test_a_step_is_one_two_or_five_times_a_power_of_ten(span: float, intervals: float) -> None:
    step = axes.round_step(span, intervals)
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - factor) for factor in (1, 2, 5)) < 1e-6
    assert span / step <= intervals * (1 + 1e-6)


@given(st.floats(), st.floats(), st.integers(0, 50))
@settings(deadline=None)
def test_no_range_breaks_an_axis(low: float, high: float, size: int) -> None:
    for make in (axes.linear_axis, axes.log_axis, axes.count_axis, axes.time_axis):
        axis = make(low, high, size)
        assert math.isfinite(axis.low) and axis.low < axis.high
        assert len(axis.ticks) == len(axis.labels)
        assert all(0 <= cell < max(size, 1) for cell in axes.positions(axis, max(size, 1)))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1000, ("0", "0.5k", "1.0k")),
        (0, 4.2e6, ("0", "2M", "4M")),
        (0, 0.03, ("0", "0.02")),
        (-5, 12, ("0", "10")),
        (1_000_000, 1_000_010, ("1000000", "1000005", "1000010")),
    ],
)
def test_labels_share_one_unit_and_its_decimals(low: float, high: float, labels: tuple[str, ...]) -> None:
    assert axes.linear_axis(low, high, 8).labels == labels


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (1.5, "1.5s"), (59, "59s"), (185, "3:05"), (3723, "1:02:03"), (187_200, "2d 4h"), (math.nan, "–")],
)
def test_durations_read_like_a_clock(seconds: float, shown: str) -> None:
    assert axes.duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(96_412, "96.4k"), (999_999, "1M"), (0.01312, "0.0131"), (3e-4, "3e-4"), (1.26e-7, "1.3e-7"), (0, "0"),
     (math.inf, "∞"), (-math.inf, "-∞"), (math.nan, "–"), (-0.5, "-0.5")],
)  # fmt: skip
def test_short_numbers_keep_three_digits(value: float, shown: str) -> None:
    assert axes.short_number(value) == shown


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_short_numbers_are_short(value: float) -> None:
    assert len(axes.short_number(value)) <= 9


def test_the_crosshair_shows_whole_numbers_in_full() -> None:
    assert axes.exact_number(4_194_304.0) == "4,194,304"
    assert axes.exact_number(981.2345) == "981.235"


def test_time_ticks_are_round_minutes_and_hours() -> None:
    assert axes.time_axis(0, 700, 60).labels == ("0s", "2:00", "4:00", "6:00", "8:00", "10:00")
    assert axes.time_axis(0, 9000, 40).labels == ("0s", "1:00:00", "2:00:00")


def test_zooming_while_following_keeps_the_newest_point() -> None:
    view = View().zoom(0.5, 0, 100)
    assert view.following and view.range(0, 100) == (50, 100)
    assert view.range(0, 120) == (70, 120)


def test_zooming_at_a_point_keeps_it_in_place() -> None:
    view = View().zoom(0.5, 0, 100, at=20)
    low, high = view.range(0, 100)
    assert (20 - low) / (high - low) == pytest.approx(0.2) and not view.following


def test_panning_back_freezes_and_panning_to_the_end_follows_again() -> None:
    view = View().zoom(0.5, 0, 100).pan(-0.2, 0, 100)
    assert not view.following and view.range(0, 100) == (40, 90) == view.range(0, 300)
    assert view.pan(5, 0, 100).following


def test_zooming_out_ends_at_the_whole_run() -> None:
    assert View(10, 50).zoom(1000, 0, 100) == View()


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 10)), max_size=30))
def test_no_sequence_of_zooms_and_pans_leaves_the_data(moves) -> None:
    view = View()
    for is_zoom, amount in moves:
        view = view.zoom(amount, 0, 100) if is_zoom else view.pan(amount - 5, 0, 100)
        low, high = view.range(0, 100)
        assert -1e-6 <= low < high <= 100 + 1e-6
