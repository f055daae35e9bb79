"""What only an ended episode tells, in updates in which none has ended."""

from __future__ import annotations

import math

import numpy as np

from motrix_core.runs.series import RunSeries
from motrix_core.runs.table import Table

ENDED = {"return/mean": 5.0, "episode_length/mean": 1000.0, "episodes": 8, "loss/value": 0.5}
NONE_ENDED = {"return/mean": None, "episode_length/mean": None, "episodes": 0, "loss/value": None}
BROKEN = {"return/mean": None, "episode_length/mean": None, "episodes": 8, "loss/value": 0.5}


def table_of(*rows: dict) -> Table:
    """The rows, each an update, taken in one by one and all at once; both must be the same."""
    whole, single = Table(), Table()
    places = [(10 * number, number, float(number)) for number in range(1, len(rows) + 1)]
    whole.append(places, list(rows))
    for place, row in zip(places, rows, strict=True):
        single.append([place], [row])
    for name in ENDED:
        for first, second in zip(whole.xy(name, "env_steps"), single.xy(name, "env_steps"), strict=True):
            np.testing.assert_array_equal(first, second)
        assert whole.last(name) == single.last(name) or math.isnan(whole.last(name))
    return whole


def test_an_update_in_which_no_episode_ended_is_no_gap_in_the_return() -> None:
    table = table_of(NONE_ENDED, ENDED, NONE_ENDED, NONE_ENDED, ENDED, NONE_ENDED)
    for name in ("return/mean", "episode_length/mean"):
        x, y = table.xy(name, "env_steps")
        assert x.tolist() == [20, 50] and np.isfinite(y).all()
    assert np.isnan(table.xy("loss/value", "env_steps")[1]).tolist() == [True, False, True, True, False, True]
    assert table.xy("episodes", "env_steps")[1].tolist() == [0, 8, 0, 0, 8, 0]


def test_a_return_that_is_not_finite_stays_a_gap() -> None:
    x, y = table_of(ENDED, BROKEN).xy("return/mean", "env_steps")
    assert x.tolist() == [10, 20] and np.isnan(y).tolist() == [False, True]


def test_the_last_return_is_that_of_the_last_episodes_that_ended() -> None:
    assert table_of(ENDED, NONE_ENDED, NONE_ENDED).last("return/mean") == 5.0
    assert math.isnan(table_of(ENDED, BROKEN).last("return/mean"))
    assert math.isnan(table_of(NONE_ENDED).last("return/mean"))


def test_rows_that_are_superseded_take_their_absence_with_them() -> None:
    table = table_of(ENDED, NONE_ENDED, NONE_ENDED)
    assert table.cut_after(20) == 1
    table.append([(30, 3, 3.0)], [ENDED])
    assert table.xy("return/mean", "env_steps")[0].tolist() == [10, 30]


def test_a_run_whose_first_episodes_have_not_ended_has_no_points_yet() -> None:
    run = RunSeries()
    run.extend([{"type": "metrics", "time": 1.0, "env_steps": 10, "update": 1, "data": NONE_ENDED}])
    assert [values.tolist() for values in run.xy("return/mean")] == [[], []]
    assert "return/mean" in run.names()
