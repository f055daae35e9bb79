"""What there is to draw of a model, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

GeomShape = Literal["plane", "hfield", "sphere", "capsule", "ellipsoid", "cylinder", "box", "mesh", "other"]


@dataclass(frozen=True)
class Geom:
    """A shape of a body, in MJCF's sizes, m: a capsule's radius and half length, a box's half lengths and so on."""

    name: str
    shape: GeomShape
    size: tuple[float, float, float]


class GeomPoses(NamedTuple):
    """Where geoms are in the world: centres in m, (worlds, geoms, 3), unit quaternions w x y z, (worlds, geoms, 4)."""

    positions: NDArray[np.float32]
    quaternions: NDArray[np.float32]
