"""Smooth rewards in [0, 1]: the tolerance functions of the DeepMind Control Suite (Tassa et al. 2018, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Sigmoid = Literal["gaussian", "hyperbolic", "long_tail", "tanh_squared", "cosine", "linear", "quadratic"]

_Shape = Callable[[NDArray[np.floating], float], NDArray[np.floating]]


def tolerance(
    x: ArrayLike,
    *,
    lower: float = 0.0,
    upper: float = 0.0,
    margin: float = 0.0,
    sigmoid: Sigmoid = "gaussian",
    value_at_margin: float = 0.1,
) -> NDArray[np.floating]:
    """1 where `lower` ≤ x ≤ `upper`, falling to `value_at_margin` at a distance of `margin` outside, elementwise.

    With `margin` 0 it is 0 outside. The result has the shape of `x`, and its dtype where that is a float.
    Raises `ValueError` for bounds in the wrong order, a negative margin, an unknown sigmoid, or a `value_at_margin`
    outside (0, 1); "cosine", "linear" and "quadratic" reach 0 and take 0 as well.
    """
    if not lower <= upper:
        raise ValueError(f"lower={lower} must not be above upper={upper}")
    if not margin >= 0.0:
        raise ValueError(f"margin={margin} must not be negative")
    if sigmoid not in _SIGMOIDS:
        raise ValueError(f"sigmoid={sigmoid!r} must be one of {', '.join(_SIGMOIDS)}")
    if not (0.0 < value_at_margin < 1.0 or (value_at_margin == 0.0 and sigmoid in _REACHING_ZERO)):
        raise ValueError(f"value_at_margin={value_at_margin} must lie between 0 and 1 for {sigmoid}")
    values = np.asarray(x)
    dtype = values.dtype if np.issubdtype(values.dtype, np.floating) else np.dtype(np.float64)
    values = values.astype(np.float64)
    outside = np.maximum(np.maximum(lower - values, values - upper), 0.0)
    if margin == 0.0:
        return np.where(np.isnan(outside), np.nan, outside == 0.0).astype(dtype)
    # Far outside, every one of these runs into 0 by way of an infinity.
    with np.errstate(over="ignore"):
        return _SIGMOIDS[sigmoid](outside / margin, value_at_margin).astype(dtype)


def _gaussian(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return np.exp(distance**2 * np.log(value))


def _hyperbolic(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return 1.0 / np.cosh(distance * np.arccosh(1.0 / value))


def _long_tail(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return 1.0 / (distance**2 * (1.0 / value - 1.0) + 1.0)


def _tanh_squared(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return 1.0 - np.tanh(distance * np.arctanh(np.sqrt(1.0 - value))) ** 2


def _cosine(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    phase = np.minimum(distance * np.arccos(2.0 * value - 1.0), np.pi)
    return (1.0 + np.cos(phase)) / 2.0


def _linear(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return np.maximum(1.0 - distance * (1.0 - value), 0.0)


def _quadratic(distance: NDArray[np.floating], value: float) -> NDArray[np.floating]:
    return np.maximum(1.0 - distance**2 * (1.0 - value), 0.0)


_SIGMOIDS: dict[str, _Shape] = {
    "gaussian": _gaussian,
    "hyperbolic": _hyperbolic,
    "long_tail": _long_tail,
    "tanh_squared": _tanh_squared,
    "cosine": _cosine,
    "linear": _linear,
    "quadratic": _quadratic,
}
_REACHING_ZERO = frozenset({"cosine", "linear", "quadratic"})
