"""What is simulated no longer takes no memory any longer."""

from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
from sim_engines import ENGINES, load

WORLDS, TIMES = 512, 40
LIMIT_BYTES = 40 * 2**20
"""The worlds of one walker take 2 to 4 MB; 40 times as many would be 80 MB at least."""


@pytest.mark.parametrize("engine", ENGINES)
def test_forgetting_after_every_rollout_takes_no_more_memory(engine: str) -> None:
    sim = load(engine, num_envs=WORLDS)
    controls = np.zeros((WORLDS, len(sim.actuators)), np.float32)

    def roll_out(times: int) -> int:
        for _ in range(times):
            sim.step(controls, 1)
            sim.forget()
            sim.geom_poses(range(8))
        gc.collect()
        return psutil.Process().memory_info().rss

    before = roll_out(4)
    assert roll_out(TIMES) - before < LIMIT_BYTES


@pytest.mark.parametrize("engine", ENGINES)
def test_a_simulation_that_is_closed_takes_no_memory(engine: str) -> None:
    def open_and_close(times: int) -> int:
        for _ in range(times):
            sim = load(engine, num_envs=WORLDS)
            sim.step(np.zeros((WORLDS, len(sim.actuators)), np.float32), 1)
            sim.close()
        gc.collect()
        return psutil.Process().memory_info().rss

    before = open_and_close(4)
    assert open_and_close(TIMES) - before < LIMIT_BYTES
