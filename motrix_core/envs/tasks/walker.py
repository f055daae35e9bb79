"""The planar walker of the DeepMind Control Suite (Tassa et al. 2018): stand, walk, run."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.reward import tolerance
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.sim.base import joint_columns

# The torso's height in the model where `rootz` is 0, m.
_HEIGHT_AT_ZERO = 1.3
_STAND_HEIGHT = 1.2  # m
_LEG_JOINTS = ("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")


class PlanarWalker(SimEnv):
    """Stand up from a random pose and, unless `target_speed` is 0, move forward at least as fast, in m/s.

    obs, 22 numbers that hold the whole state but the distance walked:
    0-9    orientation of torso, right thigh, right shin, left thigh, left shin: cos and sin of the pitch, which are
           the xx and xz components of the body's rotation matrix
    10-11  right and left ankle, rad
    12     height of the torso, m
    13-21  velocities: torso up and forward m/s, torso pitch, hips, knees and ankles rad/s, in the model's order

    action: right hip, knee, ankle, then left, in ±1 of the motors' torque of 100, 50 and 20 N m.

    Reward of the suite: stand = (3·tolerance(height ≥ 1.2 m, margin 0.6) + (1 + cos pitch)/2)/4, and where there is a
    target speed stand·(5·tolerance(speed ≥ target, margin target/2, linear, 0.5 at the margin) + 1)/6. The forward
    speed is the centre of mass's, at the beginning of the last substep. Episodes end by time only.
    """

    model = "walker.xml"
    sensors = ("torso_subtreelinvel",)
    target_speed: ClassVar[float]

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self._height, self._pitch = (int(joint_columns(self.physics, name)[0]) for name in ("rootz", "rooty"))
        self._legs = joint_columns(self.physics, *_LEG_JOINTS)
        self._leg_range = self.physics.joint_range(*_LEG_JOINTS)

    def _observe(self, dof_pos: FloatArray, dof_vel: FloatArray) -> FloatArray:
        """obs of the given joint states, (rows, joints) each."""
        pitch = dof_pos[:, self._pitch]
        right_hip, right_knee, right_ankle, left_hip, left_knee, left_ankle = dof_pos[:, self._legs].T
        obs = np.empty((len(dof_pos), self.spec.obs_dim), np.float32)
        angles = np.empty((len(dof_pos), 5), np.float32)
        # The legs' joints turn about -y, the torso's about +y.
        angles[:, 0] = pitch
        angles[:, 1] = pitch - right_hip
        angles[:, 2] = angles[:, 1] - right_knee
        angles[:, 3] = pitch - left_hip
        angles[:, 4] = angles[:, 3] - left_knee
        np.cos(angles, out=obs[:, 0:10:2])
        np.sin(angles, out=obs[:, 1:10:2])
        obs[:, 10] = right_ankle
        obs[:, 11] = left_ankle
        obs[:, 12] = dof_pos[:, self._height] + _HEIGHT_AT_ZERO
        obs[:, 13:] = dof_vel
        return obs

    def update_state(self) -> Outcome:
        obs = self._observe(self.physics.dof_pos, self.physics.dof_vel)
        height = obs[:, 12].copy()
        standing = tolerance(height, lower=_STAND_HEIGHT, upper=np.inf, margin=_STAND_HEIGHT / 2)
        upright = (1.0 + obs[:, 0]) / 2.0
        stand = (3.0 * standing + upright) / 4.0
        speed = self.physics.sensor("torso_subtreelinvel")[:, 0].copy()
        reward, terms = stand, {"stand": stand, "height": standing, "upright": upright}
        if self.target_speed > 0.0:
            move = tolerance(
                speed,
                lower=self.target_speed,
                upper=np.inf,
                margin=self.target_speed / 2,
                sigmoid="linear",
                value_at_margin=0.5,
            )
            reward = stand * (5.0 * move + 1.0) / 6.0
            terms["move"] = move
        return Outcome(
            obs,
            reward.astype(np.float32),
            np.zeros(self.num_envs, np.bool_),
            reward_terms=terms,
            metrics={"horizontal_speed": speed, "torso_height": height},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        """Every leg joint uniformly within its limits, the torso at any pitch, at rest, as the suite does."""
        dof_pos = np.zeros((len(rows), len(self.physics.joints)), np.float32)
        dof_pos[:, self._pitch] = self.rng.uniform(-np.pi, np.pi, len(rows))
        lower, upper = self._leg_range[:, 0], self._leg_range[:, 1]
        dof_pos[:, self._legs] = self.rng.uniform(lower, upper, (len(rows), len(self._legs)))
        dof_vel = np.zeros_like(dof_pos)
        self.place(rows, dof_pos, dof_vel)
        return self._observe(dof_pos, dof_vel)


class Stander(PlanarWalker):
    target_speed = 0.0


class Walker(PlanarWalker):
    target_speed = 1.0


class Runner(PlanarWalker):
    target_speed = 5.0
