"""The dashboard in a real terminal, on real trainings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tmux_support import LIMIT_S, Tmux, until

from motrix_core.commands.own_env import TEMPLATE
from motrix_core.process.control import request_stop, wait
from motrix_core.runs.layout import Run, list_runs
from motrix_core.runs.reader import newest_events

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
TINY = ["--num-envs", "8", "--set", "ppo.rollouts=8", "--set", "ppo.mini_batches=2", "--set", "ppo.learning_epochs=1"]


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
    tmux.press("2")
    until(lambda: training.id[-4:] in tmux.screen() and "running" in tmux.screen(), tmux.screen)


def test_a_file_of_the_users_is_trained_and_played_from_the_dashboard(tmux: Tmux, tmp_path: Path) -> None:
    text = TEMPLATE.read_text().replace("max_env_steps: int = 1_000_000", "max_env_steps: int = 16_384")
    (tmp_path / "mine.py").write_text(text)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": os.environ["PATH"], "MOTRIX_BACKEND": "torch"}
    settings = [f"{name}={value}" for name, value in environ.items()]
    words = ["--runs-dir", str(tmp_path / "runs"), "--env-module", str(tmp_path / "mine.py")]
    tmux.start(["env", *settings, sys.executable, "-m", "motrix_tui", *words], Path.cwd())
    until(lambda: "--env my-env --backend torch" in tmux.screen(), tmux.screen)
    tmux.press("C-r")
    until(lambda: [listed.status for listed in list_runs(tmp_path / "runs")] == ["finished"], tmux.screen)
    run = list_runs(tmp_path / "runs")[0].run
    assert run.config().env_module == str(tmp_path / "mine.py")
    tmux.press("5")
    until(lambda: "step_16384" in tmux.screen() and "last returns" in tmux.screen(), tmux.screen)


def test_cartpole_is_launched_on_both_backends_watched_to_the_end_and_compared(tmux: Tmux, tmp_path: Path) -> None:
    for name in ("jax", "torch", "motrixsim"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    (tmp_path / "tiny.toml").write_text(
        'env = "cartpole"\nbackend = "jax"\n[ppo]\nnum_envs = 16\nrollouts = 8\nmini_batches = 2\n'
        "learning_epochs = 1\nmax_env_steps = 2048\n"
    )
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": os.environ["PATH"]}
    settings = [f"{name}={value}" for name, value in environ.items()]
    words = ["--runs-dir", str(tmp_path / "runs")]
    tmux.start(["env", *settings, sys.executable, "-m", "motrix_tui", *words], Path.cwd())
    tmux.wait_for("Launch ▶", "cartpole")
    tmux.press("i")
    tmux.wait_for("Import")
    tmux.call("send-keys", "-l", "-t", "t", str(tmp_path / "tiny.toml"))
    tmux.press("Enter")
    tmux.wait_for("--num-envs 16")
    tmux.press("C-r")
    # With "run", because Launch says that it ended too.
    tmux.wait_for("JAX · run", "· finished")
    tmux.press("1")
    tmux.wait_for("Launch ▶")
    tmux.press("b")
    tmux.wait_for("--backend torch")
    tmux.press("C-r")
    tmux.wait_for("PyTorch · run", "· finished")
    tmux.press("3")
    tmux.wait_for("/ filter", "JAX", "PyTorch")
    tmux.press("Space", "j", "Space", "c")
    screen = tmux.wait_for("settings that differ", "backend")
    assert "jax" in screen and "torch" in screen
    assert [listed.status for listed in list_runs(tmp_path / "runs")] == ["finished", "finished"]
