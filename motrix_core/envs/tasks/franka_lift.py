"""Lift a cube with Franka's Panda arm and carry it to a place in the air.

The reward has the form of the lift task of Isaac Lab (Mittal et al. 2023, "Orbit"): reach, then lift, then carry. Here
lifting pays only while the cube is between the fingers, since throwing it up is easier to come upon than taking it, and
so does closing the hand there, since an open hand would rather stay around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.tasks.panda import FINGER_OPEN, Grip, PandaTask, distance, grip_of
from motrix_core.sim.base import free_columns

_REST_HEIGHT = 0.0247  # m, a little less than half an edge: contacts are soft
_CUBE_X, _CUBE_Y, _CUBE_TURN = (0.42, 0.58), (-0.15, 0.15), (-0.2, 0.2)
_GOAL_LOW, _GOAL_HIGH = (0.42, -0.15, 0.15), (0.58, 0.15, 0.35)
_LIFT_FROM, _LIFT_TO = 0.003, 0.045
# From the middle of the cube to the place between the finger tips: half an edge is 2.5 cm.
_HELD, _NOT_HELD = 0.02, 0.04
_GOAL_REACHED = 0.03
_OUT_OF_REACH = 0.35  # m, from the middle of where cubes begin


class FrankaLiftCube(PandaTask):
    """Take a cube of 5 cm from the ground and hold it at a goal 15 to 35 cm above it.

    Lengths are metres along the axes of the arm's base, x forward and z up; the grip is the place between the finger
    tips.

    obs, 36 numbers:
    0-6    angles of the arm from the ready pose, rad
    7      opening of the hand, from the ready pose's 8 cm
    8-14   velocities of the arm's joints, rad/s
    15     speed at which the hand opens, m/s
    16-18  cube
    19-21  from grip to cube
    22-24  from cube to goal
    25-27  the cube's x axis
    28-35  the last actions

    action: 8 in ±1. Seven are the arm's angles, 0.7 rad from the ready pose, which drives in the model hold; the
    eighth closes the hand where negative and opens it otherwise.

    Reward of a step, the sum of these terms, at most 38. `held` is 1 where grip and cube are within 2 cm, and falls
    to 0 at 4 cm; `lifted` grows from 0 where the cube is 3 mm above the ground to `held` at 4.5 cm:
    reach        1 - tanh(distance of grip and cube / 0.1)
    grasp        held, where the hand is told to close
    lift         15 · lifted
    carry        16 · lifted · (1 - tanh(distance of cube and goal / 0.3))
    arrive       5 · lifted · (1 - tanh(distance of cube and goal / 0.05))
    action_rate, joint_speed   as in `PandaTask.smoothness`

    Episodes begin with the hand open, 15 cm above the ground, and the cube below it: up to 8 cm before or behind and
    15 cm beside, turned by up to 0.2 rad. They end early when the cube is further than 35 cm from the place below.
    """

    model = "franka_lift_cube.xml"
    ready = (0.0, 0.1513, 0.0, -2.398, 0.0, 2.5494, 0.7854)
    action_scale = 0.7

    def make_arrays(self) -> None:
        self._cube, _ = free_columns(self.physics, "cube")
        self.goals = np.zeros((self.num_envs, 3), np.float32)

    def task_arrays(self) -> dict[str, NDArray]:
        return {**super().task_arrays(), "goals": self.goals}

    def _observe(
        self, rows: NDArray[np.intp] | slice, dof_pos: FloatArray, dof_vel: FloatArray, grip: Grip
    ) -> FloatArray:
        obs = np.empty((len(dof_pos), self.spec.obs_dim), np.float32)
        cube = dof_pos[:, self._cube]
        np.subtract(dof_pos[:, :7], self._ready, out=obs[:, 0:7])
        obs[:, 7] = dof_pos[:, 7] + dof_pos[:, 8] - np.float32(2 * FINGER_OPEN)
        obs[:, 8:15] = dof_vel[:, :7]
        obs[:, 15] = dof_vel[:, 7] + dof_vel[:, 8]
        obs[:, 16:19] = cube[:, :3]
        np.subtract(cube[:, :3], grip.position.T, out=obs[:, 19:22])
        np.subtract(self.goals[rows], cube[:, :3], out=obs[:, 22:25])
        w, x, y, z = cube[:, 3:].T
        obs[:, 25] = 1 - 2 * (y * y + z * z)
        obs[:, 26] = 2 * (x * y + w * z)
        obs[:, 27] = 2 * (x * z - w * y)
        obs[:, 28:36] = self.last_actions[rows]
        return obs

    def update_state(self) -> Outcome:
        dof_pos, dof_vel = self.physics.dof_pos, self.physics.dof_vel
        grip = grip_of(dof_pos[:, :7])
        smoothness = self.smoothness()
        self.last_actions[:] = self._actions
        obs = self._observe(slice(None), dof_pos, dof_vel, grip)
        height = obs[:, 18] - np.float32(_REST_HEIGHT)
        to_cube, to_goal = distance(obs[:, 19:22].T), distance(obs[:, 22:25].T)
        held = _share(to_cube, _NOT_HELD, _HELD)
        lifted = held * _share(height, _LIFT_FROM, _LIFT_TO)
        terms = {
            "reach": 1 - np.tanh(to_cube * np.float32(10)),
            "grasp": held * (self._actions[:, 7] < 0.0),
            "lift": 15 * lifted,
            "carry": 16 * lifted * (1 - np.tanh(to_goal * np.float32(1 / 0.3))),
            "arrive": 5 * lifted * (1 - np.tanh(to_goal * np.float32(20))),
            **smoothness,
        }
        away = np.hypot(obs[:, 16] - np.float32(np.mean(_CUBE_X)), obs[:, 17])
        metrics = {
            "cube_height": height,
            "goal_distance": to_goal,
            "arrived": (to_goal < _GOAL_REACHED).astype(np.float32),
            "held": held,
        }
        reward = np.asarray(np.sum(list(terms.values()), axis=0), np.float32)
        return Outcome(obs, reward, away > _OUT_OF_REACH, reward_terms=terms, metrics=metrics)

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        dof_pos, dof_vel = self.begin(rows)
        count = len(rows)
        cube = np.zeros((count, 7), np.float32)
        cube[:, 0] = self.rng.uniform(*_CUBE_X, count)
        cube[:, 1] = self.rng.uniform(*_CUBE_Y, count)
        cube[:, 2] = _REST_HEIGHT
        half = self.rng.uniform(*_CUBE_TURN, count) / 2
        cube[:, 3], cube[:, 6] = np.cos(half), np.sin(half)
        dof_pos[:, self._cube] = cube
        self.goals[rows] = self.rng.uniform(_GOAL_LOW, _GOAL_HIGH, (count, 3))
        self.place(rows, dof_pos, dof_vel)
        return self._observe(rows, dof_pos, dof_vel, grip_of(dof_pos[:, :7]))


def _share(value: FloatArray, none: float, whole: float) -> FloatArray:
    """0 where `value` is `none`, 1 where it is `whole`, in proportion between them, elementwise."""
    return np.clip((value - np.float32(none)) / np.float32(whole - none), 0.0, 1.0).astype(np.float32)
