"""A small scene with free joints before, between and after others, and random states of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from motrix_core.sim.base import BatchSim, free_columns
from motrix_core.sim.loader import load_sim

# An unsymmetrical body with an arm, so that every component of a turn has its own effect, and a ball. MotrixSim
# 0.10 breaks down on a touch sensor unless the model has a frame sensor too.
SCENE = """
<mujoco model="free">
  <compiler angle="radian"/>
  <option timestep="0.005"/>
  <worldbody>
    {floor}
    <body name="pole" pos="4 0 1">
      <inertial pos="0 0 -0.2" mass="0.5" diaginertia="0.003 0.003 0.001"/>
      <joint name="pole" axis="0 1 0" damping="0.1"/>
      <geom name="pole" size="0.05" pos="0 0 -0.2" contype="0" conaffinity="0"/>
    </body>
    <body name="trunk" pos="0.5 -0.25 2">
      <freejoint name="trunk"/>
      <inertial pos="0.05 0.02 -0.01" mass="3" diaginertia="0.02 0.04 0.05"/>
      <geom name="trunk" type="box" size="0.2 0.1 0.05"/>
      <site name="trunk" pos="0.1 0 0"/>
      <body name="arm" pos="0.2 0 0">
        <inertial pos="0 0 -0.1" mass="0.5" diaginertia="0.004 0.004 0.001"/>
        <joint name="arm" axis="0 1 0" damping="0.2" armature="0.01"/>
        <geom name="arm" size="0.03" pos="0 0 -0.2"/>
      </body>
    </body>
    <body name="slider" pos="-4 0 1">
      <inertial pos="0 0 0" mass="0.5" diaginertia="0.003 0.003 0.003"/>
      <joint name="slider" type="slide" axis="0 1 0" damping="0.1"/>
      <geom name="slider" size="0.05" contype="0" conaffinity="0"/>
    </body>
    <body name="ball" pos="0 2 0.1">
      <freejoint name="ball"/>
      <inertial pos="0 0 0" mass="2" diaginertia="0.008 0.008 0.008"/>
      <geom name="ball" size="0.1"/>
      <site name="ball" size="0.11"/>
    </body>
  </worldbody>
  <actuator>
    <position name="arm" joint="arm" kp="20" forcerange="-5 5"/>
    <motor name="pole" joint="pole"/>
  </actuator>
  <sensor>
    <touch name="ball_touch" site="ball"/>
    <framequat name="trunk_quat" objtype="site" objname="trunk"/>
    <framepos name="trunk_pos" objtype="site" objname="trunk"/>
    <velocimeter name="trunk_velocity" site="trunk"/>
    <gyro name="trunk_gyro" site="trunk"/>
  </sensor>
</mujoco>
"""
FLOOR = '<geom name="floor" type="plane" size="20 20 1"/>'
SENSORS = ("ball_touch", "trunk_quat", "trunk_pos", "trunk_velocity", "trunk_gyro")


def load_scene(engine: str, folder: Path, *, num_envs: int, floor: str = FLOOR) -> BatchSim:
    path = folder / "free.xml"
    path.write_text(SCENE.format(floor=floor))
    return load_sim(engine, path, num_envs=num_envs, sensors=SENSORS)


def random_states(sim: BatchSim, seed: int, height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Both bodies `height_m` up, in any orientation and motion."""
    rng = np.random.default_rng(seed)
    dof_pos = np.tile(sim.initial_dof_pos, (sim.num_envs, 1))
    dof_vel = rng.uniform(-1, 1, (sim.num_envs, sim.dofs.num_vel)).astype(np.float32)
    for name in sim.dofs.free_joints:
        pos, vel = free_columns(sim, name)
        quaternion = rng.normal(size=(sim.num_envs, 4))
        dof_pos[:, pos.start + 3 : pos.stop] = quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
        dof_pos[:, pos.start + 2] = height_m
        dof_vel[:, vel.start + 3 : vel.stop] *= 4
    return dof_pos, dof_vel


def rotation(quaternion: np.ndarray) -> np.ndarray:
    """Rotation matrices, (rows, 3, 3), of unit quaternions w x y z, (rows, 4)."""
    w, x, y, z = quaternion.T.astype(np.float64)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.moveaxis(np.array(rows), 2, 0)
