"""The worker processes of `env.vector=async`: where MuJoCo's warnings in them go, and how they end."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from motrix_core.envs.registry import make
from motrix_core.errors import EnvironmentFailed
from motrix_core.learn.clock import PhaseClock
from motrix_core.learn.stepping import Stepper

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
LIMIT_S = 60.0
PROGRAM = """
import sys
import numpy as np
from motrix_core.envs.registry import make

if __name__ == "__main__":
    env = make(sys.argv[1], num_envs=2, seed=0, options={"vector": "async"})
    env.init_state()
    print("ready", flush=True)
    env.step(np.zeros((2, env.spec.act_dim), np.float32))
    print("stepped", flush=True)
    sys.stdin.read()
    env.close()
"""


@pytest.fixture
def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(FOLDER)))}


@pytest.fixture
def stepping(tmp_path: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program of two workers, waiting between two steps, or, with Stuck, in the middle of one."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    argv = [sys.executable, str(path), "gym:counting_envs:Stuck-v0"]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=tmp_path
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_in_the_middle_of_a_step_end_with_the_trainer(
    stepping: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert stepping.stdout is not None and stepping.stdout.readline() == "ready\n"
    workers = psutil.Process(stepping.pid).children(recursive=True)
    assert len(workers) >= 2
    stepping.send_signal(number)
    stepping.wait()
    _, alive = psutil.wait_procs(workers, timeout=LIMIT_S)
    assert alive == []


def test_workers_that_wait_for_a_step_end_with_the_trainer(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    argv = [sys.executable, str(path), "gym:counting_envs:Counting-v0"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None and [process.stdout.readline() for _ in range(2)] == ["ready\n", "stepped\n"]
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=LIMIT_S)
    assert alive == []


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="MuJoCo is not installed")
def test_warnings_of_mujoco_go_to_the_log_and_not_into_the_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    argv = [sys.executable, str(path), "gym:falling_env:Falling-v0"]
    done = subprocess.run(argv, input="", capture_output=True, text=True, env=environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nan, Inf or huge value in QPOS" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


@pytest.fixture
def workers_find_these(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(FOLDER))))


def refusal(vector: str) -> str:
    """What is told of an environment that raises in a step."""
    env = make("gym:counting_envs:Refusing-v0", num_envs=2, seed=0, options={"vector": vector})
    stepper = Stepper(env, PhaseClock())
    stepper.reset()
    with pytest.raises(EnvironmentFailed) as raised:
        stepper.step(np.zeros((2, 1), np.float32))
    env.close()
    return str(raised.value)


@pytest.mark.usefixtures("workers_find_these")
def test_an_error_in_a_worker_is_told_as_without_workers_with_its_line() -> None:
    told = refusal("async")
    place = re.escape(str(FOLDER / "counting_envs.py"))
    assert re.search(rf"failed in step at batched step 1: {place}, line \d+: Refused: left leg refuses 9 N$", told)
    assert told == refusal("sync")


@pytest.mark.usefixtures("workers_find_these")
@pytest.mark.parametrize(
    ("dies", "told"),
    [
        (False, r"Shy-v0 cannot be made: .*counting_envs\.py, line \d+: OSError: the display is taken"),
        (True, r"a worker process of gym:counting_envs:Shy-v0 ended while it made its environment; .* --num-envs"),
    ],
)
def test_an_environment_that_cannot_be_made_in_a_worker_is_told_with_why(dies: bool, told: str) -> None:
    with pytest.raises(EnvironmentFailed, match=told):
        make("gym:counting_envs:Shy-v0", num_envs=2, seed=0, options={"vector": "async", "dies": dies})


@pytest.mark.usefixtures("workers_find_these")
@pytest.mark.parametrize(("name", "code"), [("Dying", 7), ("Leaving", 0)])
def test_a_worker_that_dies_is_told_with_how_and_the_others_are_ended(name: str, code: int) -> None:
    env = make(f"gym:counting_envs:{name}-v0", num_envs=3, seed=0, options={"vector": "async"})
    env.init_state()
    workers = psutil.Process().children(recursive=True)
    with pytest.raises(
        EnvironmentFailed, match=rf"worker process of gym:counting_envs:{name}-v0 has ended: .* code {code}"
    ):
        env.step(np.zeros((3, 1), np.float32))
    env.close()
    assert not [worker for worker in workers if worker.is_running() and "resource_tracker" not in _words(worker)]


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
