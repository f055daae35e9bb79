"""The planar one-legged hopper of the DeepMind Control Suite (Tassa et al. 2018): stand, hop.

The suite pays for standing alone, from 0.6 m on, which says nothing to a hopper that lies on the floor and has never
stood: PPO then keeps one of the poor ways to rise that it happens upon. So what is missing is paid too, less and less
over a margin of 0.3 m below, as the suite does for its walker and MotrixLab for its hopper. `stand_margin` 0 is the
suite's own reward.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.options import number_problems
from motrix_core.envs.reward import tolerance
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import Problem
from motrix_core.sim.base import joint_columns

_JOINTS = ("waist", "hip", "knee", "ankle")
_STAND_HEIGHT = (0.6, 2.0)  # m, torso above foot
_HOP_SPEED = 2.0  # m/s

# Lengths in the model, m: from each joint to the next one down the leg, and the bodies' centres of mass.
_LINKS = np.array([0.05, 0.2, 0.33, 0.32], np.float32)
_TORSO_CENTRE = np.array([0.0074555206, 0.078889837], np.float32)  # x and z
_FOOT_CENTRE_X = np.float32(0.045)


class PlanarHopper(SimEnv):
    """A torso on one leg, in the suite's observations and start poses; tasks add the reward.

    obs, 15 numbers, the suite's:
    0      height of the torso above its height in the model file, m
    1      pitch of the torso, rad
    2-5    waist, hip, knee, ankle, rad
    6-12   velocities: torso forward and up m/s, torso pitch and the four joints rad/s
    13-14  log(1 + force in N) of toe and heel on the floor, as measured at the beginning of the last substep; 0 in an
           episode's first observation

    action: waist, hip, knee, ankle, in ±1 of the motors' torque of 30, 40, 30 and 10 N m.

    Episodes begin with the joints anywhere within their limits and the torso at any pitch, at rest, 1 m above the
    floor, and end by time only. Heights are those of the torso's centre of mass above the foot's.

    The term `stand` is 1 where the torso is 0.6 m to 2 m above the foot; outside it falls like a bell, to 0.1 at
    `stand_margin` m and to 0 at once without a margin. `metrics["standing"]` is 1 where it stands, else 0.
    """

    model = "hopper.xml"
    sensors = ("torso_subtreelinvel", "toe_touch", "heel_touch")

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
        stand_margin: float = 0.3,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self._stand_margin = float(stand_margin)
        self._joints = joint_columns(self.physics, *_JOINTS)
        self._pitch = int(joint_columns(self.physics, "rooty")[0])
        self._joint_range = self.physics.joint_range(*_JOINTS)

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        rule = "must be a number of m, 0 or more"
        return super().option_problems(spec, options) + number_problems(options, "stand_margin", rule, example=0.3)

    def _observe(self) -> FloatArray:
        obs = np.empty((self.num_envs, self.spec.obs_dim), np.float32)
        obs[:, :6] = self.physics.dof_pos[:, 1:]
        obs[:, 6:13] = self.physics.dof_vel
        obs[:, 13:14] = np.log1p(self.physics.sensor("toe_touch"))
        obs[:, 14:15] = np.log1p(self.physics.sensor("heel_touch"))
        return obs

    @abstractmethod
    def _reward(self, stand: FloatArray, speed: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The task's reward and its further terms, (num_envs,) each."""

    def update_state(self) -> Outcome:
        obs = self._observe()
        height = torso_above_foot(obs[:, 1], obs[:, 2:6])
        low, high = _STAND_HEIGHT
        stand = tolerance(height, lower=low, upper=high, margin=self._stand_margin)
        speed = self.physics.sensor("torso_subtreelinvel")[:, 0].copy()
        reward, terms = self._reward(stand, speed)
        return Outcome(
            obs,
            reward,
            np.zeros(self.num_envs, np.bool_),
            reward_terms={"stand": stand, **terms},
            metrics={
                "horizontal_speed": speed,
                "torso_height": height,
                "standing": ((height >= low) & (height <= high)).astype(np.float32),
            },
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        dof_pos = np.zeros((len(rows), len(self.physics.joints)), np.float32)
        dof_pos[:, self._pitch] = self.rng.uniform(-np.pi, np.pi, len(rows))
        lower, upper = self._joint_range.T
        dof_pos[:, self._joints] = self.rng.uniform(lower, upper, (len(rows), len(self._joints)))
        self.place(rows, dof_pos, np.zeros_like(dof_pos))
        obs = np.zeros((len(rows), self.spec.obs_dim), np.float32)
        obs[:, :6] = dof_pos[:, 1:]
        return obs


class HopperStand(PlanarHopper):
    """Stand still. Reward: stand·(mean over the motors of (1 − u²) + 4)/5, where u are the actions."""

    def _reward(self, stand: FloatArray, speed: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        per_motor = tolerance(self._ctrl, margin=1.0, sigmoid="quadratic", value_at_margin=0.0)
        small_control = (per_motor.mean(axis=1) + 4.0) / 5.0
        return (stand * small_control).astype(np.float32), {"small_control": small_control}


class HopperHop(PlanarHopper):
    """Hop forward. Reward: stand·tolerance(speed ≥ 2 m/s, margin 1, linear, 0.5 at the margin).

    The forward speed is the centre of mass's, at the beginning of the last substep.
    """

    def _reward(self, stand: FloatArray, speed: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        hop = tolerance(
            speed, lower=_HOP_SPEED, upper=np.inf, margin=_HOP_SPEED / 2, sigmoid="linear", value_at_margin=0.5
        )
        return (stand * hop).astype(np.float32), {"hop": hop}


def torso_above_foot(pitch: FloatArray, joints: FloatArray) -> FloatArray:
    """Height of the torso's centre of mass above the foot's, (rows,) m.

    `pitch` (rows,) and `joints` (rows, 4), waist to ankle, in rad. All joints turn about +y, so the pitch of a body is
    the sum of all angles above it.
    """
    pitches = pitch[:, None] + np.concatenate([np.zeros_like(pitch)[:, None], np.cumsum(joints, axis=1)], axis=1)
    cosines = np.cos(pitches[:, :4])
    centre_x, centre_z = _TORSO_CENTRE
    torso = centre_z * cosines[:, 0] - centre_x * np.sin(pitch)
    foot = -(cosines @ _LINKS) - _FOOT_CENTRE_X * np.sin(pitches[:, 4])
    return torso - foot
