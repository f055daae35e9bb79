"""Walk as commanded: Unitree's Go1 and Go2 on flat ground.

The task is the velocity tracking of Rudin et al. 2022, "Learning to Walk in Minutes Using Massively Parallel Deep
Reinforcement Learning", with its observations and, up to weights for smaller robots, its rewards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import BoolArray, FloatArray, Outcome
from motrix_core.envs.tasks.quadruped import GO1, GO2, BaseMotion, Quadruped, bell, squares

# Forward and sideways m/s, turning rad/s; drawn uniformly from ± this.
_COMMAND_LIMITS = np.array([1.0, 0.5, 1.0], np.float32)
_STANDING_SHARE = 0.1
_SMALL_COMMAND = 0.1
_COMMAND_STEPS = 500


class QuadrupedWalk(Quadruped):
    """Follow a commanded velocity, which changes every 5 s and is to stand still in one case of ten.

    obs, 48 numbers: base velocity m/s, base angular velocity rad/s, down as a unit vector, all along the base's axes
    (3 each); the command, forward m/s, left m/s, turn left rad/s (3); joint angles less the standing pose, rad (12);
    joint velocities, rad/s (12); the last actions (12).

    action: 12 in ±1; a drive holds its angle of the standing pose + 0.5 rad · action.

    Reward of a step: ctrl_dt · max(0, sum of the terms), so that perfect tracking is worth 1.5 a second, 30 an episode,
    and ending it early is never worth while. The terms, which `info["Reward"]` has times ctrl_dt:
    linear_velocity    exp(-|error|² / 0.25) of the two horizontal components
    angular_velocity   0.5 · exp(-error² / 0.25) of turning
    air_time, vertical_velocity, roll_pitch_rate, orientation, torque, action_rate   as in `Quadruped.gait_rates`, but
                       no air_time when commanded to stand
    stand_still        -0.5 · mean |angle - pose| of the joints, when commanded to stand

    Ends when the trunk touches the ground or leans by more than 60°.
    """

    def make_arrays(self) -> None:
        self.commands = np.zeros((self.num_envs, 3), np.float32)

    def task_arrays(self) -> dict[str, NDArray]:
        return {**super().task_arrays(), "commands": self.commands}

    def draw_commands(self, rows: NDArray[np.intp]) -> None:
        drawn = self.rng.uniform(-_COMMAND_LIMITS, _COMMAND_LIMITS, (len(rows), 3))
        drawn[self.rng.random(len(rows)) < _STANDING_SHARE] = 0.0
        self.commands[rows] = drawn

    def observe(
        self, rows: NDArray[np.intp] | slice, dof_pos: FloatArray, dof_vel: FloatArray, motion: BaseMotion
    ) -> FloatArray:
        """obs of the environments `rows`, which are in the given states."""
        obs = np.empty((len(dof_pos), self.spec.obs_dim), np.float32)
        obs[:, 0:3] = motion.linear
        obs[:, 3:6] = motion.angular
        obs[:, 6:9] = motion.down
        obs[:, 9:12] = self.commands[rows]
        np.subtract(dof_pos[:, self._joint_pos], self._pose, out=obs[:, 12:24])
        obs[:, 24:36] = dof_vel[:, self._joint_vel]
        obs[:, 36:48] = self.last_actions[rows]
        return obs

    def update_state(self) -> Outcome:
        dof_pos, dof_vel = self.physics.dof_pos, self.physics.dof_vel
        motion = self.motion(dof_pos, dof_vel)
        terms = {name: np.float32(self.cfg.ctrl_dt) * rate for name, rate in self._reward_rates(motion).items()}
        metrics = self._metrics(motion)
        reward = np.maximum(np.sum(list(terms.values()), axis=0), np.float32(0.0))
        self.last_actions[:] = self._actions
        due = np.flatnonzero((self._steps + 1) % _COMMAND_STEPS == 0)
        if due.size:
            self.draw_commands(due)
        obs = self.observe(slice(None), dof_pos, dof_vel, motion)
        return Outcome(obs, reward, self.ended(motion), reward_terms=terms, metrics=metrics)

    def ended(self, motion: BaseMotion) -> BoolArray:
        return self.fallen(motion)

    def _reward_rates(self, motion: BaseMotion) -> dict[str, FloatArray]:
        """What each term is worth a second, (num_envs,)."""
        error = motion.linear[:, :2] - self.commands[:, :2]
        turn_error = motion.angular[:, 2] - self.commands[:, 2]
        moving = np.abs(self.commands).max(axis=1) > _SMALL_COMMAND
        offset = np.abs(self.physics.dof_pos[:, self._joint_pos] - self._pose).mean(axis=1)
        gait = self.gait_rates(motion)
        gait["air_time"] *= moving
        return {
            "linear_velocity": bell(squares(error)),
            "angular_velocity": np.float32(0.5) * bell(np.square(turn_error)),
            **gait,
            "stand_still": np.float32(-0.5) * offset * ~moving,
        }

    def _metrics(self, motion: BaseMotion) -> dict[str, FloatArray]:
        error = motion.linear[:, :2] - self.commands[:, :2]
        return {
            "velocity_error": np.sqrt(squares(error)),
            "turn_rate_error": np.abs(motion.angular[:, 2] - self.commands[:, 2]),
            "base_height": self.base_height(),
        }

    def base_height(self) -> FloatArray:
        """The base's height above the ground, m, (num_envs,)."""
        return self.physics.dof_pos[:, 2].copy()

    def starts(self, count: int) -> FloatArray | None:
        """Where `count` episodes begin, x, y and the height of the ground, m, (count, 3); None at the origin."""
        return None

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        dof_pos, dof_vel = self.stand_up(rows, self.starts(len(rows)))
        self.draw_commands(rows)
        return self.observe(rows, dof_pos, dof_vel, self.motion(dof_pos, dof_vel))


class Go1FlatWalk(QuadrupedWalk):
    robot = GO1
    model = GO1.model
    sensors = ("trunk_touch", *GO1.foot_sensors)


class Go2FlatWalk(QuadrupedWalk):
    robot = GO2
    model = GO2.model
    sensors = ("trunk_touch", *GO2.foot_sensors)
