from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_core.config.schema import RunConfig
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run, create_run, list_runs
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.launch.form import FormPanel
from motrix_tui.launch.history import Estimate, History, Pace, Workload, roughly

Open = Callable[..., Any]
Record = Callable[..., Run]


def config(**changes: Any) -> RunConfig:
    ppo = {"num_envs": 2048, "policy_hidden_layer_sizes": (32, 32), "value_hidden_layer_sizes": (32, 32)}
    beside = {name: changes.pop(name) for name in ("env", "backend", "sim", "train", "env_options") if name in changes}
    return RunConfig(**{"env": "cartpole", "backend": "jax", "sim": "motrixsim", **beside}, ppo={**ppo, **changes})


@pytest.fixture
def record(runs_dir: Path) -> Record:
    """`record(config, speed=1e5, elapsed_s=30, ended_ago_s=0, status="finished")`: a run that went so."""

    def make(
        trained: RunConfig | None = None,
        *,
        speed: float = 100_000.0,
        elapsed_s: float = 30.0,
        ended_ago_s: float = 0.0,
        status: str = "finished",
        updates: int = 20,
        **changes: Any,
    ) -> Run:
        run = create_run(trained or config(), runs_dir, extra={})
        with EventWriter(run.paths.events) as writer:
            for update in range(1, updates + 1):
                data = {"perf/env_steps_per_s": speed}
                writer.write("metrics", env_steps=100_000 * update, update=update, data=data)
        segment = Segment(0, run.backend, 0.0, elapsed_s=elapsed_s, status=status)
        state = RunState(status=status, segments=(segment,), updated_at=time.time() - ended_ago_s)
        write_state(run.paths.state, replace(state, **changes))
        return run

    return make


def estimate(runs_dir: Path, wanted: RunConfig | None = None, env_steps: int = 10_000_000) -> Estimate | None:
    return History().estimate(wanted or config(), env_steps, list_runs(runs_dir))


def test_the_time_is_that_of_the_last_run_of_the_same_kind(record: Record, runs_dir: Path) -> None:
    run = record(speed=100_000.0, elapsed_s=30.0)
    found = estimate(runs_dir)
    # 2 000 000 env steps took 30 s at 100 000 a second: 10 s went by before the first.
    assert found is not None and found.run == run and found.seconds == pytest.approx(110.0)


def test_nothing_is_said_where_nothing_was_trained(runs_dir: Path) -> None:
    assert estimate(runs_dir) is None


@pytest.mark.parametrize(
    "other",
    [
        config(env="pendulum", sim="none"),
        config(backend="torch"),
        config(sim="mujoco"),
        config(train={"engine": "stock"}),
        config(num_envs=8192),
        config(policy_hidden_layer_sizes=(256, 256), value_hidden_layer_sizes=(256, 256)),
        config(learning_epochs=20),
        config(env_options={"pole_length": 0.7}),
    ],
    ids=["environment", "backend", "simulator", "engine", "environments", "networks", "epochs", "options"],
)
def test_other_work_says_nothing(record: Record, runs_dir: Path, other: RunConfig) -> None:
    record(other)
    assert estimate(runs_dir) is None and estimate(runs_dir, other) is not None


def test_the_same_work_counts_before_newer_similar_work(record: Record, runs_dir: Path) -> None:
    same = record(speed=50_000.0)
    similar = record(config(num_envs=4096), speed=100_000.0)
    found = estimate(runs_dir)
    assert found is not None and found.run == same
    close = estimate(runs_dir, config(num_envs=3072))
    assert close is not None and close.run == similar


def test_of_the_same_work_the_newest_counts(record: Record, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(speed=1000.0)
    later = time.time() + 60
    monkeypatch.setattr("motrix_core.runs.layout.time.time", lambda: later)
    newest = record(speed=100_000.0)
    found = estimate(runs_dir)
    assert found is not None and found.run == newest


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "running"},
        {"updates": 2},
        {"host": "another-machine"},
        {"segments": (Segment(0, "jax", 0.0, elapsed_s=5.0), Segment(1, "torch", 9.0, elapsed_s=5.0))},
    ],
    ids=["not over", "too few updates", "another host", "both backends"],
)
def test_runs_that_tell_nothing_are_passed_over(record: Record, runs_dir: Path, changes: dict[str, Any]) -> None:
    record(**changes)
    assert estimate(runs_dir) is None


def test_a_stopped_run_tells_as_much_as_it_trained(record: Record, runs_dir: Path) -> None:
    record(status="stopped", speed=200_000.0, elapsed_s=10.0)
    found = estimate(runs_dir, env_steps=2_000_000)
    assert found is not None and found.seconds == pytest.approx(10.0)


def test_a_night_in_which_a_run_was_paused_does_not_count(record: Record, runs_dir: Path) -> None:
    record(speed=100_000.0, elapsed_s=8 * 3600.0)
    found = estimate(runs_dir, env_steps=6_000_000)
    assert found is not None and found.seconds == pytest.approx(60.0 + 60.0)


def test_a_run_that_went_on_since_is_measured_anew(record: Record, runs_dir: Path) -> None:
    run, history = record(speed=100_000.0, elapsed_s=20.0), History()
    first = history.estimate(config(), 1_000_000, list_runs(runs_dir))
    with EventWriter(run.paths.events) as writer:
        for update in range(21, 101):
            data = {"perf/env_steps_per_s": 10_000.0}
            writer.write("metrics", env_steps=100_000 * update, update=update, data=data)
    write_state(run.paths.state, replace(run.state(), updated_at=time.time() + 1))
    then = history.estimate(config(), 1_000_000, list_runs(runs_dir))
    assert first is not None and then is not None and then.seconds > 5 * first.seconds


def test_damaged_runs_are_passed_over(record: Record, runs_dir: Path) -> None:
    good = record()
    for damage in ("{", '{"config": {"ppo": {"num_envs": "many"}}}', '{"config": {"ppo": {"num_envs": 0}}}'):
        record().paths.config.write_text(damage)
    record().paths.events.unlink()
    found = estimate(runs_dir)
    assert found is not None and found.run == good


def test_work_is_unlike_by_the_size_that_differs_most() -> None:
    def work(num_envs: float) -> Workload:
        return Workload(("cartpole",), (num_envs, 2.0, 1000.0))

    assert work(1024).unlike(work(1024)) == 0
    assert work(1024).unlike(work(2048)) == work(2048).unlike(work(1024)) == 1
    assert math.isinf(work(1024).unlike(work(2049)))


def test_a_pace_needs_some_updates_with_a_speed() -> None:
    assert Pace.measured(10, 1.0, [1.0, 2.0]) is None
    assert Pace.measured(10, 1.0, [1.0, math.nan, 0.0, math.inf, 2.0]) is None
    assert Pace.measured(100, 100.0, [2.0, 1.0, 4.0]) == Pace(2.0, 50.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "5 s"),
        (44.0, "45 s"),
        (89.0, "90 s"),
        (100.0, "2 min"),
        (5399.0, "90 min"),
        (5400.0, "1 h 30 min"),
        (7150.0, "2 h"),
        (40 * 3600.0, "40 h"),
        (72 * 3600.0, "3 d"),
    ],
)
def test_durations_have_no_more_digits_than_an_estimate(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


def title(pilot: Pilot[Any]) -> str:
    return str(pilot.app.query_one(FormPanel).query_one("#field-help").border_title or "").strip()


async def test_the_form_says_how_long_and_by_which_run(core: FakeCore, record: Record, opened: Open) -> None:
    defaults, problems = core.validate("cartpole", "jax", "motrixsim", {})
    assert defaults is not None, problems
    run = record(defaults, speed=100_000.0, elapsed_s=20.0, ended_ago_s=5 * 3600 + 60)
    async with opened() as pilot:
        await settle(pilot)
        assert title(pilot).endswith(f", from run {run.id[-4:]} 5 h ago")
        before = title(pilot)
        pilot.app.query_one(FormPanel).show_field("ppo.max_env_steps")
        await pilot.press("enter", "ctrl+u", *"100M", "enter")
        await settle(pilot)
        assert "≈" in title(pilot) and title(pilot) != before
        await pilot.press("b")
        await settle(pilot)
        assert title(pilot) == ""


async def test_a_form_with_errors_estimates_nothing(core: FakeCore, record: Record, opened: Open) -> None:
    defaults, _ = core.validate("cartpole", "jax", "motrixsim", {})
    record(defaults)
    async with opened() as pilot:
        await settle(pilot)
        assert title(pilot)
        await pilot.press("f", "enter", "ctrl+u", "x", "enter")
        await settle(pilot)
        assert title(pilot) == ""
