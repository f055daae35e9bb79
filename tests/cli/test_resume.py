"""Real trainers that are killed, continued, switched and steered from the command line."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_support import motrix

from motrix_core.process.control import request_stop
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, iter_runs
from motrix_core.runs.reader import EventReader

TINY = {
    "rollouts": 8,
    "mini_batches": 2,
    "learning_epochs": 1,
    "policy_hidden_layer_sizes": 8,
    "value_hidden_layer_sizes": 8,
    "check_point_interval": 80,
}
SAMPLES = 64
TOTAL = 200 * SAMPLES
LIMIT_S = 120.0
pytestmark = [pytest.mark.real, pytest.mark.usefixtures("probed_once")]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Iterator[Path]:
    """A runs folder; what still trains there afterwards is killed."""
    yield tmp_path
    for run in iter_runs(tmp_path):
        if run.state().is_live:
            request_stop(run, kill=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, probed_once: None) -> Callable[[str], Run]:
    """`whole(backend)`: a run of TOTAL env steps that nothing disturbed, trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("whole")

    @functools.cache
    def train(backend: str) -> Run:
        done = start(folder, backend, TOTAL)
        assert done.returncode == 0, done.stderr
        return Run.open(done.stdout.strip())

    return train


def start(runs_dir: Path, backend: str, max_env_steps: int, *words: str) -> subprocess.CompletedProcess[str]:
    sets = [word for key, value in TINY.items() for word in ("--set", f"ppo.{key}={value}")]
    sets += ["--set", "train.eval_every_updates=0", "--set", "train.device=cpu", "--set", "train.threads=1"]
    fixed = ["--env", "pendulum", "--num-envs", "8", "--seed", "3", "--quiet", "--backend", backend]
    return motrix(runs_dir, "run", *fixed, "--max-env-steps", str(max_env_steps), *sets, *words)


def launched(runs_dir: Path, backend: str, max_env_steps: int = 10**9) -> Run:
    done = start(runs_dir, backend, max_env_steps, "--detach")
    assert done.returncode == 0, done.stderr
    return Run.open(done.stdout.strip())


def events(run: Run, *kinds: str) -> list[dict[str, Any]]:
    reader = EventReader(run.paths.events)
    found = reader.poll()
    while not reader.at_end:
        found += reader.poll()
    return [event for event in found if event["type"] in kinds]


def eventually(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + LIMIT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not {what}"
        time.sleep(0.02)
    return value


def last_arrays(run: Run) -> tuple[int, dict[str, np.ndarray]]:
    newest = checkpoints.newest_valid(run)
    assert newest is not None
    arrays = checkpoints.load(newest.path).arrays
    return newest.env_steps, {f"{group}/{name}": array for group in arrays for name, array in arrays[group].items()}


def assert_same_bits(run: Run, expected: Run) -> None:
    (steps, found), (steps_expected, wanted) = last_arrays(run), last_arrays(expected)
    assert steps == steps_expected == TOTAL
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not np.array_equal(wanted[name], found[name], equal_nan=True)] == []


def test_a_run_that_was_killed_and_continued_ends_like_one_that_never_was(
    runs_dir: Path, whole: Callable[[str], Run]
) -> None:
    # PyTorch's trainer is killed by tests/faults/test_real_faults.py.
    killed = launched(runs_dir, "jax", TOTAL)
    eventually(lambda: len(events(killed, "checkpoint")) >= 2, "saved twice")
    trainer = killed.state().trainer
    assert trainer is not None
    os.kill(trainer.pid, signal.SIGKILL)
    eventually(lambda: killed.state().is_final, "over")
    assert killed.state().status == "crashed"

    done = motrix(runs_dir, "run", "--resume", killed.id, "--json")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    # Only what happened since: the end of the first segment is no end of this one.
    assert told[0]["type"] == "run_started" and told[0]["data"]["resumed"] is True
    assert told[-1]["data"]["status"] == "finished"
    steps = [event["env_steps"] for event in told if event["type"] == "metrics"]
    assert steps == list(range(steps[0], TOTAL + 1, SAMPLES)) and steps[0] > 2 * SAMPLES
    assert_same_bits(killed, whole("jax"))


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(
    runs_dir: Path, whole: Callable[[str], Run]
) -> None:
    killed = launched(runs_dir, "torch", TOTAL)
    # It is still importing its backend.
    trainer = eventually(lambda: killed.state().trainer, "started")
    os.kill(trainer.pid, signal.SIGKILL)
    eventually(lambda: killed.state().is_final, "over")
    assert killed.state().status == "crashed" and not checkpoints.list_checkpoints(killed)

    done = motrix(runs_dir, "run", "--resume", killed.id)
    assert done.returncode == 0, done.stderr
    again = f"motrix: run {killed.id} has no checkpoint yet: it begins again, with the same seed\n"
    assert done.stderr.startswith(again)
    assert_same_bits(killed, whole("torch"))


def test_a_run_whose_supervisor_is_killed_saves_itself_and_can_be_continued(runs_dir: Path) -> None:
    run = launched(runs_dir, "torch")
    eventually(lambda: len(events(run, "metrics")) > 2, "training")
    state = run.state()
    assert state.supervisor is not None and state.trainer is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while run.state().is_process_alive(state.trainer):
        assert time.monotonic() < deadline, "an orphan trains on"
        time.sleep(0.02)
    assert run.state().shown_status == "lost"
    reached = events(run, "metrics")[-1]["env_steps"]
    assert last_arrays(run)[0] == reached

    done = motrix(runs_dir, "run", "--resume", "last", "--quiet", "--max-env-steps", str(reached + SAMPLES))
    assert done.returncode == 0, done.stderr
    assert [event["env_steps"] for event in events(run, "metrics")][-2:] == [reached, reached + SAMPLES]
    assert [segment.status for segment in run.state().segments] == ["lost", "finished"]


@pytest.mark.parametrize(("first", "second"), [("torch", "jax"), ("jax", "torch")])
def test_a_live_run_goes_on_with_the_other_backend(runs_dir: Path, first: str, second: str) -> None:
    run = launched(runs_dir, first)
    eventually(lambda: events(run, "metrics"), "training")
    supervisor = run.state().supervisor
    done = motrix(runs_dir, "runs", "switch", "last", "--backend", second)
    assert done.returncode == 0, done.stderr
    eventually(lambda: run.state().segment.index == 1 and run.state().status == "running", "switched")
    eventually(lambda: events(run, "metrics", "segment_started")[-1]["type"] == "metrics", "training again")
    assert motrix(runs_dir, "runs", "stop", "last").returncode == 0
    state = run.state()
    assert state.supervisor == supervisor
    assert [segment.backend for segment in state.segments] == [first, second]
    steps = [event["env_steps"] for event in events(run, "metrics")]
    assert steps == list(range(SAMPLES, steps[-1] + 1, SAMPLES))
    assert json.loads(run.paths.config.read_text())["config"]["backend"] == first
    listed = json.loads(motrix(runs_dir, "runs", "list", "--json").stdout)
    assert (listed["backend"], listed["status"]) == (second, "stopped")


def test_a_live_run_is_steered_and_says_what_it_cannot_do(runs_dir: Path) -> None:
    run = launched(runs_dir, "torch")
    assert motrix(runs_dir, "runs", "pause", "last").stderr == f"run {run.id} is paused\n"
    eventually(lambda: run.state().status == "paused", "shown as paused")
    count = len(events(run, "metrics"))
    done = motrix(runs_dir, "runs", "set", "last", "learning_rate=5e-4", "ppo.ratio_clip=0.1")
    assert done.returncode == 0 and "ppo.learning_rate=0.0005, ppo.ratio_clip=0.1" in done.stderr
    refused = motrix(runs_dir, "runs", "set", "last", "learning_rate=50", "rollouts=3")
    assert refused.returncode == 2 and "must be a number from 1e-9 to 1" in refused.stderr
    refused = motrix(runs_dir, "runs", "switch", "last", "--backend", "torch")
    assert refused.returncode == 2 and "trains on torch already" in refused.stderr
    refused = motrix(runs_dir, "run", "--resume", "last")
    assert refused.returncode == 2 and f"is paused; motrix runs stop {run.id} stops it first" in refused.stderr
    assert motrix(runs_dir, "runs", "checkpoint", "last").returncode == 0
    assert len(events(run, "metrics")) == count
    assert last_arrays(run)[0] == count * SAMPLES
    assert motrix(runs_dir, "runs", "resume", "last").returncode == 0
    eventually(lambda: len(events(run, "metrics")) > count, "going on")
    assert motrix(runs_dir, "runs", "stop", "last").returncode == 0
    refused = motrix(runs_dir, "runs", "pause", "last")
    assert refused.returncode == 2 and f"motrix run --resume {run.id} continues it" in refused.stderr


def test_what_contradicts_a_run_is_refused_before_anything_is_touched(
    runs_dir: Path, whole: Callable[[str], Run]
) -> None:
    trained = whole("torch").path
    run = Run.open(shutil.copytree(trained, runs_dir / "pendulum" / trained.name))
    before = run.paths.state.read_bytes(), run.paths.events.read_bytes()

    def refusal(*words: str) -> str:
        done = motrix(runs_dir, "run", "--resume", "last", *words)
        assert done.returncode == 2 and done.stdout == "", done
        return done.stderr

    more = ["--max-env-steps", str(2 * TOTAL)]
    assert "contradicts run" in (text := refusal("--seed", "4", "--env", "cartpole", *more)) and text.count("\n") == 2
    assert "ppo.seed=None contradicts" in refusal("--rand-seed", *more)
    assert "env_options.episode_s=3" in refusal("--set", "env.episode_s=3", *more)
    assert "max_env_steps" in refusal("--max-env-steps", "-3")
    assert f"--max-env-steps {TOTAL + SAMPLES} or more continues it" in refusal("--env", "pendulum", "--seed", "3")
    assert "did you mean" in refusal("--backend", "torhc", *more) or "one of" in refusal("--backend", "torhc", *more)
    assert (run.paths.state.read_bytes(), run.paths.events.read_bytes()) == before
