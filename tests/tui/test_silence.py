"""When a run that says nothing is called stalled, and when it is only slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from motrix_core.config.schema import RunConfig
from motrix_core.runs.identity import own_identity
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.monitor.header import trouble
from motrix_tui.monitor.silence import evaluation_may_follow

START = 1_700_000_000.0


def new_run(folder: Path, eval_every_updates: int) -> Run:
    train = {"eval_every_updates": eval_every_updates}
    return create_run(
        RunConfig.model_validate({"env": "cartpole", "backend": "torch", "train": train}), folder, extra={}
    )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "runs", 100)


def append(run: Run, type: str, update: int, seconds: float, data: dict[str, Any]) -> None:
    event = {"type": type, "time": START + seconds, "env_steps": 1000 * update, "update": update, "data": data}
    with run.paths.events.open("a") as file:
        file.write(json.dumps(event) + "\n")


def append_updates(run: Run, first: int, *times: float) -> None:
    for update, time in enumerate(times, first):
        append(run, "metrics", update, time, {"perf/env_steps_per_s": 1.0})


def train(run: Run, *times: float, begun: float = 0.0, backend: str = "torch") -> None:
    """A trainer that is started `begun` seconds after START, and whose updates end at `times`."""
    before = read(RunFeed(run)).series.update
    append(run, "segment_started", before, begun, {"backend": backend})
    append_updates(run, before + 1, *times)
    me = own_identity()
    segments = (Segment(0, backend, START + begun),)
    write_state(run.paths.state, RunState(status="running", supervisor=me, trainer=me, segments=segments))


def read(feed: RunFeed) -> RunFeed:
    while feed.poll() or not feed.at_end:
        pass
    return feed


@pytest.mark.parametrize(
    ("times", "patience_s"),
    [
        ((36.0,), 144),  # one update, which may have been all compiling
        ((5.0,), 60),
        ((36.0, 62.0), 104),  # two of half a minute each
        ((36.0, 62.0, 93.0), 114),
        ((36.0, 37.0, 38.0), 10),  # the first compiled
        ((5.0, 6.0, 7.0, 70.0, 71.0, 72.0), 10),  # one evaluation, or a pause
    ],
)
def test_a_trainer_is_stalled_by_the_measure_of_its_own_updates(
    run: Run, times: tuple[float, ...], patience_s: float
) -> None:
    train(run, *times)
    now = START + times[-1] + patience_s - 1
    feed = read(RunFeed(run, clock=lambda: now))
    assert feed.status == "running" and trouble(feed, []) is None
    now += 2
    assert feed.status == "stalled"


def test_a_slower_backend_is_not_measured_by_the_one_before(run: Run) -> None:
    train(run, *range(10, 30), backend="jax")
    train(run, 1050.0, 1080.0, begun=1000.0)
    now = START + 1080 + 100
    feed = read(RunFeed(run, clock=lambda: now))
    assert feed.status == "running"
    now = START + 1080 + 121
    assert feed.status == "stalled"


def test_a_trainer_that_goes_on_with_long_updates_has_time_for_its_first(run: Run) -> None:
    train(run, 100.0, 200.0, 300.0)
    train(run, begun=5000.0)
    now = START + 5000 + 399
    feed = read(RunFeed(run, clock=lambda: now))
    assert feed.status == "running"
    now += 2
    assert feed.status == "stalled"


@pytest.mark.parametrize(("seconds", "patience_s"), [(None, 60), (40.0, 160)])
def test_an_evaluation_is_no_stall(tmp_path: Path, seconds: float | None, patience_s: int) -> None:
    run = new_run(tmp_path / "runs", 4)
    train(run, 5.0, 6.0, 7.0, 8.0)
    if seconds is not None:
        append(run, "evaluation", 4, 8 + seconds, {"seconds": seconds})
        append_updates(run, 5, 49.0, 50.0, 51.0, 52.0)
    now = read(RunFeed(run)).series.last_time + patience_s - 1
    feed = read(RunFeed(run, clock=lambda: now))
    assert feed.status == "running"
    now += 2
    assert feed.status == "stalled"
    append(run, "evaluation", feed.series.update, now - START, {"seconds": 3.0})
    read(feed)
    now += 11
    assert feed.status == "stalled"


def test_an_interval_of_evaluations_that_is_left_open_is_one_of_checkpoints() -> None:
    ppo = {"check_point_interval": 100, "rollouts": 32}
    assert [update for update in range(1, 13) if evaluation_may_follow(update, ppo, {})] == [4, 8, 12]
    assert not evaluation_may_follow(4, ppo, {"eval_every_updates": 0})
    assert evaluation_may_follow(5, ppo, {"eval_every_updates": 5})
