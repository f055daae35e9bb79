"""Gymnasium's spaces as the flat arrays that PPO here takes: (num_envs, size) float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray
from motrix_core.errors import EnvironmentFailed

_TAKEN = "Box, Discrete, MultiDiscrete and MultiBinary, and Dict and Tuple of these"


class Observations:
    """How observations of `space` become rows of numbers.

    Boxes are laid out as they are; Discrete and MultiDiscrete become one number per choice, 1 for the one taken; the
    parts of a Dict, by key, and of a Tuple follow each other, as in `gymnasium.spaces.flatten`.

    `size` is how many numbers an observation has. Raises `EnvironmentFailed` for a space that PPO here cannot use.
    """

    def __init__(self, space: Any, name: str) -> None:
        self.size, self._flatten = _flattener(space, name)

    def batch(self, observations: Any) -> FloatArray:
        """Observations of all environments, as a vector environment gives them, in new memory: (num_envs, size)."""
        return self._flatten(observations)

    def row(self, observation: Any) -> FloatArray:
        """A single environment's observation: (size,)."""
        return self._flatten(_with_axis(observation))[0]


class Actions:
    """How rows of numbers become actions of `space`.

    Attributes:
        size: numbers that an action has.
        low, high: the lowest and highest of them; bounds that differ between the numbers are kept by `to_env`.
        choices: how many choices a Discrete space has, or None for a Box.

    Raises `EnvironmentFailed` for another space.
    """

    def __init__(self, space: Any, name: str) -> None:
        from gymnasium.spaces import Box, Discrete

        self._space = space
        self.choices: int | None = None
        if isinstance(space, Discrete):
            self.size, self.low, self.choices = 1, 0.0, int(space.n)
            self.high = float(space.n - 1)
        elif isinstance(space, Box) and space.shape and np.prod(space.shape):
            self.size = int(np.prod(space.shape))
            self.low, self.high = float(space.low.min()), float(space.high.max())
        else:
            raise EnvironmentFailed(
                f"{name} has the action space {space}, but PPO here takes Box and Discrete",
                mend="wrap the environment so that its actions are one Box or one Discrete, and register that",
            )

    def to_env(self, actions: FloatArray) -> NDArray:
        """`actions`, (num_envs, size) float32, in the space's own shape and type, within its bounds."""
        if self.choices is not None:
            return actions[:, 0].astype(np.int64) + int(self._space.start)
        shaped = actions.reshape(len(actions), *self._space.shape)
        shaped = np.clip(shaped, self._space.low, self._space.high)
        whole = np.issubdtype(self._space.dtype, np.integer)
        return (np.rint(shaped) if whole else shaped).astype(self._space.dtype)


_Flatten = Callable[[Any], FloatArray]


def _flattener(space: Any, name: str) -> tuple[int, _Flatten]:
    from gymnasium import spaces

    if isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) > 1:
        raise EnvironmentFailed(
            f"{name} has images of {space.shape} as observations, but the networks here take plain numbers",
            mend="choose the environment's variant without images, or register one with a wrapper that encodes them",
        )
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return int(np.prod(space.shape)), _flat
    if isinstance(space, spaces.Discrete):
        return int(space.n), _choices(np.array([space.n]), np.array([space.start]))
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum()), _choices(space.nvec.reshape(-1), space.start.reshape(-1))
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        flatteners = [(key, *_flattener(part, name)) for key, part in parts]
        if flatteners:
            return sum(size for _, size, _ in flatteners), _joined([(key, part) for key, _, part in flatteners])
    raise EnvironmentFailed(
        f"{name} has the observation space {space}, but PPO here takes {_TAKEN}",
        mend="wrap the environment so that it has such a space, and register that",
    )


def _flat(values: Any) -> FloatArray:
    array = np.array(values, np.float32)
    return array.reshape(len(array), -1)


def _choices(numbers: NDArray, starts: NDArray) -> _Flatten:
    offsets = np.concatenate([[0], np.cumsum(numbers)[:-1]]) - starts
    total = int(numbers.sum())

    def flatten(values: Any) -> FloatArray:
        chosen = np.asarray(values)
        flat = np.zeros((len(chosen), total), np.float32)
        np.put_along_axis(flat, chosen.reshape(len(chosen), -1).astype(np.int64) + offsets, 1.0, axis=1)
        return flat

    return flatten


def _joined(parts: list[tuple[Any, _Flatten]]) -> _Flatten:
    return lambda values: np.concatenate([flatten(values[key]) for key, flatten in parts], axis=1)


def _with_axis(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_axis(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_with_axis(part) for part in value)
    return np.asarray(value)[None]
