"""`motrix view` and `motrix play`: on a terminal, without one, and where there is nothing to see."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "13")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MOTRIX_SIM", "MOTRIX_RUNS_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A pendulum's run with a policy that always pushes by 0.5 N m."""
    config = RunConfig(env="pendulum", backend="torch", sim="none", ppo=PPOCfg(seed=1))
    made = create_run(config, tmp_path / "runs", extra={})
    policy = {
        "policy.layers.0.weight": np.zeros((4, 3), np.float32),
        "policy.layers.0.bias": np.zeros(4, np.float32),
        "policy.mean.weight": np.zeros((1, 4), np.float32),
        "policy.mean.bias": np.full(1, 0.5, np.float32),
        "scaler.observation.mean": np.zeros(3),
        "scaler.observation.variance": np.ones(3),
    }
    meta = {"env": "pendulum", "env_steps": 100, "update": 1}
    checkpoints.save(made.paths.checkpoints, 100, {"agent": policy}, meta)
    return made


def play(run: Run, *words: str) -> int:
    return main(["play", run.id, "--runs-dir", str(run.path.parents[1]), *words])


def test_pictures_are_printed_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--env", "pendulum", "--num-envs", "2", "--frames", "2"]) == 0
    shown = capsys.readouterr().out.split("\n")
    assert sum("step 0" in line for line in shown) == 1
    assert sum("step 1" in line for line in shown) == 1
    assert any("⠿" <= character <= "⣿" or character >= "⠁" for line in shown for character in line if character > "~")
    assert max(map(len, shown)) <= 60


def test_a_policy_is_played_without_jax_and_torch(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play(run, "--frames", "1") == 0
    assert "step 0" in capsys.readouterr().out


def test_without_a_terminal_it_is_said_what_works(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play(run) == 2
    said = capsys.readouterr()
    assert said.out == "" and "--frames 1" in said.err and "--video" in said.err


def test_an_unknown_checkpoint_names_those_that_there_are(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert play(run, "--checkpoint", "7", "--frames", "1") == 2
    assert "100" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--env", "pendulumm", "--frames", "1"], "did you mean pendulum?"),
        (["--frames", "1"], "no environment given"),
        (["--env", "pendulum", "--sim", "mujoco", "--frames", "1"], "needs no simulator"),
        (["--env", "pendulum", "--window"], "has no simulator"),
        (["--env", "pendulum", "--video", "film.avi"], ".mp4 or .gif"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["view", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.parametrize("words", [["--speed", "99"], ["--num-envs", "0"], ["--frames", "x"], ["--view", "below"]])
def test_flags_out_of_bounds_are_wrong_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["view", "--env", "pendulum", *words])
    assert ended.value.code == 2


def on_a_terminal(keys: bytes, *words: str) -> tuple[int, str]:
    """Exit code and output of `motrix view --env pendulum` on a terminal, where `keys` are typed once it draws."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "motrix_core.cli", "view", "--env", "pendulum", *words]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        output, typed = b"", False
        while select.select([ours], [], [], 60)[0]:
            try:
                output += os.read(ours, 1 << 16)
            except OSError:  # what Linux says when the other side is closed
                break
            if not typed and b"space pause" in output:
                os.write(ours, keys)
                typed = True
        code = process.wait(60)
    os.close(ours)
    return code, output.decode(errors="replace")


@pytest.mark.real
def test_q_leaves_the_terminal_as_it_was() -> None:
    code, output = on_a_terminal(b" q")
    assert code == 0
    assert "random actions" in output
    assert output.rstrip().endswith("\x1b[?25h\x1b[?1049l")


@pytest.mark.real
def test_it_ends_by_itself_after_the_episodes_that_were_asked_for() -> None:
    code, output = on_a_terminal(b"", "--episodes", "1", "--speed", "16", "--set", "env.episode_s=0.5")
    assert code == 0
    assert "1 episodes" in output or output.endswith("\x1b[?25h\x1b[?1049l")
