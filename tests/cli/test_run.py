"""`motrix run` end to end with real trainers: the whole path from flags to events, files and exit codes."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TINY = ["--num-envs", "8", "--set", "ppo.rollouts=8", "--set", "ppo.mini_batches=2", "--set", "ppo.learning_epochs=1"]
TINY += ["--set", "ppo.policy_hidden_layer_sizes=8", "--set", "ppo.value_hidden_layer_sizes=8"]
pytestmark = pytest.mark.real


def command(runs_dir: Path, *words: str, program: str = "motrix_core.cli") -> list[str]:
    verb = ["--run"] if program == "motrix_tui" else ["run"]
    return [sys.executable, "-m", program, *verb, "--env", "pendulum", "--runs-dir", str(runs_dir), *TINY, *words]


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("program", ["motrix_core.cli", "motrix_tui"])
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


def test_quiet_prints_the_folder_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "--backend", "jax", "--max-env-steps", "64", "--quiet"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert Path(done.stdout.strip()).is_dir()


def test_lines_say_where_the_run_is_and_how_to_open_it(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "--backend", "torch", "--max-env-steps", "64"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    run = Path(done.stdout.strip())
    assert run.is_dir()
    assert str(run) in done.stderr
    assert f"motrix-tui --open {run.name}" in done.stderr


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


def test_a_terminal_gets_a_live_display(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    argv = command(tmp_path, "--backend", "torch", "--max-env-steps", "256")
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=slave, stdin=slave, env=environ)
    os.close(slave)
    seen = b""
    while True:
        if select.select([master], [], [], 60)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # the other side closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(master)
    assert process.wait(60) == 0
    text = seen.decode(errors="replace")
    assert "training" in text
    assert "100%" in text
    assert "finished after" in text


def test_detach_returns_at_once_and_the_run_can_be_stopped(tmp_path: Path) -> None:
    argv = command(tmp_path, "--backend", "torch", "--max-env-steps", "1G", "--detach")
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = Path(done.stdout.strip())
    stop = [sys.executable, "-m", "motrix_core.cli", "runs", "stop", run.name, "--runs-dir", str(tmp_path)]
    stopped = subprocess.run(stop, capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stderr
    show = [sys.executable, "-m", "motrix_core.cli", "runs", "show", "last", "--runs-dir", str(tmp_path), "--json"]
    shown = subprocess.run(show, capture_output=True, text=True)
    assert json.loads(shown.stdout)["state"]["status"] == "stopped"
