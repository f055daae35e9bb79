"""Open a cabinet's door by its handle with Franka's Panda arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.tasks.panda import FINGER_OPEN, Grip, PandaTask, distance, grip_of
from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.base import joint_columns

# As in the model: the hinge, and the middle of the handle from there when the door is shut; m.
_HINGE_X, _HINGE_Y, _HINGE_Z = 0.70, -0.24, 0.70
_HANDLE_X, _HANDLE_Y = -0.05, 0.34

_OPEN = 1.2  # rad; further is worth no more
_OPENED = 1.0  # rad
_GRASPING = 0.03  # m along the hand between grip and handle


class FrankaOpenCabinet(PandaTask):
    """Pull a door open, to 1.2 rad or more.

    Lengths are metres along the axes of the arm's base, x forward, y left and z up; the grip is the place between the
    finger tips. The handle is an upright bar, so the hand best points at the door, with one finger on either side.

    obs, 25 numbers:
    0-6    angles of the arm from the ready pose, rad
    7-8    places of the two fingers, from open, m
    9-15   velocities of the arm's joints, rad/s
    16-17  velocities of the two fingers, m/s
    18-20  from grip to the middle of the handle
    21     angle of the door, rad
    22     its velocity, rad/s
    23     how squarely the hand points at the door, cosine
    24     how level the fingers are, sine of the angle between the line through them and the upright

    action: 8 in ±1. Seven are the arm's angles, 1 rad from the ready pose, which drives in the model hold; the eighth
    closes the hand where negative and opens it otherwise.

    Reward of a step, the sum of these terms, with d the distance of grip and handle:
    reach        1.5 · (1 - tanh(d / 0.1)) + 0.5 · (1 - tanh(d / 0.5))
    align        0.5 · pointing · level, from 0 to 0.5
    grasp        up to 2, as far as the fingers have closed on the handle
    open         8 · angle / 1.2 rad, at most 8
    action_rate, joint_speed   as in `PandaTask.smoothness`

    Episodes begin with the door shut and the hand open, about 20 cm before the handle. They end by time only.
    """

    model = "franka_open_cabinet.xml"
    ready = (0.0, -0.6, 0.0, -2.3, 0.0, 3.2708, 0.7854)
    action_scale = 1.0

    def make_arrays(self) -> None:
        if joint_columns(self.physics, "door").tolist() != [9]:
            raise EnvironmentFailed(f"{self.model_path().name} must have the joint 'door' after those of panda.xml")

    def _observe(self, dof_pos: FloatArray, dof_vel: FloatArray, grip: Grip) -> FloatArray:
        obs = np.empty((len(dof_pos), self.spec.obs_dim), np.float32)
        np.subtract(dof_pos[:, :7], self._ready, out=obs[:, 0:7])
        np.subtract(dof_pos[:, 7:9], np.float32(FINGER_OPEN), out=obs[:, 7:9])
        obs[:, 9:18] = dof_vel[:, :9]
        obs[:, 18:21] = (handle_of(dof_pos[:, 9]) - grip.position).T
        obs[:, 21] = dof_pos[:, 9]
        obs[:, 22] = dof_vel[:, 9]
        cos, sin = np.cos(dof_pos[:, 9]), np.sin(dof_pos[:, 9])
        obs[:, 23] = cos * grip.approach[0] + sin * grip.approach[1]
        obs[:, 24] = np.sqrt(np.maximum(1 - np.square(grip.closing[2]), 0.0))
        return obs

    def update_state(self) -> Outcome:
        dof_pos, dof_vel = self.physics.dof_pos, self.physics.dof_vel
        grip = grip_of(dof_pos[:, :7])
        smoothness = self.smoothness()
        self.last_actions[:] = self._actions
        obs = self._observe(dof_pos, dof_vel, grip)
        angle = dof_pos[:, 9].copy()
        offset = obs[:, 18:21].T
        away = distance(offset)
        terms = {
            "reach": 1.5 * (1 - np.tanh(away * np.float32(10))) + 0.5 * (1 - np.tanh(away * np.float32(2))),
            "align": 0.5 * np.maximum(obs[:, 23], 0.0) * obs[:, 24],
            "grasp": 2 * self._grasp(dof_pos, offset, grip),
            "open": np.clip(angle, 0.0, _OPEN) * np.float32(8 / _OPEN),
            **smoothness,
        }
        metrics = {
            "door_angle": angle,
            "handle_distance": away,
            "opened": (angle > _OPENED).astype(np.float32),
        }
        reward = np.asarray(np.sum(list(terms.values()), axis=0), np.float32)
        never = np.zeros(self.num_envs, np.bool_)
        return Outcome(obs, reward, never, reward_terms=terms, metrics=metrics)

    def _grasp(self, dof_pos: FloatArray, offset: FloatArray, grip: Grip) -> FloatArray:
        """How far the hand is closed where the handle is between the fingers, else 0; (num_envs,)."""
        across = np.einsum("ij,ij->j", offset, grip.closing)
        along = np.einsum("ij,ij->j", offset, grip.approach)
        # The left finger opens towards the closing direction, the right one against it.
        between = (across < dof_pos[:, 7]) & (across > -dof_pos[:, 8])
        at_tips = (np.abs(along) < _GRASPING) & (np.abs(offset[2]) < 2 * _GRASPING)
        closed = 1 - (dof_pos[:, 7] + dof_pos[:, 8]) * np.float32(0.5 / FINGER_OPEN)
        return np.where(between & at_tips, np.clip(closed, 0.0, 1.0), np.float32(0.0))

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        dof_pos, dof_vel = self.begin(rows)
        dof_pos[:, 9] = 0.0
        self.place(rows, dof_pos, dof_vel)
        return self._observe(dof_pos, dof_vel, grip_of(dof_pos[:, :7]))


def handle_of(angle: FloatArray) -> FloatArray:
    """The middle of the handle when the door is open by `angle`, rad, (rows,); m, (3, rows)."""
    cos, sin = np.cos(angle), np.sin(angle)
    handle = np.empty((3, len(angle)), np.float32)
    handle[0] = _HINGE_X + cos * np.float32(_HANDLE_X) - sin * np.float32(_HANDLE_Y)
    handle[1] = _HINGE_Y + sin * np.float32(_HANDLE_X) + cos * np.float32(_HANDLE_Y)
    handle[2] = _HINGE_Z
    return handle
