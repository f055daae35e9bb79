"""Balance a pole on a cart that a motor pushes along a rail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec

_MAX_ANGLE_RAD = 0.2
_MAX_DISTANCE_M = 0.8
# Positions and velocities of a new episode are drawn uniformly from ± this, in m, rad, m/s and rad/s, as in the
# classic cart-pole of Barto et al. (1983) as Gym has it.
_START_NOISE = 0.05


class Cartpole(SimEnv):
    """obs: cart position m, pole angle rad, cart velocity m/s, pole velocity rad/s. action: force / 10 N, in ±3.

    Reward 1 for every step. Ends when the pole leans by more than 0.2 rad or the cart is beyond ±0.8 m.
    """

    model = "cartpole.xml"

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
        if self.physics.joints != ("slider", "hinge"):
            raise ValueError(f"{self.model} must have the joints slider and hinge, in this order")

    def _observe(self) -> FloatArray:
        return np.concatenate([self.physics.dof_pos, self.physics.dof_vel], axis=1)

    def update_state(self) -> Outcome:
        obs = self._observe()
        angle = np.abs(obs[:, 1])
        distance = np.abs(obs[:, 0])
        terminated = (angle > _MAX_ANGLE_RAD) | (distance > _MAX_DISTANCE_M)
        reward = np.ones(self.num_envs, np.float32)
        return Outcome(
            obs,
            reward,
            terminated,
            reward_terms={"alive": reward.copy()},
            metrics={"pole_angle": angle, "cart_distance": distance},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        start = self.rng.uniform(-_START_NOISE, _START_NOISE, (len(rows), 4)).astype(np.float32)
        self.place(rows, start[:, :2], start[:, 2:])
        return start
