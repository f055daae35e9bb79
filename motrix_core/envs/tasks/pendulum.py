"""Swing a pendulum up and hold it there. Plain NumPy, so it runs where no simulator is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.sketch import Sketch, circle
from motrix_core.envs.spec import EnvSpec
from motrix_core.sim.base import check_state

_GRAVITY = 10.0  # m/s²
_MASS = 1.0  # kg
_LENGTH = 1.0  # m
_MAX_SPEED = 8.0  # rad/s


class Pendulum(NpEnv):
    """obs: cos and sin of the angle from upright, angular velocity rad/s. action: torque N m, in ±2.

    The dynamics of the classic Pendulum task: a uniform rod hinged at one end, so
    θ̈ = 3g/(2l) sin θ + 3/(m l²) τ, by semi-implicit Euler in double precision, speed cut at ±8 rad/s.
    Reward −(θ² + 0.1 θ̇² + 0.001 τ²) with θ in [−π, π), taken before the step. Never terminates.
    """

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str = "none",
        episode_s: float | None = None,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self._angle = np.zeros(num_envs)
        self._speed = np.zeros(num_envs)
        self._torque = np.zeros(num_envs)
        self._cost_terms = np.zeros((3, num_envs))

    def apply_action(self, actions: FloatArray) -> None:
        self._torque = actions[:, 0].astype(np.float64)

    def physics_step(self) -> None:
        angle, speed, torque = self._angle, self._speed, self._torque
        self._cost_terms[0] = _wrapped(angle) ** 2
        self._cost_terms[1] = 0.1 * speed**2
        self._cost_terms[2] = 0.001 * torque**2
        gravity = 3.0 * _GRAVITY / (2.0 * _LENGTH) * np.sin(angle)
        acceleration = gravity + 3.0 / (_MASS * _LENGTH**2) * torque
        self._speed = np.clip(speed + acceleration * self.cfg.sim_dt, -_MAX_SPEED, _MAX_SPEED)
        self._angle = angle + self._speed * self.cfg.sim_dt

    def _observe(self, rows: NDArray[np.intp] | slice) -> FloatArray:
        angle = self._angle[rows]
        return np.stack([np.cos(angle), np.sin(angle), self._speed[rows]], axis=1).astype(np.float32)

    def update_state(self) -> Outcome:
        angle_term, speed_term, torque_term = -self._cost_terms.astype(np.float32)
        return Outcome(
            self._observe(slice(None)),
            angle_term + speed_term + torque_term,
            np.zeros(self.num_envs, np.bool_),
            reward_terms={"angle": angle_term, "speed": speed_term, "torque": torque_term},
            metrics={"upright": np.cos(self._angle).astype(np.float32)},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        self._angle[rows] = self.rng.uniform(-np.pi, np.pi, len(rows))
        self._speed[rows] = self.rng.uniform(-1.0, 1.0, len(rows))
        return self._observe(rows)

    def sketch(self, rows: Sequence[int]) -> Sketch:
        angle = self._angle[list(rows)]
        hinges = np.zeros((len(angle), 2))
        ends = _LENGTH * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        rod = np.stack([hinges, ends], axis=1)
        return Sketch((rod, circle(hinges, 0.05 * _LENGTH), circle(ends, 0.1 * _LENGTH)), (-1.2, 1.2, -1.2, 1.2))

    def get_task_state(self) -> dict[str, NDArray]:
        return {"angle": self._angle.copy(), "speed": self._speed.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        check_state(state, {"angle": (self.num_envs,), "speed": (self.num_envs,)}, "pendulum")
        self._angle[:] = state["angle"]
        self._speed[:] = state["speed"]


def _wrapped(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return (angle + np.pi) % (2.0 * np.pi) - np.pi
