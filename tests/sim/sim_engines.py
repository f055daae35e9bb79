"""The simulators that are installed here, to parametrize tests with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import motrix_core.envs.tasks
from motrix_core.sim.base import BatchSim
from motrix_core.sim.loader import SIMULATORS, is_installed, load_sim

MODELS = Path(motrix_core.envs.tasks.__file__).parent


def needs(engine: str) -> pytest.MarkDecorator:
    """For tests that try out the engine itself, which is an optional extra and not made for every platform."""
    return pytest.mark.skipif(
        not is_installed(engine), reason=f"tries out the engine itself: pip install 'motrix-tui[{engine}]'"
    )


ENGINES = [pytest.param(name, marks=needs(name)) for name in SIMULATORS]


def load(engine: str, model: str = "walker.xml", num_envs: int = 4, sensors: tuple[str, ...] = ()) -> BatchSim:
    return load_sim(engine, MODELS / model, num_envs=num_envs, sensors=sensors)


def place_all(sim: BatchSim, dof_pos: np.ndarray, dof_vel: np.ndarray) -> None:
    sim.reset(np.ones(sim.num_envs, np.bool_), dof_pos, dof_vel)
