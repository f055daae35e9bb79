"""What an environment without a simulator looks like: lines that it draws itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Sketch(NamedTuple):
    """Lines in a plane, x to the right and y upwards, in any one unit of length.

    Attributes:
        lines: each a line through points, (rows, points, 2), for all the rows that were asked for.
        bounds: left, right, bottom and top of what is shown; the same at every moment.
    """

    lines: tuple[NDArray[np.floating], ...]
    bounds: tuple[float, float, float, float]


def circle(centres: NDArray[np.floating], radius: float, points: int = 16) -> NDArray[np.floating]:
    """A circle around each of `centres`, (rows, 2), as a closed line, (rows, points + 1, 2)."""
    angles = np.linspace(0.0, 2.0 * np.pi, points + 1)
    return centres[:, None, :] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
