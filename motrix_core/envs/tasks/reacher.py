"""The two-link reacher of the DeepMind Control Suite (Tassa et al. 2018), its easy task."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.reward import tolerance
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec

_JOINTS = ("shoulder", "wrist", "target_x", "target_y")
_LINK = 0.12  # m, shoulder to wrist, and wrist to finger
_TOUCH_DISTANCE = 0.05 + 0.01  # m, the radii of target and finger
_TARGET_RADII = (0.05, 0.20)  # m from the shoulder


class Reacher(SimEnv):
    """Bring the finger of a two-link arm to a target and keep it there.

    obs, 10 numbers:
    0-1    cos and sin of the shoulder's angle
    2-3    cos and sin of the wrist's angle
    4-5    velocities of shoulder and wrist, rad/s
    6-7    target, x and y from the shoulder, m
    8-9    from finger to target, x and y, m

    action: shoulder, wrist, in ±1 of the motors' torque of 0.05 N m.

    Reward of the suite: 1 where finger and target touch, that is, within 6 cm, else 0. Episodes begin with the
    shoulder at any angle, the wrist anywhere within its limits, at rest, and the target at a distance of 5 to 20 cm
    from the shoulder, uniform in distance and direction. They end by time only.
    """

    model = "reacher.xml"

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
        if self.physics.joints != _JOINTS:
            raise ValueError(f"{self.model} must have the joints {', '.join(_JOINTS)}, in this order")
        self._wrist_range = self.physics.joint_range("wrist")[0]

    def update_state(self) -> Outcome:
        obs = _observe(self.physics.dof_pos, self.physics.dof_vel)
        distance = np.hypot(obs[:, 8], obs[:, 9])
        touch = tolerance(distance, upper=_TOUCH_DISTANCE)
        return Outcome(
            obs,
            touch.copy(),
            np.zeros(self.num_envs, np.bool_),
            reward_terms={"touch": touch},
            metrics={"target_distance": distance},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        count = len(rows)
        dof_pos = np.empty((count, len(_JOINTS)), np.float32)
        dof_pos[:, 0] = self.rng.uniform(-np.pi, np.pi, count)
        dof_pos[:, 1] = self.rng.uniform(self._wrist_range[0], self._wrist_range[1], count)
        direction = self.rng.uniform(-np.pi, np.pi, count)
        radius = self.rng.uniform(*_TARGET_RADII, count)
        dof_pos[:, 2] = radius * np.cos(direction)
        dof_pos[:, 3] = radius * np.sin(direction)
        dof_vel = np.zeros_like(dof_pos)
        self.place(rows, dof_pos, dof_vel)
        return _observe(dof_pos, dof_vel)


def _observe(dof_pos: FloatArray, dof_vel: FloatArray) -> FloatArray:
    """obs of the given joint states, (rows, 4) each."""
    shoulder, wrist = dof_pos[:, 0], dof_pos[:, 1]
    direction = shoulder + wrist
    obs = np.empty((len(dof_pos), 10), np.float32)
    np.cos(shoulder, out=obs[:, 0])
    np.sin(shoulder, out=obs[:, 1])
    np.cos(wrist, out=obs[:, 2])
    np.sin(wrist, out=obs[:, 3])
    obs[:, 4:6] = dof_vel[:, :2]
    obs[:, 6:8] = dof_pos[:, 2:]
    obs[:, 8] = obs[:, 6] - _LINK * (obs[:, 0] + np.cos(direction))
    obs[:, 9] = obs[:, 7] - _LINK * (obs[:, 1] + np.sin(direction))
    return obs
