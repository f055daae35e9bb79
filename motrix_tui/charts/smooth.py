"""Exponential smoothing that starts without bias and takes points as they arrive."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK = 32
_ROUNDING = math.log(1e-17)


@lru_cache(maxsize=16)
def _kernels(weight: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The recurrence over one block as a matrix, and the share of the state before the block in each of its points."""
    lag = np.arange(_BLOCK)[:, None] - np.arange(_BLOCK)[None, :]
    matrix = np.where(lag >= 0, (1 - weight) * weight ** np.maximum(lag, 0), 0.0)
    return matrix, weight ** np.arange(1, _BLOCK + 1, dtype=np.float64)


class Smoother:
    """m_t = w·m_{t-1} + (1 − w)·y_t, shown as m_t / (1 − w^t).

    The division is the bias correction of Adam (Kingma and Ba, 2015, section 3): without it the first points would be
    drawn towards zero. `weight` is w in [0, 1); 0 returns the input. Points that are not finite stay gaps and do not
    change the state.

    Raises:
        ValueError: `weight` is outside [0, 1).
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight < 1:
            raise ValueError(f"smoothing weight={weight} must be at least 0 and less than 1")
        self.weight = weight
        self._state = 0.0
        self._count = 0

    def extend(self, values: ArrayLike) -> NDArray[np.float64]:
        """The smoothed continuation for the next `values`, same length, float64."""
        raw = np.asarray(values, dtype=np.float64)
        finite = np.isfinite(raw)
        if finite.all():
            return self._extend_finite(raw)
        result = np.full(raw.shape, np.nan)
        result[finite] = self._extend_finite(raw[finite])
        return result

    def push(self, value: float) -> float:
        """The smoothed continuation for one next `value`."""
        if not math.isfinite(value) or self.weight == 0:
            return value if math.isfinite(value) else math.nan
        self._state = self.weight * self._state + (1 - self.weight) * value
        self._count += 1
        return self._state / -math.expm1(self._count * math.log(self.weight))

    def _extend_finite(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.weight == 0 or not len(values):
            return values
        matrix, decay = _kernels(self.weight)
        count = len(values)
        blocks = np.zeros((-(-count // _BLOCK), _BLOCK))
        blocks.ravel()[:count] = values
        averages = blocks @ matrix.T
        # What one block passes on to the next is one number: only that goes step by step.
        before, states = self._state, []
        for last in averages[:, -1].tolist():
            states.append(before)
            before = last + decay[-1] * before
        averages += np.outer(states, decay)
        smoothed = averages.ravel()[:count]
        self._state = float(smoothed[-1])
        # Once w^t is lost in rounding the correction is a division by one.
        corrected = min(count, max(0, math.ceil(_ROUNDING / math.log(self.weight)) - self._count))
        powers = np.arange(self._count + 1, self._count + corrected + 1, dtype=np.float64)
        smoothed[:corrected] /= -np.expm1(powers * math.log(self.weight))
        self._count += count
        return smoothed
