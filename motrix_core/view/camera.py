"""Where the onlooker stands: what part of the world is shown, and how large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.following import Follower
from motrix_core.view.canvas import DOTS_X, DOTS_Y

FloatArray = NDArray[np.floating]
Side = Literal["side", "top"]

AXES: dict[Side, FloatArray] = {
    "side": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "top": np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
}
"""The world's directions that are to the right and upwards in the picture."""

_MARGIN = 1.1


@dataclass(frozen=True)
class Frame:
    """Metres to dots of pictures of `width` × `height` characters, `scale` dots/m: `centre`, (pictures, 2) m, is in the
    middle of each."""

    centre: FloatArray
    scale: float
    width: int
    height: int

    @property
    def half_m(self) -> tuple[float, float]:
        """How far it is to be seen from the centre, to the sides and up and down."""
        return self.width * DOTS_X / 2 / self.scale, self.height * DOTS_Y / 2 / self.scale

    def dots(self, points: FloatArray) -> FloatArray:
        """Points in metres, (pictures, ..., 2), as dots."""
        middle = np.array([self.width * DOTS_X - 1, self.height * DOTS_Y - 1]) / 2
        centre = self.centre.reshape(-1, *[1] * (points.ndim - 2), 2)
        return middle + (points - centre) * np.array([self.scale, -self.scale])


class Camera:
    """Follows one body of each world in a window of its size, and keeps all within `reach` metres of it in sight."""

    def __init__(self) -> None:
        self._follower = Follower()

    def frame(self, focus: FloatArray, reach: float, width: int, height: int) -> Frame:
        """What to show of bodies at `focus`, (worlds, 2) m, on `width` × `height` characters."""
        scale = min(width * DOTS_X, height * DOTS_Y) / (2.0 * max(reach, 1e-3) * _MARGIN)
        return Frame(self._follower.centre(focus, reach), scale, width, height)


def fixed_frame(bounds: tuple[float, float, float, float], width: int, height: int) -> Frame:
    """The frame that shows all between left, right, bottom and top."""
    left, right, bottom, top = bounds
    across, upright = max(right - left, 1e-9), max(top - bottom, 1e-9)
    scale = min((width * DOTS_X - 1) / across, (height * DOTS_Y - 1) / upright)
    return Frame(np.array([[(left + right) / 2, (bottom + top) / 2]]), scale, width, height)


def round_step(length: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is at most `length`."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step for step in (1.0, 2.0, 5.0) if step * power <= length * 1.0000001) * power
