"""Worlds with friction, masses and stiffness of their own, alike on both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sim_engines import ENGINES, load

from motrix_core.errors import EnvironmentFailed, UnknownName
from motrix_core.sim.base import BatchSim, free_columns, joint_columns
from motrix_core.sim.loader import SIMULATORS, is_installed, load_sim

every_engine = pytest.mark.parametrize("engine", ENGINES)

SCENE = """
<mujoco model="varied">
  <compiler angle="radian"/>
  <option timestep="0.005"/>
  <worldbody>
    <geom name="floor" type="plane" size="5 5 1" friction="0.3 0.005 0.0001"/>
    <body name="box" pos="0 0 0.1">
      <freejoint name="box"/>
      <inertial pos="0 0 0" mass="2" diaginertia="0.013 0.013 0.013"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" friction="0.3 0.005 0.0001"/>
    </body>
    <body name="arm" pos="2 0 1">
      <inertial pos="0.2 0 0" mass="1" diaginertia="0.01 0.01 0.01"/>
      <joint name="arm" axis="0 1 0" damping="0.5"/>
      <geom name="arm" type="capsule" size="0.02" fromto="0 0 0 0.4 0 0" contype="0" conaffinity="0"/>
    </body>
  </worldbody>
  <actuator>
    <position name="arm" joint="arm" kp="20"/>
    <motor name="push" joint="arm" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
"""
FRICTIONS = np.array([0.1, 0.3, 0.6], np.float32)
ALL = np.arange(3)


def scene(engine: str, folder: Path) -> BatchSim:
    path = folder / "varied.xml"
    path.write_text(SCENE)
    return load_sim(engine, path, num_envs=3)


def slide(sim: BatchSim) -> np.ndarray:
    """How far the boxes get that begin at 1 m/s, and the angles that the arms come to."""
    dof_pos = np.tile(sim.initial_dof_pos, (3, 1))
    dof_vel = np.zeros((3, sim.dofs.num_vel), np.float32)
    box, box_vel = free_columns(sim, "box")
    dof_vel[:, box_vel.start] = 1.0
    sim.reset(np.ones(3, np.bool_), dof_pos, dof_vel)
    for _ in range(600):
        sim.step(np.tile(np.array([0.3, 0.0], np.float32), (3, 1)), 1)
    return np.stack([sim.dof_pos[:, box.start], sim.dof_pos[:, joint_columns(sim, "arm")[0]]])


@every_engine
def test_values_begin_as_the_model_has_them_and_change_nothing(engine: str, tmp_path: Path) -> None:
    sim, plain = scene(engine, tmp_path), scene(engine, tmp_path)
    sim.varied.vary("friction", ["floor", "box"])
    sim.varied.vary("mass", ["box", "arm"])
    sim.varied.vary("stiffness", ["arm"])
    np.testing.assert_allclose(sim.varied.values("friction"), 0.3)
    np.testing.assert_allclose(sim.varied.values("mass"), [[2, 1]] * 3)
    np.testing.assert_allclose(sim.varied.values("stiffness"), 20)
    np.testing.assert_allclose(slide(sim), slide(plain), atol=1e-6)


@every_engine
def test_the_smoother_the_floor_the_further_a_box_slides(engine: str, tmp_path: Path) -> None:
    sim = scene(engine, tmp_path)
    sim.varied.vary("friction", ["floor", "box"])
    sim.varied.set_values("friction", ALL, FRICTIONS[:, None])
    far, _ = slide(sim)
    np.testing.assert_allclose(far, 1 / (2 * 9.81 * FRICTIONS), rtol=0.06)  # v² / 2 μ g


@every_engine
def test_a_heavy_arm_hangs_lower_and_a_stiff_drive_holds_it_higher(engine: str, tmp_path: Path) -> None:
    sim = scene(engine, tmp_path)
    sim.varied.vary("mass", ["arm"])
    sim.varied.vary("stiffness", ["arm"])
    sim.varied.set_values("mass", np.array([1]), np.array([[2.0]], np.float32))
    sim.varied.set_values("stiffness", np.array([2]), np.array([[40.0]], np.float32))
    _, angles = slide(sim)
    for angle, mass, stiffness in zip(angles, (1, 2, 1), (20, 20, 40), strict=True):
        weight = mass * 9.81 * 0.2 * np.cos(angle)  # N m, which turns it down, in the positive direction
        assert stiffness * (angle - 0.3) == pytest.approx(weight, rel=0.01)


@every_engine
def test_values_outlast_resets_and_are_saved_and_restored(engine: str, tmp_path: Path) -> None:
    sim, other = scene(engine, tmp_path), scene(engine, tmp_path)
    for each in (sim, other):
        each.varied.vary("friction", ["floor", "box"])
        each.varied.vary("mass", ["arm"])
    sim.varied.set_values("friction", ALL, FRICTIONS[:, None])
    sim.varied.set_values("mass", ALL, np.array([[1], [2], [3]], np.float32))
    first = slide(sim)
    np.testing.assert_allclose(slide(sim), first, atol=1e-5)  # the solver starts from its last solution
    other.set_state(sim.get_state())
    np.testing.assert_array_equal(other.varied.values("friction"), sim.varied.values("friction"))
    np.testing.assert_array_equal(slide(other), slide(sim))


@every_engine
def test_changing_one_world_leaves_the_others_alone(engine: str, tmp_path: Path) -> None:
    sim, plain = scene(engine, tmp_path), scene(engine, tmp_path)
    sim.varied.vary("friction", ["floor", "box"])
    sim.varied.set_values("friction", np.array([1]), np.array([[0.9, 0.9]], np.float32))
    np.testing.assert_allclose(slide(sim)[:, [0, 2]], slide(plain)[:, [0, 2]], atol=1e-6)
    assert slide(sim)[0, 1] < 0.5 * slide(plain)[0, 1]


@pytest.mark.skipif(not all(map(is_installed, SIMULATORS)), reason="compares two simulators")
def test_both_engines_mean_the_same_by_a_value(tmp_path: Path) -> None:
    results = []
    for engine in SIMULATORS:
        sim = scene(engine, tmp_path)
        sim.varied.vary("friction", ["floor", "box"])
        sim.varied.vary("mass", ["arm"])
        sim.varied.vary("stiffness", ["arm"])
        sim.varied.set_values("friction", ALL, FRICTIONS[:, None])
        sim.varied.set_values("mass", ALL, np.array([[1], [2], [1]], np.float32))
        sim.varied.set_values("stiffness", ALL, np.array([[20], [20], [40]], np.float32))
        results.append(slide(sim))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=0.02)  # contacts are solved differently
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-4)


@every_engine
def test_what_cannot_be_varied_is_said(engine: str, tmp_path: Path) -> None:
    sim = scene(engine, tmp_path)
    with pytest.raises(UnknownName, match="unknown geom 'flor'; did you mean floor"):
        sim.varied.vary("friction", ["flor"])
    with pytest.raises(UnknownName, match="unknown quantity 'gravity'; known: friction, mass, stiffness"):
        sim.varied.vary("gravity", ["world"])
    with pytest.raises(EnvironmentFailed, match=r"'push' of varied\.xml is no position drive"):
        sim.varied.vary("stiffness", ["push"])
    with pytest.raises(EnvironmentFailed, match=r"friction is not varied; call vary\('friction', …\) first"):
        sim.varied.set_values("friction", ALL, FRICTIONS[:, None])
    sim.varied.vary("mass", ["arm"])
    with pytest.raises(EnvironmentFailed, match="mass of arm is varied already"):
        sim.varied.vary("mass", ["box"])
    for value in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(EnvironmentFailed, match=r"mass=.* for varied\.xml must be finite and above 0"):
            sim.varied.set_values("mass", ALL, np.array([[1], [value], [1]], np.float32))
    np.testing.assert_allclose(sim.varied.values("mass"), 1.0)


@every_engine
def test_a_state_saved_without_the_values_is_refused(engine: str) -> None:
    plain, varied = load(engine, num_envs=2), load(engine, num_envs=2)
    varied.varied.vary("mass", ["torso"])
    with pytest.raises(EnvironmentFailed, match=r"the saved state has no 'varied\.mass'"):
        varied.set_state(plain.get_state())
