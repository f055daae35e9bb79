"""MotrixSim and MuJoCo simulate the same bodies."""

from __future__ import annotations

import numpy as np
import pytest
from sim_engines import MODELS, load, place_all

from motrix_core.sim.loader import is_installed

mujoco = pytest.importorskip("mujoco")

pytestmark = pytest.mark.skipif(not is_installed("motrixsim"), reason="compares two simulators")

# Contact-free and with the same integrator, the engines differ by single precision only.
POSITION_TOLERANCE = 2e-6
VELOCITY_TOLERANCE = 2e-5


def test_a_cart_pole_moves_alike_on_both_engines_for_50_steps() -> None:
    rng = np.random.default_rng(0)
    motrix, reference = (load(engine, "cartpole.xml", num_envs=16) for engine in ("motrixsim", "mujoco"))
    start = rng.uniform(-0.1, 0.1, (2, 16, 2)).astype(np.float32)
    for sim in (motrix, reference):
        place_all(sim, *start)
    for _ in range(50):
        ctrl = rng.uniform(-3, 3, (16, 1)).astype(np.float32)
        for sim in (motrix, reference):
            sim.step(ctrl, 1)
    assert np.abs(reference.dof_vel).max() > 1.0, "the carts are supposed to have moved"
    np.testing.assert_allclose(motrix.dof_pos, reference.dof_pos, rtol=0, atol=POSITION_TOLERANCE)
    np.testing.assert_allclose(motrix.dof_vel, reference.dof_vel, rtol=0, atol=VELOCITY_TOLERANCE)


def test_a_walker_in_the_air_starts_to_move_alike_on_both_engines() -> None:
    rng = np.random.default_rng(0)
    motrix, reference = (load(engine, num_envs=16) for engine in ("motrixsim", "mujoco"))
    dof_pos = np.zeros((16, 9), np.float32)
    dof_pos[:, 0] = 2.0
    dof_pos[:, 3:] = np.deg2rad([40, -70, 10, 20, -40, -10])  # away from every joint limit
    for sim in (motrix, reference):
        place_all(sim, dof_pos, np.zeros_like(dof_pos))
    ctrl = rng.uniform(-0.2, 0.2, (16, 6)).astype(np.float32)
    for sim in (motrix, reference):
        sim.step(ctrl, 4)
    assert np.abs(reference.dof_vel[:, 3:]).max() > 1.0
    np.testing.assert_allclose(motrix.dof_pos, reference.dof_pos, rtol=0, atol=1e-4)
    np.testing.assert_allclose(motrix.dof_vel, reference.dof_vel, rtol=0, atol=2e-3)


def test_the_inertias_written_into_the_walker_are_those_of_its_capsules() -> None:
    text = (MODELS / "walker.xml").read_text()
    written = mujoco.MjModel.from_xml_string(text)
    marker = '<compiler angle="degree"'
    assert marker in text
    derived = mujoco.MjModel.from_xml_string(text.replace(marker, marker + ' inertiafromgeom="true"'))
    np.testing.assert_allclose(written.body_mass, derived.body_mass, rtol=1e-6)
    np.testing.assert_allclose(np.sort(written.body_inertia), np.sort(derived.body_inertia), rtol=1e-5)
