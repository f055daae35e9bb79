"""Drive a car out of a valley with a motor too weak to climb. Plain NumPy, so it runs where no simulator is installed.

The task is Moore's (1990, "Efficient Memory-based Learning for Robot Control", chapter 4), in the form of Sutton and
Barto (2018, "Reinforcement Learning", example 10.1), from where equations, limits, start and goal are. Gymnasium's
`MountainCar-v0` is the same task; the limit of 200 steps and the bound of the position beyond the goal are as there.

The classic's reward, -1 a step, says nothing before the first success, and a random policy has practically none in 200
steps. So a second term rewards what brings the car out, mechanical energy: `energy_weight` times the change of
Φ = (E - E at rest in the valley) / (E at rest on the goal - the same). It is a difference of a potential, so over an
episode it adds only Φ at the end less Φ at the start, whatever happened between (Ng, Harada and Russell, 1999, "Policy
Invariance under Reward Transformations", with a discount of 1), and cannot be collected by going to and fro. Under the
learner's discount below 1 this holds nearly. With `energy_weight` 0 the reward is the classic's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv, Outcome
from motrix_core.envs.options import number_problems
from motrix_core.envs.sketch import Sketch, circle
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import Problem
from motrix_core.sim.base import check_state

# Lengths in the units of Sutton and Barto's x, times in steps.
_FORCE, _GRAVITY, _SLOPE = 0.001, 0.0025, 3.0
_MAX_SPEED = 0.07
_LEFT, _RIGHT, _GOAL = -1.2, 0.6, 0.5
_START = (-0.6, -0.4)

_VALLEY = -_GRAVITY / _SLOPE
_CLIMB = _GRAVITY / _SLOPE * math.sin(_SLOPE * _GOAL) - _VALLEY
"""Energy per mass that a car at rest in the valley lacks to stand on the goal."""


class MountainCar(NpEnv):
    """obs: position and velocity, in Sutton and Barto's units. action: 0, 1 or 2, push to the left, not, to the right.

    Reward: `time`, -1 for every step, and `energy`, `energy_weight` times the change of Φ; see the module. Ends beyond
    0.5, on the right hill. At the left end the car stops.
    """

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str = "none",
        episode_s: float | None = None,
        energy_weight: float = 100.0,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self._energy_weight = energy_weight
        self._position = np.zeros(num_envs)
        self._speed = np.zeros(num_envs)
        self._push = np.zeros(num_envs)
        self._before = np.zeros(num_envs)

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        rule = "must be a number, 0 or more"
        return super().option_problems(spec, options) + number_problems(options, "energy_weight", rule, example=100)

    def apply_action(self, actions: FloatArray) -> None:
        self._push = actions[:, 0].astype(np.float64) - 1.0
        self._before = _potential(self._position, self._speed)

    def physics_step(self) -> None:
        pull = _FORCE * self._push - _GRAVITY * np.cos(_SLOPE * self._position)
        speed = np.clip(self._speed + pull, -_MAX_SPEED, _MAX_SPEED)
        self._position = np.clip(self._position + speed, _LEFT, _RIGHT)
        self._speed = np.where((self._position <= _LEFT) & (speed < 0.0), 0.0, speed)

    def _observe(self, rows: NDArray[np.intp] | slice) -> FloatArray:
        return np.stack([self._position[rows], self._speed[rows]], axis=1).astype(np.float32)

    def update_state(self) -> Outcome:
        potential = _potential(self._position, self._speed)
        energy = (self._energy_weight * (potential - self._before)).astype(np.float32)
        time = np.full(self.num_envs, -1.0, np.float32)
        return Outcome(
            self._observe(slice(None)),
            time + energy,
            self._position >= _GOAL,
            reward_terms={"time": time, "energy": energy},
            metrics={
                "energy": potential.astype(np.float32),
                "position": self._position.astype(np.float32),
            },
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        self._position[rows] = self.rng.uniform(*_START, len(rows))
        self._speed[rows] = 0.0
        return self._observe(rows)

    def sketch(self, rows: Sequence[int]) -> Sketch:
        place = self._position[list(rows)]
        x = np.linspace(_LEFT, _RIGHT, 60)
        hill = np.tile(np.stack([x, _height(x)], axis=1), (len(place), 1, 1))
        foot = float(_height(np.array(_GOAL)))
        goal = np.tile(np.array([(_GOAL, foot), (_GOAL, foot + 0.15)]), (len(place), 1, 1))
        car = circle(np.stack([place, _height(place) + 0.05], axis=1), 0.05)
        return Sketch((hill, goal, car), (_LEFT, _RIGHT, -0.4, 0.65))

    def get_task_state(self) -> dict[str, NDArray]:
        return {"position": self._position.copy(), "speed": self._speed.copy()}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        check_state(state, {"position": (self.num_envs,), "speed": (self.num_envs,)}, "mountain-car")
        self._position[:] = state["position"]
        self._speed[:] = state["speed"]


def _potential(position: NDArray[np.float64], speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Φ: 0 at rest in the valley, 1 at rest on the goal."""
    energy = 0.5 * speed**2 + _GRAVITY / _SLOPE * np.sin(_SLOPE * position)
    return (energy - _VALLEY) / _CLIMB


def _height(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The hill's height, whose slope the pull follows: a third of sin 3x, in the unit of x."""
    return np.asarray(np.sin(_SLOPE * x) / _SLOPE)
