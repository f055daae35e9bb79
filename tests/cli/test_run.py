"""`motrix run` end to end: flags, events, files, exit codes and what is shown.

What a person sees does not depend on what trains: those tests have a trainer that trains nothing.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from cli_support import motrix
from process_support import trainer_argv

from motrix_core.hardware.probe import Probe
from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run

TINY = ["--num-envs", "8", "--set", "ppo.rollouts=8", "--set", "ppo.mini_batches=2", "--set", "ppo.learning_epochs=1"]
TINY += ["--set", "ppo.policy_hidden_layer_sizes=8", "--set", "ppo.value_hidden_layer_sizes=8"]


def command(runs_dir: Path, *words: str, program: str = "motrix_core.cli") -> list[str]:
    verb = ["--run"] if program == "motrix_tui" else ["run"]
    return [sys.executable, "-m", program, *verb, "--env", "pendulum", "--runs-dir", str(runs_dir), *TINY, *words]


@pytest.mark.real
@pytest.mark.parametrize(("program", "backend"), [("motrix_core.cli", "jax"), ("motrix_tui", "torch")])
def test_json_gives_the_events_of_a_whole_run_and_nothing_else(tmp_path: Path, backend: str, program: str) -> None:
    argv = command(tmp_path, "--backend", backend, "--max-env-steps", "250", "--json", "--seed", "3", program=program)
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] == "run_ended"
    assert events[-1]["data"]["status"] == "finished"
    run = Path(events[0]["data"]["run"])
    assert run.parent == tmp_path / "pendulum"
    metrics = [event for event in events if event["type"] == "metrics"]
    # 250 env steps are rounded up to whole updates of 8 environments × 8 steps.
    assert [event["env_steps"] for event in metrics] == [64, 128, 192, 256]
    assert done.stdout == (run / "events.jsonl").read_text()
    assert json.loads((run / "config.json").read_text())["config"]["backend"] == backend


@pytest.mark.real
def test_ctrl_c_stops_after_a_checkpoint_with_130(tmp_path: Path) -> None:
    argv = command(tmp_path, "--backend", "torch", "--max-env-steps", "1G", "--json")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["type"] == "metrics":
                break
        process.send_signal(signal.SIGINT)
        lines += [json.loads(line) for line in process.stdout]
        assert process.wait(60) == 130
    kinds = [event["type"] for event in lines]
    assert "checkpoint" in kinds
    assert kinds[-1] == "run_ended"
    assert lines[-1]["data"]["status"] == "stopped"


Pretend = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """`pretend(*words, updates=4, stderr=None)`: `motrix run` with a backend that nobody tries out, and a trainer that
    learns nothing and reports so many updates of 100 env steps; 0 updates: until it is stopped.
    """
    usable = Probe("torch", "PyTorch", "2.0", "ok", True, ("cpu",))
    monkeypatch.setattr("motrix_core.hardware.select.probe_all", lambda names: dict.fromkeys(names, usable))

    def run(*words: str, updates: int = 4, stderr: TextIO | None = None) -> subprocess.CompletedProcess[str]:
        def launch_fake(run: Run) -> None:
            launch(run, trainer_argv=trainer_argv(run, "--events", str(updates)))

        monkeypatch.setattr("motrix_core.process.launch.launch", launch_fake)
        sizes = ["--num-envs", "10", "--set", "ppo.rollouts=10", "--set", "ppo.mini_batches=2"]
        fixed = ["--env", "pendulum", "--backend", "torch", *sizes, "--max-env-steps", "400"]
        return motrix(tmp_path, "run", *fixed, *words, stderr=stderr)

    return run


def test_quiet_prints_the_folder_and_nothing_else(pretend: Pretend) -> None:
    done = pretend("--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert Run.open(done.stdout.strip()).state().status == "finished"


def test_lines_say_where_the_run_is_and_how_to_open_it(pretend: Pretend) -> None:
    done = pretend()
    assert done.returncode == 0, done.stderr
    run = Path(done.stdout.strip())
    assert run.is_dir()
    assert str(run) in done.stderr
    assert f"motrix-tui --open {run.name}" in done.stderr


def test_a_terminal_gets_a_live_display(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    ours, theirs = pty.openpty()
    chunks: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # what Linux says when the other side is closed
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w") as terminal:  # noqa: PTH123  a descriptor has no path
        done = pretend(stderr=terminal)
    reader.join()
    os.close(ours)
    assert done.returncode == 0
    text = b"".join(chunks).decode()
    assert "training" in text
    assert "100%" in text
    assert "finished after" in text


def test_detach_returns_at_once_and_the_run_can_be_stopped(pretend: Pretend, tmp_path: Path) -> None:
    done = pretend("--detach", updates=0)
    assert done.returncode == 0, done.stderr
    run = Path(done.stdout.strip())
    stopped = motrix(tmp_path, "runs", "stop", run.name)
    assert stopped.returncode == 0, stopped.stderr
    shown = motrix(tmp_path, "runs", "show", "last", "--json")
    assert json.loads(shown.stdout)["state"]["status"] == "stopped"
