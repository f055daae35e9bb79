"""Walk to a place and face as told there: ANYbotics' ANYmal C on flat ground.

Locomotion and local navigation are one policy, after Rudin et al. 2022, "Advanced Skills by Learning Locomotion and
Local Navigation End-to-End": it is told where to be when the time is up, not how fast to walk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.tasks.quadruped import ANYMAL_C, BaseMotion, Quadruped, bell, heading

# How far away a target is, m, in any direction.
_TARGET_DISTANCE_M = (1.0, 4.0)
_ARRIVED_M = 0.3
_ARRIVED_RAD = 0.4
_TOP_SPEED = 1.0  # m/s; faster approaches are worth no more


class AnymalNavigation(Quadruped):
    """Reach a target 1 to 4 m away and turn to its heading, in 7 s.

    obs, 54 numbers: base velocity m/s, base angular velocity rad/s, down as a unit vector, all along the base's axes
    (3 each); joint angles less the standing pose, rad (12); joint velocities, rad/s (12); the last actions (12); the
    target's place seen from the base, forward and left, m (2); sine and cosine of the turn that is missing (2); the
    share of the episode that is left (1); which feet were down, 0 or 1 (4).

    action: 12 in ±1; a drive holds its angle of the standing pose + 0.5 rad · action.

    Reward of a step: ctrl_dt · max(0, sum of the terms), so that ending an episode early is never worth while. The
    terms, which `info["Reward"]` has times ctrl_dt, with the distance d to the target and the turn ψ that is missing:
    alive      0.5
    progress   2 · approach in m/s, between -1 and 1, fading out within 0.3 m of the target
    position   2 · exp(-d² / 0.25)
    heading    1 · exp(-d² / 0.25) · exp(-ψ² / 0.25)
    air_time, vertical_velocity, roll_pitch_rate, orientation, torque, action_rate   as in `Quadruped.gait_rates`, but
               no air_time within 0.3 m of the target

    Ends when the trunk touches the ground or leans by more than 60°. `metrics["arrived"]` is 1 within 0.3 m and
    0.4 rad of the target.
    """

    robot = ANYMAL_C
    model = ANYMAL_C.model
    sensors = ("trunk_touch", *ANYMAL_C.foot_sensors)

    def make_arrays(self) -> None:
        self.targets = np.zeros((self.num_envs, 3), np.float32)

    def task_arrays(self) -> dict[str, NDArray]:
        return {**super().task_arrays(), "targets": self.targets}

    def _missing(self, rows: NDArray[np.intp] | slice, dof_pos: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The target's place forward and left of the base, m, (rows, 2), and the turn that is missing, rad, (rows,)."""
        targets = self.targets[rows]
        facing = heading(dof_pos[:, 3:7])
        dx, dy = (targets[:, :2] - dof_pos[:, :2]).T
        cos, sin = np.cos(facing), np.sin(facing)
        place = np.stack([cos * dx + sin * dy, cos * dy - sin * dx], axis=1)
        turn = targets[:, 2] - facing
        return place, np.arctan2(np.sin(turn), np.cos(turn)).astype(np.float32)

    def _observe(
        self,
        rows: NDArray[np.intp] | slice,
        dof_pos: FloatArray,
        dof_vel: FloatArray,
        motion: BaseMotion,
        place: FloatArray,
        turn: FloatArray,
    ) -> FloatArray:
        obs = np.empty((len(dof_pos), self.spec.obs_dim), np.float32)
        obs[:, 0:3] = motion.linear
        obs[:, 3:6] = motion.angular
        obs[:, 6:9] = motion.down
        np.subtract(dof_pos[:, self._joint_pos], self._pose, out=obs[:, 9:21])
        obs[:, 21:33] = dof_vel[:, self._joint_vel]
        obs[:, 33:45] = self.last_actions[rows]
        obs[:, 45:47] = place
        obs[:, 47] = np.sin(turn)
        obs[:, 48] = np.cos(turn)
        obs[:, 49] = 1.0
        obs[:, 50:54] = self.air_time[rows] == 0.0
        return obs

    def update_state(self) -> Outcome:
        dof_pos, dof_vel = self.physics.dof_pos, self.physics.dof_vel
        motion = self.motion(dof_pos, dof_vel)
        place, turn = self._missing(slice(None), dof_pos)
        distance = np.linalg.norm(place, axis=1)
        rates = self._reward_rates(motion, place, turn, distance)
        terms = {name: np.float32(self.cfg.ctrl_dt) * rate for name, rate in rates.items()}
        reward = np.maximum(np.sum(list(terms.values()), axis=0), np.float32(0.0))
        self.last_actions[:] = self._actions
        obs = self._observe(slice(None), dof_pos, dof_vel, motion, place, turn)
        obs[:, 49] = 1.0 - (self._steps + 1) / self.cfg.max_episode_steps
        arrived = (distance < _ARRIVED_M) & (np.abs(turn) < _ARRIVED_RAD)
        metrics = {
            "distance": distance,
            "heading_error": np.abs(turn),
            "arrived": arrived.astype(np.float32),
        }
        return Outcome(obs, reward, self.fallen(motion), reward_terms=terms, metrics=metrics)

    def _reward_rates(
        self, motion: BaseMotion, place: FloatArray, turn: FloatArray, distance: FloatArray
    ) -> dict[str, FloatArray]:
        """What each term is worth a second, (num_envs,)."""
        far = np.minimum(distance / _ARRIVED_M, 1.0)
        direction = place / np.maximum(distance, 1e-6)[:, None]
        # The base leans little, so its own axes do for the ground's.
        approach = np.einsum("ij,ij->i", direction, motion.linear[:, :2])
        near = bell(np.square(distance))
        gait = self.gait_rates(motion)
        gait["air_time"] *= distance > _ARRIVED_M
        return {
            "alive": np.full(self.num_envs, 0.5, np.float32),
            "progress": np.float32(2.0) * far * np.clip(approach, -_TOP_SPEED, _TOP_SPEED),
            "position": np.float32(2.0) * near,
            "heading": near * bell(np.square(turn)),
            **gait,
        }

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        dof_pos, dof_vel = self.stand_up(rows)
        bearing = self.rng.uniform(-np.pi, np.pi, len(rows))
        distance = self.rng.uniform(*_TARGET_DISTANCE_M, len(rows))
        self.targets[rows, 0] = distance * np.cos(bearing)
        self.targets[rows, 1] = distance * np.sin(bearing)
        self.targets[rows, 2] = self.rng.uniform(-np.pi, np.pi, len(rows))
        place, turn = self._missing(rows, dof_pos)
        return self._observe(rows, dof_pos, dof_vel, self.motion(dof_pos, dof_vel), place, turn)
