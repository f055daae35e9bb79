"""When a task counts as learned, and what the table says about a run."""

from __future__ import annotations

from typing import Any

import pytest

from motrix_core.demos.outcome import HEAD, Result, learned
from motrix_core.runs.series import RunSeries


def metrics(update: int, mean: float | None, episodes: int, *, time: float | None = None) -> dict[str, Any]:
    data = {"return/mean": mean, "episodes": episodes, "perf/env_steps_per_s": 100.0}
    moment = 1000.0 + update if time is None else time
    return {"type": "metrics", "time": moment, "env_steps": update * 10, "update": update, "data": data}


def segment(env_steps: int, time: float) -> dict[str, Any]:
    return {"type": "segment_started", "time": time, "env_steps": env_steps, "update": 0, "data": {}}


def series(*events: dict[str, Any]) -> RunSeries:
    made = RunSeries()
    made.extend([segment(0, 1000.0), *events])
    return made


def test_it_is_learned_at_the_first_update_where_as_many_episodes_as_environments_are_good_enough() -> None:
    # At 30 the two good ones are only half of four; at 40 the four last ones are good.
    told = series(metrics(1, None, 0), metrics(2, 0.0, 2), metrics(3, 9.0, 2), metrics(4, 9.0, 2), metrics(5, 1.0, 4))
    found = learned(told, 9.0, 4)
    assert (found.solved_at, found.solved_s) == (40, 4.0)
    assert found.last_return == 1.0


def test_too_few_episodes_prove_nothing() -> None:
    assert learned(series(metrics(1, 100.0, 3)), 9.0, 4).solved_at is None


def test_episodes_weigh_as_many_as_they_are() -> None:
    assert learned(series(metrics(1, 0.0, 1), metrics(2, 8.0, 3)), None, 4).last_return == pytest.approx(6.0)


def test_without_an_episode_there_is_no_return() -> None:
    assert learned(series(metrics(1, None, 0)), 9.0, 4) == (None, None, None)


def test_what_a_killed_trainer_had_reached_after_its_checkpoint_does_not_count() -> None:
    before = (metrics(1, 0.0, 4), metrics(2, 9.0, 4), metrics(3, 9.0, 4))
    # Two hours later another goes on from the checkpoint at 10, and learns it later.
    after = (segment(10, 8200.0), metrics(2, 0.0, 4, time=8202.0), metrics(3, 9.0, 4, time=8203.0))
    found = learned(series(*before, *after), 9.0, 4)
    assert found.solved_at == 30
    assert found.solved_s == pytest.approx(6.0), "seconds of training, without the pause"


def result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "env": "cartpole",
        "backend": "jax",
        "sim": "mujoco",
        "seed": 1,
        "budget": "full",
        "threshold": 900.0,
        "last_return": 950.25,
        "solved_at": 123456,
        "solved_s": 61.4,
        "env_steps": 5000000,
        "env_steps_per_s": 40123.0,
        "status": "finished",
        "cause": None,
        "ended_at": 0.0,
        "run": "/runs/cartpole/x",
    }
    return Result(**{**values, **changes})


def test_a_row_says_what_was_reached() -> None:
    cells = dict(zip(HEAD, result().row(), strict=True))
    assert cells["env steps to threshold"] == "123,456"
    assert (cells["task"], cells["return at the end"], cells["ended"]) == ("`cartpole`", "950.2", "finished")


def test_a_row_says_plainly_what_was_not() -> None:
    cells = dict(zip(HEAD, result(solved_at=None, solved_s=None, last_return=None).row(), strict=True))
    assert cells["env steps to threshold"] == "not reached"
    assert cells["return at the end"] == "no episode ended"


def test_a_cause_cannot_break_the_table() -> None:
    row = result(status="crashed", cause="a | b\n| c" + "x" * 500).row()
    assert "|" not in row[-1] and "\n" not in row[-1] and len(row[-1]) < 100
    assert row[-1].startswith("crashed: a / b")
