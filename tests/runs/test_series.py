from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.runs import table as table_module
from motrix_core.runs.series import RunSeries


def event(step: int, kind: str = "metrics", time: float | None = None, **data: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "time": 100.0 + step if time is None else time,
        "env_steps": step,
        "update": step // 10,
        "data": data,
    }


def series(*events: dict[str, Any]) -> RunSeries:
    made = RunSeries()
    made.extend(events)
    return made


def values(run: RunSeries, name: str, axis: Any = "env_steps") -> list[tuple[float, float]]:
    x, y = run.xy(name, axis)
    assert (x.dtype, y.dtype) == (np.float64, np.float32)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def test_a_metric_is_given_over_steps_updates_and_seconds() -> None:
    run = series(event(0, "segment_started"), event(10, a=1.5), event(20, a=2.5))
    assert values(run, "a") == [(10, 1.5), (20, 2.5)]
    assert values(run, "a", "update") == [(1, 1.5), (2, 2.5)]
    assert values(run, "a", "time") == [(10, 1.5), (20, 2.5)]


def test_null_is_a_gap_and_what_a_row_does_not_have_is_no_point() -> None:
    run = series(event(1, a=1.0), event(2, b=2.0), event(3, a=None, b=3.0), event(4, a=4.0))
    x, y = run.xy("a")
    assert x.tolist() == [1, 3, 4]
    assert np.isnan(y[1]) and y[[0, 2]].tolist() == [1.0, 4.0]
    assert values(run, "b") == [(2, 2.0), (3, 3.0)]


def test_an_unknown_metric_has_no_points() -> None:
    assert values(series(event(1, a=1.0)), "b") == []
    assert math.isnan(series().last("a"))


@pytest.mark.parametrize("value", ["text", [1.0], {"x": 1}, True, 10**400, 1e300, float("inf")])
def test_what_is_no_number_counts_as_a_gap(value: object) -> None:
    assert math.isnan(series(event(1, a=1.0), event(2, a=value)).last("a"))


def test_names_are_sorted_and_evaluations_are_metrics_of_their_own() -> None:
    run = series(event(1, b=1.0, a=1.0), event(2, "evaluation", **{"return/mean": 9.0}))
    assert run.names() == ["a", "b", "evaluation/return/mean"]
    assert values(run, "evaluation/return/mean") == [(2, 9.0)]
    assert "evaluation/return/mean" in run and "return/mean" not in run


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.none() | st.floats(width=32), max_size=4), max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_any_rows_in_any_batches_give_the_columns_that_a_plain_loop_gives(
    rows: list[dict[str, float | None]], cuts: list[int]
) -> None:
    events = [event(step, **row) for step, row in enumerate(rows)]
    run = RunSeries()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(events)], strict=True):
        run.extend(events[start:end])
    for name in "abcd":
        expected = [(float(step), row[name]) for step, row in enumerate(rows) if name in row]
        x, y = run.xy(name)
        assert x.tolist() == [step for step, _ in expected]
        wanted = np.array([value if value is not None else np.nan for _, value in expected], np.float32)
        wanted[~np.isfinite(wanted)] = np.nan
        np.testing.assert_array_equal(y, wanted)


def test_steps_that_a_resumed_trainer_repeats_replace_those_that_were_lost() -> None:
    run = series(event(10, a=1.0), event(20, a=2.0), event(30, a=3.0, b=1.0), event(30, "segment_ended"))
    run.extend([event(30, "segment_started"), event(20, a=-2.0), event(40, a=-4.0)])
    assert values(run, "a") == [(10, 1), (20, -2), (40, -4)]
    assert "b" not in run.names()
    assert run.env_steps == 40


def test_a_damaged_step_that_is_too_high_is_dropped_by_the_next_row() -> None:
    run = series(event(10, a=1.0), event(9_000_000, a=2.0), event(30, a=3.0))
    assert values(run, "a") == [(10, 1), (30, 3)]


def test_a_damaged_step_that_is_too_low_does_not_erase_the_run() -> None:
    run = series(event(10, a=1.0), event(20, a=2.0), event(30, a=3.0), event(1, a=9.0), event(40, a=4.0))
    assert values(run, "a") == [(10, 1), (20, 2), (30, 3), (40, 4)]
    assert run.out_of_order == 1


def test_the_time_axis_leaves_out_what_lies_between_segments() -> None:
    run = series(
        event(0, "segment_started", time=1000.0),
        event(1, time=1010.0, a=1.0),
        event(1, "segment_ended", time=1011.0),
        event(1, "segment_started", time=90_000.0),
        event(2, time=90_005.0, a=2.0),
    )
    assert values(run, "a", "time") == [(10, 1), (16, 2)]
    assert run.elapsed_s == 16


def test_an_end_that_is_recorded_days_later_adds_no_training() -> None:
    run = series(event(0, "segment_started", time=1000.0), event(1, time=1010.0, a=1.0))
    run.extend([event(1, "run_ended", time=90_000.0), event(1, "segment_started", time=90_005.0)])
    run.extend([event(2, time=90_010.0, a=2.0)])
    assert values(run, "a", "time") == [(10, 1), (15, 2)]


def test_a_clock_that_is_set_back_does_not_turn_the_time_axis_back() -> None:
    run = series(event(1, time=5000.0, a=1.0), event(2, time=1400.0, a=2.0), event(3, time=1401.0, a=3.0))
    assert values(run, "a", "time") == [(0, 1), (0, 2), (1, 3)]


def test_where_events_tell_a_steady_clock_one_that_is_set_changes_no_duration() -> None:
    def told(step: int, time: float, clock: object, **data: Any) -> dict[str, Any]:
        return {**event(step, time=time, **data), "clock": clock}

    run = series(told(1, 100.0, 7.0, a=1.0), told(2, 3701.0, 8.0, a=2.0), told(3, 102.0, 9.5, a=3.0))
    assert values(run, "a", "time") == [(0, 1), (1, 2), (2.5, 3)]
    # Of a line without it, or with something else in its place, the time is all there is.
    run = series(told(1, 100.0, 7.0, a=1.0), event(2, time=102.0, a=2.0), told(3, 103.0, "soon", a=3.0))
    assert values(run, "a", "time") == [(0, 1), (2, 2), (3, 3)]


def test_what_happened_is_marked() -> None:
    run = series(
        event(0, "segment_started", backend="jax", max_env_steps=100),
        event(10, a=1.0),
        event(10, "checkpoint", path="step_10"),
        event(10, "control", type="switch"),
        event(10, "warning", message="hot"),
        event(10, "segment_started", backend="torch", max_env_steps=40),
    )
    assert [(mark.kind, mark.env_steps) for mark in run.marks] == [
        ("segment_started", 0),
        ("checkpoint", 10),
        ("control", 10),
        ("segment_started", 10),
    ]
    assert [mark.data["message"] for mark in run.warnings] == ["hot"]
    assert (run.backend, run.target_env_steps, run.progress) == ("torch", 40, 0.25)


def test_a_run_that_goes_on_has_not_ended() -> None:
    run = series(event(1, "run_started", id="x"), event(1, "run_ended", status="stopped"))
    assert run.started == {"id": "x"} and run.ended == {"status": "stopped"}
    run.extend([event(1, "segment_started")])
    assert run.ended is None


def test_a_damaged_segment_event_changes_nothing() -> None:
    run = series(event(0, "segment_started", backend="jax", max_env_steps=10))
    run.extend([event(0, "segment_started", backend=3, max_env_steps="many")])
    assert (run.backend, run.target_env_steps) == ("jax", 10)


def test_a_file_with_endless_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "MAX_COLUMNS", 3)
    run = series(event(1, **{f"m{index}": 1.0 for index in range(10)}))
    assert len(run.names()) == 3


def test_arrays_cannot_be_written_to() -> None:
    x, y = series(event(1, a=1.0)).xy("a")
    for array in (x, y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_columns_that_charts_hold_stay_as_they_were_while_the_run_grows() -> None:
    run = series(event(1, a=1.0))
    x, y = run.xy("a")
    run.extend([event(step, a=float(step)) for step in range(2, 2000)])
    assert (x.tolist(), y.tolist()) == ([1], [1])
    assert run.xy("a")[0][-1] == 1999


def test_columns_that_charts_hold_stay_as_they_were_when_the_run_goes_back() -> None:
    run = series(*(event(step, a=float(step), b=0.0) for step in range(1, 9)))
    held = [*run.xy("a"), *run.xy("a", "update"), *run.xy("a", "time")]
    before = [array.tolist() for array in held]
    run.extend([event(8, "segment_started"), *(event(step, a=-1.0) for step in range(4, 9))])
    assert run.xy("a")[1].tolist() == [1, 2, 3, -1, -1, -1, -1, -1]
    assert [array.tolist() for array in held] == before


def test_metrics_of_the_same_rows_share_their_x() -> None:
    run = series(*(event(step, a=1.0, b=2.0) for step in range(9)))
    for axis in ("env_steps", "update", "time"):
        assert np.shares_memory(run.xy("a", axis)[0], run.xy("b", axis)[0])


def test_a_table_takes_about_five_bytes_for_each_number() -> None:
    rows, names = 20_000, [f"m{index}" for index in range(50)]
    run = RunSeries()
    for start in range(0, rows, 1000):
        run.extend([event(step, **dict.fromkeys(names, 1.0)) for step in range(start, start + 1000)])
    columns = run._metrics.columns.values()
    assert sum(column.values.nbytes for column in columns) <= 1.2 * 4 * rows * len(names)


def test_version_tells_whether_anything_came() -> None:
    run = RunSeries()
    before = run.version
    run.extend([])
    assert run.version == before
    run.extend([event(1, a=1.0)])
    assert run.version != before


def test_generation_tells_when_points_given_before_no_longer_count() -> None:
    run = series(event(10, a=1.0), event(20, a=2.0))
    before = run.generation
    run.extend([event(30, a=3.0)])
    assert run.generation == before
    run.extend([event(30, "segment_started"), event(20, a=2.0)])
    assert run.generation == before + 1
    run.clear()
    assert run.generation == before + 2 and run.names() == []
