"""What there is to draw of a model, and where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

GeomShape = Literal["plane", "hfield", "sphere", "capsule", "ellipsoid", "cylinder", "box", "mesh", "other"]


@dataclass(frozen=True, eq=False)
class HeightField:
    """Uneven ground around its geom's centre. `heights` are m above it, (rows, columns), from -y to +y and from -x to
    +x; the whole is twice `half_size` m, along x and y."""

    heights: NDArray[np.float32]
    half_size: tuple[float, float]


@dataclass(frozen=True)
class Geom:
    """A shape of a body, in MJCF's sizes, m: a capsule's radius and half length, a box's half lengths and so on.

    `moves` is False for a shape of the world itself. `ground` is what an "hfield" consists of.
    """

    name: str
    shape: GeomShape
    size: tuple[float, float, float]
    moves: bool = True
    ground: HeightField | None = field(default=None, compare=False, repr=False)


class GeomPoses(NamedTuple):
    """Where geoms are in the world: centres in m, (worlds, geoms, 3), unit quaternions w x y z, (worlds, geoms, 4)."""

    positions: NDArray[np.float32]
    quaternions: NDArray[np.float32]


class Bodies(Protocol):
    """What can be drawn: a `BatchSim`, or the worlds of an environment that brings its own."""

    @property
    def geoms(self) -> tuple[Geom, ...]:
        """The shapes of the model."""
        ...

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        """Where the geoms of the worlds `rows` are, in the order of `geoms`."""
        ...
