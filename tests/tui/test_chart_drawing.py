"""Dots, windows, smoothing and composition: all without a terminal."""

from __future__ import annotations

import dataclasses
import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from motrix_tui.charts import pyramid as pyramid_module
from motrix_tui.charts.braille import ASCII, BLOCKS, BRAILLE, GLYPHS, Canvas, column_codes
from motrix_tui.charts.buffer import MOST_POINTS, SeriesBuffer
from motrix_tui.charts.plot import AXIS, GAP, MARK, Curve, Mark, PlotSpec, compose, ghost_ink, line_ink
from motrix_tui.charts.pyramid import Column, Pyramid
from motrix_tui.charts.smooth import Smoother
from motrix_tui.charts.window import dot_columns

any_floats = hnp.arrays(np.float64, st.integers(0, 80), elements=st.floats(width=64))


def picture_text(picture) -> list[str]:
    return ["".join(map(chr, row)) for row in picture.points.tolist()]


def buffer_of(x, y, weight: float = 0.0) -> SeriesBuffer:
    buffer = SeriesBuffer(weight)
    buffer.update(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return buffer


def spec_of(x, y, **changes) -> PlotSpec:
    x = np.asarray(x, dtype=float)
    base = {"curves": [Curve("a", buffer_of(x, y), 0)], "x_range": (float(x[0]), float(x[-1])), "glyphs": BRAILLE}
    return PlotSpec(**{**base, **changes})


def test_each_braille_dot_sets_its_bit() -> None:
    for y in range(4):
        for x in range(2):
            canvas = Canvas(1, 1)
            canvas.points(np.array([x]), np.array([y]))
            assert canvas.lines() == [chr(0x2800 + BRAILLE.bits[y][x])]


def test_every_alphabet_has_one_character_for_each_code() -> None:
    for glyphs in GLYPHS.values():
        assert len(glyphs.characters) == 2 ** (glyphs.dots_x * glyphs.dots_y)
        assert len(set(glyphs.characters)) >= len(glyphs.characters) - 1
    assert "".join(
        (ASCII.characters, ASCII.mark, ASCII.gap, ASCII.cursor, ASCII.axis, ASCII.tick, ASCII.lone)
    ).isascii()


def test_a_diagonal_goes_from_corner_to_corner() -> None:
    canvas = Canvas(4, 2, BLOCKS)
    canvas.line(0, 0, 7, 3)
    lines = canvas.lines()
    assert lines[0][0] != " " and lines[-1][-1] != " " and lines[-1][0] == " "


@given(*[st.floats(width=64)] * 4)
def test_no_line_is_too_far_away_to_draw(x0: float, y0: float, x1: float, y1: float) -> None:
    canvas = Canvas(3, 2)
    canvas.line(x0, y0, x1, y1)
    assert len(canvas.lines()) == 2


@pytest.mark.parametrize("glyphs", GLYPHS.values(), ids=lambda glyphs: glyphs.name)
def test_columns_and_canvas_agree(glyphs) -> None:
    generator = np.random.default_rng(0)
    columns, rows = 6, 3
    low = generator.integers(-3, rows * glyphs.dots_y + 3, size=(1, columns * glyphs.dots_x))
    high = low + generator.integers(-2, 6, size=low.shape)
    canvas = Canvas(columns, rows, glyphs)
    for x, (start, stop) in enumerate(zip(low[0], high[0], strict=True)):
        for y in range(start, stop + 1):
            canvas.points(np.array([x]), np.array([y]))
    np.testing.assert_array_equal(column_codes(low, high, rows, glyphs)[0], canvas.codes())


@given(hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(width=32)), st.integers(1, 40), st.data())
@settings(max_examples=40, deadline=None)
def test_the_extremes_of_a_window_survive_decimation(values, columns: int, data) -> None:
    start = data.draw(st.integers(0, len(values) - 1))
    stop = data.draw(st.integers(start, len(values)))
    pyramid = Pyramid()
    cut = data.draw(st.integers(0, len(values)))
    pyramid.append(values[:cut])
    pyramid.append(values[cut:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid_module, "UNDIVIDED", data.draw(st.sampled_from([0, 100, pyramid_module.UNDIVIDED])))
        low, high = pyramid.extremes(np.linspace(start, stop, columns + 1).astype(np.intp))
    inside = np.where(np.isfinite(values), values, np.nan)[start:stop]
    finite = inside[~np.isnan(inside)]
    if len(finite):
        assert np.nanmin(low) == finite.min() and np.nanmax(high) == finite.max()
    else:
        assert np.isnan(low).all() and np.isnan(high).all()


def test_a_spike_of_one_point_in_a_hundred_thousand_is_drawn() -> None:
    y = np.zeros(100_000)
    y[61_803] = 1000.0
    picture = compose(60, 12, spec_of(np.arange(100_000.0), y))
    top = picture.inks[0, picture.left :]
    assert np.flatnonzero(top == line_ink(0)).tolist() == [int(0.61803 * picture.plot_columns)]


def test_a_pyramid_that_was_cut_and_continued_is_like_one_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid_module, "UNDIVIDED", 0)
    values = np.random.default_rng(1).normal(size=500)
    pyramid, fresh = Pyramid(), Pyramid()
    pyramid.append(values)
    # Blocks are made by who asks.
    pyramid.extremes(np.array([0, 250, 500]))
    pyramid.truncate(101)
    pyramid.append(values[:200])
    fresh.append(np.concatenate((values[:101], values[:200])))
    bounds = np.array([0, 90, 190, 301])
    for ours, theirs in zip(pyramid.extremes(bounds), fresh.extremes(bounds), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_neighbouring_points_are_joined_and_gaps_are_not() -> None:
    edges = np.linspace(0, 4, 9)
    buffer = buffer_of(np.arange(5.0), [0.0, 4.0, np.nan, 4.0, 0.0])
    (low,), (high,) = dot_columns([buffer], edges, log=False)
    np.testing.assert_allclose(low, [0, 2, 4, np.nan, np.nan, np.nan, 2, 0])
    np.testing.assert_allclose(high, [2, 4, 4, np.nan, np.nan, np.nan, 4, 2])


def test_a_series_beyond_its_bound_gives_up_points_but_no_extreme_and_nothing_new() -> None:
    count = MOST_POINTS + 1000
    x, y = np.arange(float(count)), np.random.default_rng(2).normal(size=count)
    y[12_345] = 50.0
    y[23_456] = np.nan
    buffer = buffer_of(x, y, 0.9)
    grown = buffer_of(x[:-3], y[:-3], 0.9)
    grown.update(x, y)
    assert MOST_POINTS // 2 < len(buffer) <= MOST_POINTS and len(grown) == len(buffer)
    assert buffer.nearest(12_345) == (12_345, 50.0) and buffer.gaps.tolist() == [23_456]
    np.testing.assert_array_equal(buffer.x[-65_000:], x[-65_000:])
    np.testing.assert_array_equal(buffer.raw[-65_000:], y[-65_000:].astype(np.float32))
    np.testing.assert_allclose(grown.smooth, buffer.smooth, rtol=1e-6)
    assert (np.diff(buffer.x) > 0).all()


@pytest.mark.parametrize("nowhere", [[], [7]], ids=["whole", "a point without a place"])
def test_another_smoothing_of_a_series_that_gave_up_points_is_that_of_all_its_points(nowhere: list[int]) -> None:
    count = MOST_POINTS + 70_000
    x, y = np.arange(float(count)), np.random.default_rng(4).normal(size=count)
    y[[5, 150_000]] = np.nan
    x[nowhere] = np.inf
    buffer, fresh = buffer_of(x, y), buffer_of(x, y, 0.97)
    buffer.set_smoothing(0.97)
    np.testing.assert_array_equal(buffer.smooth, buffer.raw)
    assert buffer.update(x, y)
    np.testing.assert_array_equal(buffer.x, fresh.x)
    np.testing.assert_array_equal(buffer.raw, fresh.raw)
    np.testing.assert_allclose(buffer.smooth, fresh.smooth, rtol=1e-5, atol=1e-7)
    assert not buffer.update(x, y)
    buffer.set_smoothing(0.0)
    np.testing.assert_array_equal(buffer.smooth, fresh.raw)


def test_points_that_come_one_by_one_are_the_series_that_came_at_once() -> None:
    generator = np.random.default_rng(3)
    y = np.where(generator.random(300) < 0.1, np.nan, generator.normal(size=300))
    y[[7, 100]] = np.inf, -1e300
    x = np.arange(300.0)
    x[150] = np.nan
    at_once, one_by_one = buffer_of(x, y, 0.9), SeriesBuffer(0.9)
    for count in range(1, 301):
        one_by_one.update(x[:count], y[:count])
    np.testing.assert_array_equal(one_by_one.x, at_once.x)
    np.testing.assert_array_equal(one_by_one.raw, at_once.raw)
    np.testing.assert_allclose(one_by_one.smooth, at_once.smooth, rtol=1e-6)
    np.testing.assert_array_equal(one_by_one.gaps, at_once.gaps)
    assert one_by_one.last() == pytest.approx(at_once.last())
    bounds = np.array([0, 100, 200, 299])
    for ours, theirs in zip(one_by_one.pyramid.extremes(bounds), at_once.pyramid.extremes(bounds), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def lent(x, y) -> tuple[np.ndarray, np.ndarray]:
    """As a run's series gives them: nobody can write to them."""
    arrays = np.array(x, dtype=np.float64), np.array(y, dtype=np.float32)
    for array in arrays:
        array.flags.writeable = False
    return arrays


@given(
    hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats(-50, 50) | st.just(np.nan) | st.just(np.inf)),
    st.booleans(),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_arrays_that_are_shown_where_they_are_give_what_copies_give(x, mostly_sorted: bool, data) -> None:
    values = st.floats(width=32) | st.sampled_from([1.0, 2.0, float("nan")])
    y = data.draw(hnp.arrays(np.float32, len(x), elements=values))
    # Few series ever go back; those that do so after some points matter most.
    cut = data.draw(st.integers(0, len(x)))
    x[:cut] = np.arange(-cut, 0) if mostly_sorted else x[:cut]
    xs, ys = lent(x, y)
    shown, copied = SeriesBuffer(), SeriesBuffer()
    for count in sorted({*data.draw(st.lists(st.integers(0, len(x)), max_size=5)), len(x)}):
        shown.update(xs[:count], ys[:count])
        copied.update(x[:count], y[:count].astype(np.float64))
        weight = data.draw(st.sampled_from([0.0, 0.9]))
        for buffer in (shown, copied):
            buffer.set_smoothing(weight)
    np.testing.assert_array_equal(shown.x, copied.x)
    np.testing.assert_array_equal(shown.raw, copied.raw)
    np.testing.assert_allclose(shown.smooth, copied.smooth, rtol=1e-6)
    np.testing.assert_array_equal(shown.gaps, copied.gaps)
    assert shown.last() == copied.last()


def bytes_of(buffer: SeriesBuffer, *given: np.ndarray) -> int:
    """What its arrays take beside those that it was given."""
    found: dict[int, object] = {}
    left: list[object] = [buffer]
    while left:
        item = left.pop()
        while isinstance(item, np.ndarray) and item.base is not None:
            item = item.base
        if id(item) not in found and isinstance(item, (np.ndarray, list, dict, SeriesBuffer, Pyramid, Column)):
            found[id(item)] = item
            left.extend(gc.get_referents(item))
    return sum(
        array.nbytes for array in found.values() if isinstance(array, np.ndarray) and id(array) not in map(id, given)
    )


@pytest.mark.parametrize(("weight", "each"), [(0.0, 0.0), (0.9, 4.0)], ids=["raw", "smoothed"])
def test_a_point_of_a_growing_run_takes_no_room_and_a_smoothed_one_four_bytes(weight: float, each: float) -> None:
    xs, ys = lent(np.arange(20_000.0), np.random.default_rng(5).normal(size=20_000))
    buffer = SeriesBuffer(weight)
    for count in range(100, 20_001, 100):
        buffer.update(xs[:count], ys[:count])
    # An eighth more is room to grow.
    assert each * len(xs) <= bytes_of(buffer, xs, ys) <= 1.2 * each * len(xs)


def test_a_series_that_goes_back_replaces_what_it_had() -> None:
    buffer = buffer_of([0, 1, 2, 3], [1, 1, 1, 1])
    buffer.update(np.array([0, 1, 2, 3, 1.5, 2.5]), np.array([1, 1, 1, 1, 5, 6]))
    assert buffer.x.tolist() == [0, 1, 1.5, 2.5]
    assert buffer.raw.tolist() == [1, 1, 5, 6]


def test_a_series_that_was_rewritten_is_taken_anew() -> None:
    buffer = buffer_of([0, 1, 2, 3], [1, 1, 1, 1])
    assert buffer.update(np.array([0.0, 9.0]), np.array([7.0, 8.0]))
    assert buffer.raw.tolist() == [7, 8]
    assert not buffer.update(np.array([0.0, 9.0]), np.array([7.0, 8.0]))


@given(any_floats, any_floats, st.booleans(), st.booleans(), st.integers(0, 40), st.integers(0, 14))
@settings(max_examples=40, deadline=None)
def test_no_series_and_no_size_breaks_a_chart(x, y, log_y: bool, smoothed: bool, columns: int, rows: int) -> None:
    count = min(len(x), len(y))
    buffer = SeriesBuffer(0.9 if smoothed else 0.0)
    buffer.update(x[: count // 2], y[: count // 2])
    buffer.update(x[:count], y[:count])
    ends = (float(buffer.x[0]), float(buffer.x[-1])) if len(buffer) else (0.0, 1.0)
    for glyphs in GLYPHS.values():
        spec = PlotSpec(
            [Curve("a", buffer, 0)], ends, glyphs, log_y, smoothed, marks=[Mark(ends[0], "m")], cursor_x=ends[1]
        )
        assert compose(columns, rows, spec).points.shape == (rows, columns)


@pytest.mark.parametrize("y", [[5.0], [3.0] * 50, [np.inf, 1.0, -np.inf], [1e308, -1e308], [1e-320, 2e-320]])
@pytest.mark.parametrize("size", [(3, 1), (5, 3), (30, 6), (80, 20)])
def test_degenerate_values_still_show_something(y, size) -> None:
    picture = compose(*size, spec_of(np.arange(float(len(y))), y))
    assert (picture.inks == line_ink(0)).any()


@pytest.mark.parametrize("glyphs", GLYPHS.values(), ids=lambda glyphs: glyphs.name)
@pytest.mark.parametrize("log_y", [False, True])
def test_the_only_value_of_a_series_is_a_character_where_its_dot_would_be(glyphs, log_y: bool) -> None:
    x = np.arange(3.0)
    spec = spec_of(x, [np.nan, 30.0, np.nan], glyphs=glyphs, log_y=log_y)
    others = [Curve("b", buffer_of(x, [1.0, 1.0, 1000.0]), 1)]
    picture = compose(60, 12, dataclasses.replace(spec, curves=[*spec.curves, *others]))
    (place,) = np.argwhere(picture.inks == line_ink(0)).tolist()
    assert chr(int(picture.points[tuple(place)])) == glyphs.lone
    assert picture.y_axis is not None
    low, high = picture.y_axis.low, picture.y_axis.high
    share = (high - (np.log10(30.0) if log_y else 30.0)) / (high - low)
    assert abs(place[0] - share * (picture.plot_rows - 1)) <= 1 and picture.x_at(place[1]) == pytest.approx(1, abs=0.05)


def test_a_series_of_two_values_keeps_its_dots() -> None:
    picture = compose(60, 12, spec_of([0.0, 1.0], [1.0, 2.0]))
    assert BRAILLE.lone not in "".join(picture_text(picture))


def test_missing_values_get_one_mark_for_each_gap() -> None:
    y = np.ones(100)
    y[20:30] = np.nan
    y[60:80] = np.nan
    picture = compose(60, 10, spec_of(np.arange(100.0), y))
    assert (picture.inks == GAP).sum() == 2


def test_a_chart_without_values_says_what_it_waits_for() -> None:
    picture = compose(40, 8, spec_of([0.0, 1.0], [np.nan, np.nan], empty_text="waiting"))
    assert any("waiting" in line for line in picture_text(picture))


def test_a_range_without_values_is_not_called_a_run_without_values() -> None:
    spec = dataclasses.replace(spec_of([0.0, 1.0, 2.0], [1.0, 2.0, np.nan], empty_text="waiting"), x_range=(1.5, 2.0))
    assert any("no value in this range" in line for line in picture_text(compose(40, 8, spec)))


def test_log_y_says_that_nothing_is_positive() -> None:
    picture = compose(40, 8, spec_of([0.0, 1.0], [-1.0, 0.0], log_y=True))
    assert any("nothing above zero" in line for line in picture_text(picture))


def test_log_y_puts_equal_ratios_at_equal_distances() -> None:
    x = np.arange(3.0)
    axis = compose(60, 21, spec_of(x, [1e-4, 1e-2, 1.0], log_y=True)).y_axis
    assert axis is not None and axis.labels == ("1e-4", "0.001", "0.01", "0.1", "1")


def test_marks_stand_behind_curves_and_small_ones_at_the_foot() -> None:
    x = np.arange(101.0)
    marks = [Mark(50, "switch"), Mark(80, "checkpoint", small=True)]
    picture = compose(60, 12, spec_of(x, x, marks=marks))
    rows = np.flatnonzero((picture.inks == MARK).any(axis=1))
    columns = np.flatnonzero((picture.inks == MARK).any(axis=0))
    assert len(columns) == 2 and len(rows) >= picture.plot_rows - 1
    assert (picture.inks[:, columns[1]] == MARK).sum() == 1


def test_raw_values_are_a_ghost_below_the_smoothed_line() -> None:
    y = np.random.default_rng(0).normal(size=400)
    spec = spec_of(np.arange(400.0), y, curves=[Curve("a", buffer_of(np.arange(400.0), y, 0.97), 0)], smoothed=True)
    picture = compose(60, 20, spec)
    assert (picture.inks == ghost_ink(0)).sum() > (picture.inks == line_ink(0)).sum() > 0


def test_small_sizes_leave_out_labels_first() -> None:
    x = np.arange(10.0)
    assert compose(80, 20, spec_of(x, x)).left > 0
    small = compose(12, 4, spec_of(x, x))
    assert small.left == 0 and small.plot_rows == 4 and not (small.inks[small.points != ord(" ")] == AXIS).any()


@given(any_floats, st.sampled_from([0.0, 0.5, 0.9, 0.999]), st.integers(0, 80))
@settings(max_examples=40, deadline=None)
def test_smoothing_in_pieces_is_smoothing_at_once(values, weight: float, cut: int) -> None:
    values = np.where(np.abs(values) < 1e30, values, np.nan)
    at_once = Smoother(weight).extend(values)
    smoother = Smoother(weight)
    in_pieces = np.concatenate((smoother.extend(values[:cut]), smoother.extend(values[cut:])))
    scale = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 1.0
    np.testing.assert_allclose(in_pieces, at_once, rtol=1e-5, atol=1e-5 * scale)


def test_smoothing_follows_its_definition_and_starts_without_bias() -> None:
    values = np.random.default_rng(0).normal(5, 1, size=300)
    average, expected = 0.0, []
    for step, value in enumerate(values, start=1):
        average = 0.9 * average + 0.1 * value
        expected.append(average / (1 - 0.9**step))
    np.testing.assert_allclose(Smoother(0.9).extend(values), expected, rtol=1e-5)


def test_smoothing_leaves_gaps_and_does_not_notice_them() -> None:
    with_gap = Smoother(0.9).extend([1.0, np.nan, 2.0, np.inf, 3.0])
    without = Smoother(0.9).extend([1.0, 2.0, 3.0])
    assert np.isnan(with_gap[[1, 3]]).all()
    np.testing.assert_array_equal(with_gap[[0, 2, 4]], without)


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_smoothing_weight_outside_its_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="smoothing weight"):
        Smoother(weight)
