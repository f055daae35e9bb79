"""The trainer process, as the supervisor starts it: `python -m motrix_core.learn RUN_DIR`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from learn_doubles import events_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from motrix_core.runs import checkpoints
from motrix_core.runs.control import append_request
from motrix_core.runs.layout import Run

pytestmark = pytest.mark.real

START = Callable[[Run], "subprocess.Popen[str]"]
LIMIT_S = 240.0
ENDLESS = 10**9

SPREADS = ("return", "episode_length", "reward/angle", "reward/speed", "reward/torque", "metric/upright")
SINGLE = (
    "episodes",
    "loss/policy",
    "loss/value",
    "loss/entropy",
    "policy/kl",
    "policy/clip_fraction",
    "policy/std",
    "policy/entropy",
    "value/explained_variance",
    "optim/learning_rate",
    "optim/grad_norm",
    "perf/env_steps_per_s",
    "time/physics_ms",
    "time/task_ms",
    "time/inference_ms",
    "time/transfer_ms",
    "time/update_ms",
)
UNKNOWN_TO_STOCK = {"policy/clip_fraction", "optim/grad_norm"}


def wait_for(run: Run, process: subprocess.Popen[str], type: str, count: int = 1) -> list[dict[str, Any]]:
    """The run's events of `type`, as soon as there are `count`."""
    deadline = time.monotonic() + LIMIT_S
    while len(found := events_of(run, type)) < count:
        assert process.poll() is None, run.paths.console.read_text()
        assert time.monotonic() < deadline, f"no {type} event within {LIMIT_S} s"
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    return found


def test_a_run_is_trained_to_the_end_of_its_budget(
    backend: str, engine: str, make_run: Callable[..., Run], trainer_process: START
) -> None:
    run = make_run(backend, train={"engine": engine})
    process = trainer_process(run)
    assert process.wait(LIMIT_S) == 0, run.paths.console.read_text()
    assert run.paths.console.read_text() == ""

    metrics = events_of(run, "metrics")
    assert [(event["update"], event["env_steps"]) for event in metrics] == [(1, 32), (2, 64), (3, 96)]
    expected = {*SINGLE, *(f"{name}/{kind}" for name in SPREADS for kind in ("mean", "min", "max"))}
    for event in metrics:
        data = event["data"]
        assert expected <= set(data)
        assert {name for name in expected if data[name] is None} == (UNKNOWN_TO_STOCK if engine == "stock" else set())
        assert all(value is None or isinstance(value, (int, float)) for value in data.values())
        assert data["episodes"] == 16
        assert data["episode_length/min"] == data["episode_length/max"] == 2.0
        assert data["return/min"] <= data["return/mean"] <= data["return/max"] <= 0.0
        shares = [data[name] for name in SINGLE if name.startswith("time/")]
        assert sum(shares) <= 1000.0 * 32 / data["perf/env_steps_per_s"]

    kept = checkpoints.list_checkpoints(run)
    assert [info.env_steps for info in kept] == [96]
    assert events_of(run, "checkpoint")[0]["data"]["path"] == "checkpoints/step_96"
    assert checkpoints.load(kept[0].path).meta["seed"] == 7
    assert_mirrored(run, metrics[-1])


def assert_mirrored(run: Run, last: dict[str, Any]) -> None:
    mirror = EventAccumulator(str(run.paths.tensorboard))
    mirror.Reload()
    tags = {
        "Reward / Total reward (mean)": "return/mean",
        "Episode / Total timesteps (max)": "episode_length/max",
        "Loss / Policy loss": "loss/policy",
        "Loss / Value loss": "loss/value",
        "Policy / Standard deviation": "policy/std",
        "Learning / Learning rate": "optim/learning_rate",
        "Stats / Algorithm update time (ms)": "time/update_ms",
        "Reward Instant / angle (min)": "reward/angle/min",
        "metrics / upright (mean)": "metric/upright/mean",
    }
    for tag, name in tags.items():
        points = mirror.Scalars(tag)
        # skrl's x axis: steps of all environments together.
        assert [point.step for point in points] == [4, 8, 12], tag
        assert points[-1].value == pytest.approx(last["data"][name], rel=1e-5), tag
    assert {"Reward / Instantaneous reward (mean)", "Stats / Env stepping time (ms)"} <= set(mirror.Tags()["scalars"])


def test_a_budget_that_is_no_whole_number_of_updates_is_rounded_up(
    make_run: Callable[..., Run], trainer_process: START
) -> None:
    run = make_run("torch", max_env_steps=33, train={"tensorboard": False})
    assert trainer_process(run).wait(LIMIT_S) == 0
    assert [event["env_steps"] for event in events_of(run, "metrics")] == [32, 64]
    assert not run.paths.tensorboard.exists()


def test_nobody_else_can_read_what_a_trainer_writes(make_run: Callable[..., Run], trainer_process: START) -> None:
    run = make_run("torch", max_env_steps=32)
    run.paths.console.touch(0o600)
    before = os.umask(0)
    try:
        process = trainer_process(run)
    finally:
        os.umask(before)
    assert process.wait(LIMIT_S) == 0, run.paths.console.read_text()
    written = sorted(run.path.rglob("*"))
    assert {"tb", "step_32"} <= {path.name for path in written}
    assert {path: oct(path.stat().st_mode & 0o077) for path in written if path.stat().st_mode & 0o077} == {}
    assert {path.stat().st_mode & 0o777 for path in written} == {0o700, 0o600}


@pytest.mark.parametrize(
    ("backend", "number"), [("torch", signal.SIGTERM), ("jax", signal.SIGTERM), ("torch", signal.SIGINT)]
)
def test_a_signal_stops_after_a_final_checkpoint(
    backend: str, number: signal.Signals, make_run: Callable[..., Run], trainer_process: START
) -> None:
    run = make_run(backend, max_env_steps=ENDLESS)
    process = trainer_process(run)
    wait_for(run, process, "metrics")
    process.send_signal(number)
    assert process.wait(LIMIT_S) == 130
    assert events_of(run, "warning") == []
    newest = checkpoints.newest_valid(run)
    assert newest is not None
    assert newest.env_steps == events_of(run, "metrics")[-1]["env_steps"]


def test_a_signal_before_the_first_update_ends_without_anything_learned(
    make_run: Callable[..., Run], trainer_process: START
) -> None:
    run = make_run("torch", max_env_steps=ENDLESS)
    process = trainer_process(run)
    wait_for_handler(process)
    process.terminate()
    assert process.wait(LIMIT_S) == 130
    assert events_of(run, "warning") == []


def wait_for_handler(process: subprocess.Popen[str]) -> None:
    """Return when `process` catches SIGTERM."""
    bit = 1 << (signal.SIGTERM - 1)
    status = f"/proc/{process.pid}/status"
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with open(status) as lines:  # noqa: PTH123
            caught = next(line for line in lines if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) & bit:
            return
        assert process.poll() is None
    raise AssertionError("the trainer never caught SIGTERM")


def test_a_run_goes_on_where_it_was_stopped(backend: str, make_run: Callable[..., Run], trainer_process: START) -> None:
    run = make_run(backend, max_env_steps=ENDLESS)
    process = trainer_process(run)
    wait_for(run, process, "metrics")
    append_request(run, {"type": "stop"})
    assert process.wait(LIMIT_S) == 130
    stopped_at = events_of(run, "metrics")[-1]["env_steps"]
    process = trainer_process(run)
    later = wait_for(run, process, "metrics", stopped_at // 32 + 1)
    process.terminate()
    assert process.wait(LIMIT_S) == 130
    assert later[stopped_at // 32]["env_steps"] == stopped_at + 32
    # The request to the first trainer was not taken for one to the second.
    assert [event["data"]["type"] for event in events_of(run, "control")] == ["stop"]


def test_a_configuration_that_the_environment_refuses_ends_with_its_cause(
    make_run: Callable[..., Run], trainer_process: START
) -> None:
    run = make_run("torch")
    text = run.paths.config.read_text()
    run.paths.config.write_text(text.replace('"episode_s": 0.1', '"episode_s": 0.001'))
    assert trainer_process(run).wait(LIMIT_S) == 3
    (warning,) = events_of(run, "warning")
    assert warning["data"]["level"] == "error" and warning["data"]["error"] == "ConfigError"
    assert "env.episode_s=0.001 must be" in warning["data"]["message"]
    assert "Traceback" in run.paths.console.read_text()


def test_a_damaged_configuration_ends_with_its_cause(make_run: Callable[..., Run], trainer_process: START) -> None:
    run = make_run("torch")
    run.paths.config.write_text("{")
    assert trainer_process(run).wait(LIMIT_S) == 3
    (warning,) = events_of(run, "warning")
    assert warning["data"]["error"] == "RunsFolderError" and "config.json" in warning["data"]["message"]
