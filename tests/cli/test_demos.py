"""`motrix demos` with real trainers: trained, continued where it was interrupted, failed, stopped."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import motrix
from process_support import eventually, trainer_argv

from motrix_core.cli import main
from motrix_core.envs.registry import find_spec
from motrix_core.process.control import wait
from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run, list_runs

QUIET = ["--set", "train.tensorboard=false", "--set", "train.threads=1"]
pytestmark = [pytest.mark.real, pytest.mark.usefixtures("probed_once")]


def command(runs_dir: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "motrix_core.cli", "demos", "--runs-dir", str(runs_dir), *QUIET, *words]


def demos(runs_dir: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return motrix(runs_dir, "demos", *QUIET, *words)


def results(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_two_tasks_train_and_are_found_again(tmp_path: Path) -> None:
    words = ("--envs", "pendulum", "mountain-car", "--backends", "torch", "--json")
    done = subprocess.run(command(tmp_path, *words), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = results(done.stdout)
    assert [(one["env"], one["status"], one["env_steps"]) for one in found] == [
        ("pendulum", "finished", 1536),
        ("mountain-car", "finished", 1536),
    ]
    assert "[1/2] pendulum · torch · seed 1 · begins" in done.stderr
    assert results((tmp_path / "demos-quick.json").read_text()) == found
    assert "| `mountain-car` | torch" in (tmp_path / "demos-quick.md").read_text()
    assert all((Path(one["run"]) / "console.log").exists() for one in found)
    again = demos(tmp_path, *words)
    assert again.returncode == 0, again.stderr
    assert results(again.stdout) == found
    assert "had finished" in again.stderr
    assert len(list_runs(tmp_path)) == 2


def test_ctrl_c_stops_after_a_checkpoint_and_the_next_call_goes_on(tmp_path: Path) -> None:
    words = ("--envs", "pendulum", "acrobot", "--backends", "torch", "--set", "ppo.max_env_steps=1M")
    with subprocess.Popen(command(tmp_path, *words), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as made:
        assert made.stderr is not None and made.stdout is not None
        assert "begins" in made.stderr.readline()
        (summary,) = list_runs(tmp_path)
        events = summary.run.paths.events
        eventually(lambda: b'"metrics"' in events.read_bytes() or made.poll() is not None, "training")
        assert made.poll() is None
        made.send_signal(signal.SIGINT)
        said, table = made.stderr.read(), made.stdout.read()
        assert made.wait(60) == 130
    assert "stopping after a checkpoint" in said and "1 of 2 demos" in said
    assert "Not trained yet: acrobot · torch · seed 1." in table
    assert wait(summary.run).status == "stopped"
    assert list(summary.run.paths.checkpoints.glob("step_*"))
    with subprocess.Popen(
        command(tmp_path, *words), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as again:
        assert again.stderr is not None
        first = again.stderr.readline()
        again.send_signal(signal.SIGINT)
        again.stderr.read()
        assert again.wait(60) == 130
    assert "goes on from" in first and str(summary.run.path) in first


def test_a_task_that_is_learned_is_trained_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    easy = dataclasses.replace(find_spec("pendulum"), success_return=-1e6)
    monkeypatch.setattr("motrix_core.demos.plan.find_spec", lambda name: easy)
    words = ["--envs", "pendulum", "--backends", "torch", "--json", "--budget", "full", "--seeds", "1"]
    words += ["--set", "ppo.max_env_steps=50M", "--until-learned"]
    done = demos(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    (found,) = results(done.stdout)
    assert found["status"] == "learned" and found["solved_at"] <= found["env_steps"] < 50_000_000
    (summary,) = list_runs(tmp_path)
    assert summary.status == "stopped" and list(summary.run.paths.checkpoints.glob("step_*"))
    again = demos(tmp_path, *words)
    assert again.returncode == 0, again.stderr
    assert results(again.stdout) == [found] and "had learned" in again.stderr


def test_a_failed_run_is_told_in_the_table_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch_one_that_fails(run: Run) -> None:
        launch(run, trainer_argv=trainer_argv(run, "--events", "1", "--exit-code", "3", "--error", "no energy left"))

    monkeypatch.setattr("motrix_core.demos.runner.launch", launch_one_that_fails)
    words = ("--envs", "mountain-car", "pendulum", "--backends", "torch", "--json")
    done = demos(tmp_path, *words, "--stop-on-error")
    assert done.returncode == 3, done.stderr
    (failed,) = results(done.stdout)
    assert failed["status"] == "failed" and "no energy left" in failed["cause"]
    again = demos(tmp_path, *words)
    assert again.returncode == 3, again.stderr
    assert [one["status"] for one in results(again.stdout)] == ["failed", "failed"]
    assert len(list_runs(tmp_path)) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--backends", "tensorflow"), "unknown backend 'tensorflow'"),
        (("--sims", "bullet"), "unknown simulator 'bullet'"),
        (("--envs", "pendulun"), "did you mean pendulum"),
        (("--envs", "pendulum", "--ledger", "x.md"), "for --budget full"),
        (("--envs", "pendulum", "--set", "ppo.nonsense=1"), "nonsense"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert main(["demos", "--runs-dir", str(tmp_path / "runs"), *words]) == 2
    said = capsys.readouterr()
    assert message in said.err and said.out == ""
    assert not (tmp_path / "runs").exists()
