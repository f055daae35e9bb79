"""my-env: bring a cart on a rail to a target and keep it there.

Written by `motrix envs new`; it trains as it is:

    motrix envs check my-env --env-module my_env.py
    motrix view --env my-env --env-module my_env.py
    motrix run --env my-env --env-module my_env.py

Change it bit by bit, and let `motrix envs check` look after every change. docs/your-own-environment.md explains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from motrix_core.config import PPOCfg, rlcfg
from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.sketch import Sketch, circle
from motrix_core.envs.spec import EnvSpec

STEP_S = 0.05
RAIL_M = 2.0
FORCE_N = 10.0

# What is known about the environment without making it. The class is found by `entry`.
SPEC = EnvSpec(
    name="my-env",
    title="Cart on a rail",
    description="Bring a cart to a target on a rail and keep it there.",
    obs_dim=3,  # numbers that an observation has
    act_dim=1,  # numbers that an action has, each clipped to the bounds below
    act_low=-1.0,
    act_high=1.0,
    sims=(),  # physics engines; () for physics of your own, as here
    episode_s=5.0,  # after this an episode is truncated: cut, but not failed
    ctrl_dt_s=STEP_S,  # seconds between two actions
    sim_dt_s=STEP_S,  # seconds of a physics step
    success="mean return of 80 of 100: at the target for most of 5 seconds",
    success_return=80.0,  # None if you do not know yet
    entry="MyEnv",
)


# What training begins with; --set ppo.NAME=VALUE changes it for a run. Leave the class out for the defaults.
@rlcfg("my-env")
class MyEnvPPO(PPOCfg):
    num_envs: int = 256
    max_env_steps: int = 1_000_000
    rollouts: int = 32
    mini_batches: int = 8
    learning_epochs: int = 4
    policy_hidden_layer_sizes: tuple[int, ...] = (64, 64)
    value_hidden_layer_sizes: tuple[int, ...] = (64, 64)


class MyEnv(NpEnv):
    """`num_envs` carts that step together: the first axis of every array is the environment.

    obs: position and velocity of the cart, m and m/s, and the way from it to the target, m.
    """

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
        mass_kg: float = 2.0,  # an option: --set env.mass_kg=3
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self.mass_kg = mass_kg
        self.position = np.zeros(num_envs, np.float32)
        self.velocity = np.zeros(num_envs, np.float32)
        self.target = np.zeros(num_envs, np.float32)
        self.action = np.zeros(num_envs, np.float32)

    def apply_action(self, actions: FloatArray) -> None:
        """Take the actions, (num_envs, act_dim), clipped to the bounds."""
        self.action = actions[:, 0].copy()

    def physics_step(self) -> None:
        """Advance by one control step."""
        self.velocity += STEP_S * FORCE_N * self.action / self.mass_kg
        self.position += STEP_S * self.velocity

    def update_state(self) -> Outcome:
        """Observe and score. `terminated` is for episodes that failed or are complete, not for the time limit."""
        distance = np.abs(self.target - self.position)
        terms = {
            "near": np.exp(-4.0 * distance),
            "effort": -0.01 * self.action**2,
        }
        return Outcome(
            obs=self.observations(),
            reward=terms["near"] + terms["effort"],
            terminated=np.abs(self.position) > RAIL_M,
            reward_terms=terms,  # shown as charts of their own
            metrics={"distance_m": distance},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        """Begin new episodes in the environments `rows`. Every random number comes from `self.rng`."""
        self.position[rows] = self.rng.uniform(-1.0, 1.0, len(rows))
        self.target[rows] = self.rng.uniform(-1.0, 1.0, len(rows))
        self.velocity[rows] = 0.0
        return self.observations()[rows]

    def get_task_state(self) -> dict[str, NDArray]:
        """Everything that a resumed run has to continue from."""
        return {"position": self.position.copy(), "velocity": self.velocity.copy(), "target": self.target.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        self.position[:] = state["position"]
        self.velocity[:] = state["velocity"]
        self.target[:] = state["target"]

    def observations(self) -> FloatArray:
        """(num_envs, obs_dim) float32, in new memory: the caller may keep it."""
        return np.stack([self.position, self.velocity, self.target - self.position], axis=1)

    def sketch(self, rows: Sequence[int]) -> Sketch:
        """What `motrix view` and the dashboard draw: lines in a plane, m, each (len(rows), points, 2)."""
        place, x = self.position[list(rows)], self.target[list(rows)]
        rail = np.tile([(-RAIL_M, 0.0), (RAIL_M, 0.0)], (len(rows), 1, 1))
        flag = np.stack([np.stack([x, 0.0 * x], axis=1), np.stack([x, 0.0 * x + 0.5], axis=1)], axis=1)
        cart = circle(np.stack([place, np.full(len(rows), 0.1)], axis=1), 0.1)
        return Sketch((rail, flag, cart), bounds=(-RAIL_M, RAIL_M, -0.1, 0.6))
