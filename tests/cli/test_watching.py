"""`motrix view` and `motrix play`: on a terminal, without one, and where there is nothing to see."""

from __future__ import annotations

import ast
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.commands.envs_new import template_text
from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run


@pytest.fixture(autouse=True)
def small_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "13")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
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
        (["--env", "gym:CartPole-v1", "--frames", "1"], "only those on MuJoCo can be"),
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


VIEW = [sys.executable, "-m", "motrix_core.cli", "view", "--env", "pendulum"]
DRAWN = b"space pause"
LEFT = "\x1b[?25h\x1b[?1049l"
"""What shows the cursor again, and what was on the terminal before."""
Deed = Callable[[int, bytes], None]
"""What a person does at the terminal, given its end and what it has shown so far."""


def on_a_terminal(argv: Sequence[str], *script: tuple[bytes, Deed]) -> tuple[int, str]:
    """Exit code and output of `argv` on a terminal. Each deed of `script` is done once its words have been shown, which
    are looked for behind those of the deed before."""
    ours, theirs = pty.openpty()
    todo, output, seen = list(script), b"", 0
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        until = time.monotonic() + 60
        while select.select([ours], [], [], max(until - time.monotonic(), 0.0))[0] and time.monotonic() < until:
            try:
                output += os.read(ours, 1 << 16)
            except OSError:  # what Linux says when the other side is closed
                break
            while todo and (found := output.find(todo[0][0], seen)) >= 0:
                words, deed = todo.pop(0)
                seen = found + len(words)
                deed(ours, output)
        # Whoever is still there ends without a terminal.
        os.close(ours)
        code = process.wait(60)
    return code, output.decode(errors="replace")


def type_in(keys: bytes) -> Deed:
    def deed(terminal: int, output: bytes) -> None:
        os.write(terminal, keys)

    return deed


# A shell with one job, which it names, and goes on with as soon as it is held.
SHELL = """
import os, signal, subprocess, sys
job = subprocess.Popen(sys.argv[1:], preexec_fn=os.setpgrp)
print(f"job {job.pid}.", flush=True)
_, status = os.waitpid(job.pid, os.WUNTRACED)
if os.WIFSTOPPED(status):
    print("held", flush=True)
    os.kill(job.pid, signal.SIGCONT)
    sys.exit(job.wait())
sys.exit(os.waitstatus_to_exitcode(status))
"""


def signal_job(number: int) -> Deed:
    def deed(terminal: int, output: bytes) -> None:
        os.kill(int(output.partition(b"job ")[2].partition(b".")[0]), number)

    return deed


@pytest.mark.real
def test_the_terminal_is_the_shells_while_the_picture_is_held_and_drawn_again_afterwards() -> None:
    script = ((DRAWN, signal_job(signal.SIGTSTP)), (b"held", lambda *_: None), (DRAWN, type_in(b"q")))
    code, output = on_a_terminal([sys.executable, "-c", SHELL, *VIEW], *script)
    assert code == 0
    before, held, after = output.partition("held")
    assert held and before.rstrip().endswith(LEFT)
    assert "random actions" in after and after.rstrip().endswith(LEFT)


@pytest.mark.real
def test_being_terminated_leaves_the_terminal_as_it_was() -> None:
    code, output = on_a_terminal([sys.executable, "-c", SHELL, *VIEW], (DRAWN, signal_job(signal.SIGTERM)))
    assert code == 128 + signal.SIGTERM
    assert output.rstrip().endswith(LEFT)


@pytest.mark.real
def test_q_leaves_the_terminal_as_it_was() -> None:
    code, output = on_a_terminal(VIEW, (DRAWN, type_in(b" q")))
    assert code == 0
    assert "random actions" in output
    assert output.rstrip().endswith(LEFT)


@pytest.mark.real
def test_it_ends_by_itself_after_the_episodes_that_were_asked_for() -> None:
    code, output = on_a_terminal([*VIEW, "--episodes", "1", "--speed", "16", "--set", "env.episode_s=0.5"])
    assert code == 0
    assert "1 episodes" in output or output.endswith(LEFT)


def test_a_sketch_that_fails_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = template_text("my-env", "mine.py").replace("0.0 * x + 0.5", "self.flag_m + x")
    path = tmp_path / "mine.py"
    path.write_text(text)
    line = next(number for number, words in enumerate(text.splitlines(), 1) if "self.flag_m" in words)
    assert main(["view", "--env", "my-env", "--env-module", str(path), "--frames", "1"]) == 3
    told = capsys.readouterr().err
    assert f"failed in sketch(): {path}, line {line}: AttributeError" in told and "Traceback" not in told


@pytest.mark.parametrize("name", ["MyEnvironment", "MyEnv2", "my-env-2", "true", "my-env"])
def test_any_name_gives_a_template_that_says_it(name: str) -> None:
    tree = ast.parse(template_text(name, "mine.py"))
    assert name in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


@pytest.mark.real
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_pictures_are_ascii_where_the_locale_is(locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    shown = subprocess.run([*VIEW, "--num-envs", "2", "--frames", "1"], capture_output=True, check=True).stdout
    assert shown.isascii() == (locale == "C")
    assert len(shown.split()) > 4


@pytest.mark.real
@pytest.mark.parametrize(("name", "braille"), [("linux", False), ("xterm-256color", True)])
def test_the_live_view_is_ascii_on_a_terminal_without_braille(
    name: str, braille: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", name)
    code, output = on_a_terminal(VIEW, (DRAWN, type_in(b"q")))
    assert code == 0
    assert output.isascii() != braille


@pytest.mark.real
def test_a_terminal_that_cannot_be_drawn_on_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    code, output = on_a_terminal(VIEW)
    assert code == 2
    assert "TERM=dumb cannot place its cursor" in output and "--frames 1" in output
