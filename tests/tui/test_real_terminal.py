"""The dashboard in a real terminal, on a real training: closing it touches nothing, opening it again finds the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from motrix_core.commands.own_env import TEMPLATE
from motrix_core.process.control import request_stop, wait
from motrix_core.runs.layout import Run, list_runs
from motrix_core.runs.reader import newest_events

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
LIMIT_S = 120.0
TINY = ["--num-envs", "8", "--set", "ppo.rollouts=8", "--set", "ppo.mini_batches=2", "--set", "ppo.learning_epochs=1"]


class Tmux:
    """One terminal of 120×40 on a tmux server of its own."""

    def __init__(self, socket: Path) -> None:
        self._command = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def call(self, *words: str) -> str:
        return subprocess.run([*self._command, *words], check=True, capture_output=True, text=True).stdout

    def start(self, argv: list[str], cwd: Path) -> None:
        self.call("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", "-c", str(cwd), *argv)

    def screen(self) -> str:
        return self.call("capture-pane", "-p", "-t", "t")

    def close(self) -> None:
        """Close the terminal as a window manager does: whatever runs in it is hung up."""
        subprocess.run([*self._command, "kill-server"], capture_output=True)


def until(happened: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = Tmux(tmp_path / "tmux")
    yield terminal
    terminal.close()


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Run]:
    argv = [sys.executable, "-m", "motrix_core.cli", "run", "--env", "pendulum", "--backend", "torch", *TINY]
    argv += ["--max-env-steps", "1G", "--runs-dir", str(tmp_path / "runs"), "--detach"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    run = Run.open(done.stdout.strip())
    yield run
    if run.state().is_live:
        request_stop(run)
        wait(run, LIMIT_S)


def updates(run: Run) -> int:
    return int(newest_events(run.paths.events).get("metrics", {}).get("update", 0))


def test_closing_the_terminal_leaves_training_alone_and_opening_it_again_finds_it(
    tmux: Tmux, training: Run, tmp_path: Path
) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": os.environ["PATH"]}
    settings = [f"{name}={value}" for name, value in environ.items()]
    dashboard = ["env", *settings, sys.executable, "-m", "motrix_tui", "--runs-dir", str(tmp_path / "runs")]
    tmux.start([*dashboard, "--open", "last"], Path.cwd())
    until(lambda: "pendulum" in tmux.screen() and "running" in tmux.screen(), tmux.screen)
    until(lambda: updates(training) > 2, lambda: str(training.state()))

    tmux.close()

    seen = updates(training)
    until(lambda: updates(training) > seen, lambda: str(training.state()))
    assert training.state().is_live
    tmux.start(dashboard, Path.cwd())
    until(lambda: "2 Monitor ●1" in tmux.screen(), tmux.screen)
    tmux.call("send-keys", "-t", "t", "2")
    until(lambda: training.id[-4:] in tmux.screen() and "running" in tmux.screen(), tmux.screen)


def test_a_file_of_the_users_is_trained_and_played_from_the_dashboard(tmux: Tmux, tmp_path: Path) -> None:
    text = TEMPLATE.read_text().replace("max_env_steps: int = 1_000_000", "max_env_steps: int = 16_384")
    (tmp_path / "mine.py").write_text(text)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": os.environ["PATH"], "MOTRIX_BACKEND": "torch"}
    settings = [f"{name}={value}" for name, value in environ.items()]
    words = ["--runs-dir", str(tmp_path / "runs"), "--env-module", str(tmp_path / "mine.py")]
    tmux.start(["env", *settings, sys.executable, "-m", "motrix_tui", *words], Path.cwd())
    until(lambda: "--env my-env --backend torch" in tmux.screen(), tmux.screen)
    tmux.call("send-keys", "-t", "t", "C-r")
    until(lambda: [listed.status for listed in list_runs(tmp_path / "runs")] == ["finished"], tmux.screen)
    run = list_runs(tmp_path / "runs")[0].run
    assert run.config().env_module == str(tmp_path / "mine.py")
    tmux.call("send-keys", "-t", "t", "5")
    until(lambda: "step_16384" in tmux.screen() and "last returns" in tmux.screen(), tmux.screen)
