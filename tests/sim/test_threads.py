"""The number of threads that is asked for is the number that the simulators start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sim_engines import ENGINES, MODELS, load

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim import threads
from motrix_core.sim.loader import is_installed

TASKS_OF_THIS_PROCESS = Path("/proc/self/task")

# Prints how many threads loading and stepping a model has started.
COUNTED = """
import importlib, os, sys
from pathlib import Path
import numpy as np
from motrix_core.sim.loader import load_sim
from motrix_core.sim.threads import use_threads
engine, model, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
importlib.import_module(f"motrix_core.sim.{engine}")
before = len(os.listdir("/proc/self/task"))
use_threads(count)
sim = load_sim(engine, model, num_envs=64)
sim.step(np.zeros((64, len(sim.actuators)), np.float32), 2)
print(len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not TASKS_OF_THIS_PROCESS.is_dir(), reason="this system does not list a process's threads")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_simulator_starts_as_many_threads_as_the_user_wants(engine: str, count: int) -> None:
    command = [sys.executable, "-c", COUNTED, engine, str(MODELS / "cartpole.xml"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout.split()[-1]) == count


@pytest.fixture
def wanting_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_count", 0)  # given back when the test ends
    threads.use_threads(5)


@pytest.mark.skipif(not is_installed("motrixsim"), reason="motrixsim is not installed")
def test_a_number_that_comes_too_late_for_motrixsim_is_refused(
    wanting_five: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motrix_core.sim import motrixsim

    monkeypatch.setattr(motrixsim, "_pool_threads", 2)
    with pytest.raises(EnvironmentFailed, match=r"cannot use 5 threads: it already has 2; set the number before"):
        load("motrixsim", "cartpole.xml")
    monkeypatch.setattr(motrixsim, "_pool_threads", 5)
    load("motrixsim", "cartpole.xml").close()


@pytest.mark.skipif(not is_installed("mujoco"), reason="mujoco is not installed")
def test_more_threads_than_worlds_give_the_same_numbers(wanting_five: None) -> None:
    many = load("mujoco", "walker.xml", num_envs=2)
    threads.use_threads(1)
    one = load("mujoco", "walker.xml", num_envs=2)
    for sim in (many, one):
        sim.step(np.full((2, 6), 0.3, np.float32), 5)
    np.testing.assert_array_equal(many.dof_pos, one.dof_pos)


def test_a_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="count=-1 must be 0 or more"):
        threads.use_threads(-1)
