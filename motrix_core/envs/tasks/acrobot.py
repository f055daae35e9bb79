"""Swing a two-link pendulum up by a motor at its elbow. Plain NumPy, so it runs where no simulator is installed.

The task is Sutton's (1996, "Generalization in Reinforcement Learning: Successful Examples Using Sparse Coarse
Coding", NIPS 8, section 4), in the form of Sutton and Barto (1998, "Reinforcement Learning", section 11.3), from where
equations, masses, lengths, limits and goal are; the elbow's motor is all that acts (DeJong and Spong, 1994, "Swinging
up the Acrobot"). Gymnasium's `Acrobot-v1` is the same task; episode length, start and observation are as there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.sketch import Sketch, circle
from motrix_core.envs.spec import EnvSpec
from motrix_core.sim.base import check_state

_GRAVITY = 9.8  # m/s²
_MASS = 1.0  # kg, of each link
_LENGTH = 1.0  # m, of the first link; the tip is as far from the elbow
_CENTRE = 0.5  # m, from a link's joint to its centre of mass
_INERTIA = 1.0  # kg m², of each link about its centre of mass
_TORQUES = np.array([-1.0, 0.0, 1.0])  # N m, by action
_MAX_SPEEDS = np.array([[4.0 * np.pi], [9.0 * np.pi]])  # rad/s
_GOAL_HEIGHT = 1.0  # m above the shoulder
_START_NOISE = 0.1  # rad and rad/s

Array = NDArray[np.float64]


class Acrobot(NpEnv):
    """obs: cos and sin of the first link's angle from hanging, cos and sin of the second's from the first, and both
    angular velocities, rad/s. action: 0, 1 or 2, a torque of -1, 0 or 1 N m at the elbow.

    One step of 0.2 s by the classic Runge-Kutta method, in double precision; speeds are cut at ±4π and ±9π rad/s.
    Reward -1 for every step but the one that brings the tip a link's length above the shoulder, which ends the episode.
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
        self._angles = np.zeros((2, num_envs))
        self._speeds = np.zeros((2, num_envs))
        self._torque = np.zeros(num_envs)

    def apply_action(self, actions: FloatArray) -> None:
        self._torque = _TORQUES[actions[:, 0].astype(np.intp)]

    def physics_step(self) -> None:
        angles, speeds = _runge_kutta(self._angles, self._speeds, self._torque, self.cfg.sim_dt)
        self._angles = (angles + np.pi) % (2.0 * np.pi) - np.pi
        self._speeds = np.clip(speeds, -_MAX_SPEEDS, _MAX_SPEEDS)

    def _observe(self, rows: NDArray[np.intp] | slice) -> FloatArray:
        shoulder, elbow = self._angles[:, rows]
        parts = (np.cos(shoulder), np.sin(shoulder), np.cos(elbow), np.sin(elbow), *self._speeds[:, rows])
        return np.stack(parts, axis=1).astype(np.float32)

    def update_state(self) -> Outcome:
        height = -_LENGTH * (np.cos(self._angles[0]) + np.cos(self._angles[0] + self._angles[1]))
        up = height > _GOAL_HEIGHT
        time = np.where(up, 0.0, -1.0).astype(np.float32)
        return Outcome(
            self._observe(slice(None)),
            time.copy(),
            up,
            reward_terms={"time": time},
            metrics={
                "tip_height": height.astype(np.float32),
                "elbow_speed": np.abs(self._speeds[1]).astype(np.float32),
            },
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        start = self.rng.uniform(-_START_NOISE, _START_NOISE, (4, len(rows)))
        self._angles[:, rows], self._speeds[:, rows] = start[:2], start[2:]
        return self._observe(rows)

    def sketch(self, rows: Sequence[int]) -> Sketch:
        first, second = self._angles[:, list(rows)]
        shoulders = np.zeros((len(first), 2))
        elbows = shoulders + _LENGTH * np.stack([np.sin(first), -np.cos(first)], axis=1)
        tips = elbows + _LENGTH * np.stack([np.sin(first + second), -np.cos(first + second)], axis=1)
        links = np.stack([shoulders, elbows, tips], axis=1)
        goal = np.tile([(-2.0, _GOAL_HEIGHT), (2.0, _GOAL_HEIGHT)], (len(first), 1, 1))
        joints = (circle(points, 0.08 * _LENGTH) for points in (shoulders, elbows, tips))
        return Sketch((goal, links, *joints), (-2.1, 2.1, -2.1, 2.1))

    def get_task_state(self) -> dict[str, NDArray]:
        return {"angles": self._angles.copy(), "speeds": self._speeds.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        check_state(state, {"angles": (2, self.num_envs), "speeds": (2, self.num_envs)}, "acrobot")
        self._angles[:] = state["angles"]
        self._speeds[:] = state["speeds"]


def _runge_kutta(angles: Array, speeds: Array, torque: Array, dt: float) -> tuple[Array, Array]:
    """One step of the fourth-order method (Kutta, 1901) under a constant torque, shapes (2, n) and (n,)."""
    first = _acceleration(angles, speeds, torque)
    second_speeds = speeds + 0.5 * dt * first
    second = _acceleration(angles + 0.5 * dt * speeds, second_speeds, torque)
    third_speeds = speeds + 0.5 * dt * second
    third = _acceleration(angles + 0.5 * dt * second_speeds, third_speeds, torque)
    last_speeds = speeds + dt * third
    last = _acceleration(angles + dt * third_speeds, last_speeds, torque)
    return (
        angles + dt / 6.0 * (speeds + 2.0 * second_speeds + 2.0 * third_speeds + last_speeds),
        speeds + dt / 6.0 * (first + 2.0 * second + 2.0 * third + last),
    )


def _acceleration(angles: Array, speeds: Array, torque: Array) -> Array:
    """Angular accelerations, rad/s², shape (2, n), by the equations of Sutton and Barto's figure 11.5.

    In their signs: d1 and d2 are terms of the inertia matrix; phi1 and phi2 are gravity's and the motion's torques.
    """
    shoulder, elbow = angles
    sin_elbow, cos_elbow = np.sin(elbow), np.cos(elbow)
    arm = _MASS * _LENGTH * _CENTRE
    d1 = _MASS * _CENTRE**2 + _MASS * (_LENGTH**2 + _CENTRE**2) + 2.0 * arm * cos_elbow + 2.0 * _INERTIA
    d2 = _MASS * _CENTRE**2 + arm * cos_elbow + _INERTIA
    # Their cos(θ - π/2) is sin θ.
    phi2 = _MASS * _CENTRE * _GRAVITY * np.sin(shoulder + elbow)
    weight = (_MASS * _CENTRE + _MASS * _LENGTH) * _GRAVITY * np.sin(shoulder)
    phi1 = -arm * (speeds[1] + 2.0 * speeds[0]) * speeds[1] * sin_elbow + weight + phi2
    pull = torque + d2 / d1 * phi1 - arm * speeds[0] ** 2 * sin_elbow - phi2
    elbow_acceleration = pull / (_MASS * _CENTRE**2 + _INERTIA - d2**2 / d1)
    return np.stack([-(d2 * elbow_acceleration + phi1) / d1, elbow_acceleration])
