"""Actuators with a state of their own: MuJoCo saves and resets it, and MotrixSim, which cannot, refuses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sim_engines import MODELS

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.base import BatchSim
from motrix_core.sim.loader import is_installed, load_sim

ARM = """
<mujoco model="arm">
  <option timestep="0.01"/>
  <default>
    <default class="slow"><general dyntype="filter" dynprm="0.5"/></default>
    <default class="late"><position timeconst="0.25"/></default>
  </default>
  <worldbody>
    <body name="arm">
      <inertial pos="0 0 0.5" mass="1" diaginertia="0.1 0.1 0.01"/>
      <joint name="arm" axis="0 1 0"/>
      <geom name="arm" size="0.05"/>
    </body>
  </worldbody>
  <actuator>{actuators}</actuator>
</mujoco>
"""
FILTERED = '<general name="slow" joint="arm" dyntype="filter" dynprm="0.5" gainprm="5"/>'

on_motrixsim = pytest.mark.skipif(not is_installed("motrixsim"), reason="motrixsim is not installed")
on_mujoco = pytest.mark.skipif(not is_installed("mujoco"), reason="mujoco is not installed")


def load_arm(engine: str, folder: Path, actuators: str) -> BatchSim:
    path = folder / "arm.xml"
    path.write_text(ARM.format(actuators=actuators))
    return load_sim(engine, path, num_envs=2)


@on_motrixsim
@pytest.mark.parametrize(
    ("actuators", "named"),
    [
        (FILTERED, "actuator 'slow' of arm.xml has dyntype=\"filter\""),
        (
            '<general name="sum" joint="arm" dyntype="integrator"/>',
            "actuator 'sum' of arm.xml has dyntype=\"integrator\"",
        ),
        ('<general name="exact" joint="arm" dyntype="filterexact" dynprm="1"/>', 'has dyntype="filterexact"'),
        ('<general name="classed" joint="arm" class="slow"/>', "actuator 'classed' of arm.xml has dyntype=\"filter\""),
        (
            '<position name="drive" joint="arm" kp="5" timeconst="0.5"/>',
            "actuator 'drive' of arm.xml has timeconst=\"0.5\"",
        ),
        ('<position joint="arm" kp="5" class="late"/>', 'actuator number 1 of arm.xml has timeconst="0.25"'),
        (f'<motor name="plain" joint="arm"/>{FILTERED}', "actuator 'slow' of arm.xml"),
    ],
)
def test_motrixsim_refuses_an_actuator_with_an_activation_by_name(tmp_path: Path, actuators: str, named: str) -> None:
    with pytest.raises(EnvironmentFailed) as caught:
        load_arm("motrixsim", tmp_path, actuators)
    assert named in caught.value.message
    assert "--sim mujoco" in (caught.value.mend or "")


@on_motrixsim
@pytest.mark.parametrize(
    "actuator",
    [
        '<general name="direct" joint="arm" gainprm="5"/>',
        '<motor name="motor" joint="arm" class="slow"/>',
        '<position name="drive" joint="arm" kp="5"/>',
        '<velocity name="brake" joint="arm" kv="5"/>',
    ],
)
def test_motrixsim_takes_every_other_actuator(tmp_path: Path, actuator: str) -> None:
    sim = load_arm("motrixsim", tmp_path, actuator)
    sim.step(np.ones((2, 1), np.float32), 1)
    assert np.abs(sim.dof_vel).min() > 0


@on_motrixsim
@pytest.mark.parametrize("model", sorted(path.name for path in MODELS.glob("*.xml")))
def test_motrixsim_takes_every_model_of_our_own(model: str) -> None:
    assert load_sim("motrixsim", MODELS / model, num_envs=1).actuators


@on_mujoco
def test_mujoco_goes_on_from_a_saved_activation(tmp_path: Path) -> None:
    ctrl = np.ones((2, 1), np.float32)
    straight, saved = load_arm("mujoco", tmp_path, FILTERED), load_arm("mujoco", tmp_path, FILTERED)
    straight.step(ctrl, 20)
    saved.step(ctrl, 10)
    other = load_arm("mujoco", tmp_path, FILTERED)
    other.set_state(saved.get_state())
    saved.forget()
    for sim in (saved, other):
        sim.step(ctrl, 10)
        np.testing.assert_array_equal(sim.dof_vel, straight.dof_vel)


@on_mujoco
def test_mujoco_begins_an_episode_without_the_activation_of_the_last(tmp_path: Path) -> None:
    sim, fresh = load_arm("mujoco", tmp_path, FILTERED), load_arm("mujoco", tmp_path, FILTERED)
    sim.step(np.ones((2, 1), np.float32), 20)
    at_rest = np.zeros((1, 1), np.float32)
    sim.reset(np.array([True, False]), at_rest, at_rest)
    for world in (sim, fresh):
        world.step(np.zeros((2, 1), np.float32), 1)
    np.testing.assert_array_equal(sim.dof_vel[0], fresh.dof_vel[0])
    assert abs(sim.dof_vel[1]) > abs(fresh.dof_vel[1])
