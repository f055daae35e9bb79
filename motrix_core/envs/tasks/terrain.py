"""Uneven ground as a height field, made from a seed and written into a model that stands on flat ground."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray
from motrix_core.errors import EnvironmentFailed

_SPACING_M = 0.1
_HALF_M = 24.0
# How far down the solid ground reaches below its lowest point.
_THICKNESS_M = 0.5
# Heights are written as one of this many shares of the greatest; formatting each by itself takes half a second.
_ELEVATIONS = 10_000


@dataclass(frozen=True)
class Terrain:
    """Heights in m over the square of ±`half_m` around the origin.

    `heights` is (n, n), rows towards +y and columns towards +x, from -half_m to half_m, `spacing_m` apart.
    """

    heights: FloatArray
    spacing_m: float

    @property
    def half_m(self) -> float:
        return (len(self.heights) - 1) * self.spacing_m / 2

    def height(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """The height at the nearest point of the grid, in the shape of x and y; beyond the edge, that of the edge."""
        return self.heights[self._index(y), self._index(x)]

    def highest(self, x: FloatArray, y: FloatArray, reach_m: float) -> FloatArray:
        """The greatest height in the square of ±`reach_m` around each point."""
        cells = round(reach_m / self.spacing_m)
        reach = np.arange(-cells, cells + 1).astype(np.float32) * np.float32(self.spacing_m)
        around = self.height(x[:, None, None] + reach, y[:, None, None] + reach[:, None])
        return around.max(axis=(1, 2))

    def _index(self, coordinate: FloatArray) -> NDArray[np.intp]:
        with np.errstate(invalid="ignore"):  # a broken world has no place; any will do
            cell = np.nan_to_num((coordinate + np.float32(self.half_m)) * np.float32(1 / self.spacing_m) + 0.5)
            return np.clip(cell, 0, len(self.heights) - 1).astype(np.intp)


def _grid(half_m: float) -> FloatArray:
    return np.linspace(-half_m, half_m, round(2 * half_m / _SPACING_M) + 1, dtype=np.float32)


def rough_terrain(seed: int, *, roughness_m: float = 0.08, half_m: float = _HALF_M) -> Terrain:
    """Bumps half a metre apart and unevenness of 10 cm, together `roughness_m` from the lowest to the highest point."""
    rng = np.random.Generator(np.random.Philox(seed))
    count = len(_grid(half_m))
    knots = np.arange(0, count + 5, 5)
    coarse = rng.random((len(knots), len(knots)))
    cells = np.arange(count)
    along = np.apply_along_axis(lambda row: np.interp(cells, knots, row), 1, coarse)
    bumps = np.apply_along_axis(lambda column: np.interp(cells, knots, column), 0, along)
    heights = 0.75 * bumps + 0.25 * rng.random((count, count))
    heights = (heights - heights.min()) / np.ptp(heights) * roughness_m
    return Terrain(heights.astype(np.float32), _SPACING_M)


@dataclass(frozen=True)
class Stairs:
    """A terrain of square flights of steps, alternately up to a landing and down to one, and the landings' middles."""

    terrain: Terrain
    landings: FloatArray  # (flights, 3): x, y, height


def stairs_terrain(
    seed: int, *, risers_m: tuple[float, float] = (0.04, 0.12), steps: int = 6, half_m: float = _HALF_M
) -> Stairs:
    """Tiles of 6 m with `steps` steps of 0.3 m around a landing of 1.8 m.

    Each tile's riser is drawn from `risers_m`, and whether it leads up or down. Faces of steps are as steep as the grid
    allows: 10 cm of slope.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    tile_m, landing_m, tread_m = 6.0, 0.9, 0.3
    tiles = int(2 * half_m / tile_m)
    risers = rng.uniform(*risers_m, (tiles, tiles)) * rng.choice([-1.0, 1.0], (tiles, tiles))
    grid = _grid(half_m)
    tile = np.clip((grid + half_m) // tile_m, 0, tiles - 1).astype(np.intp)
    middles = (np.arange(tiles, dtype=np.float32) + 0.5) * tile_m - half_m
    offset = np.abs(grid - middles[tile])
    distance = np.maximum(offset[:, None], offset[None, :])
    # Single precision leaves points of the grid a hair before the edges that they are meant to be on.
    taken = np.clip(np.floor((distance - landing_m) / tread_m + 1e-3) + 1, 0, steps)
    heights = risers[np.ix_(tile, tile)] * (steps - taken)
    x, y = np.meshgrid(middles, middles)
    landings = np.stack([x.ravel(), y.ravel(), (risers * steps).ravel()], axis=1)
    return Stairs(Terrain(heights.astype(np.float32), _SPACING_M), landings.astype(np.float32))


def write_model(source: Path, terrain: Terrain, target: Path) -> None:
    """Write the MJCF file `source` to `target` with the geom `floor` replaced by the terrain.

    Raises `EnvironmentFailed` if there is no such geom.
    """
    tree = ElementTree.parse(source)
    root = tree.getroot()
    floor = root.find("./worldbody/geom[@name='floor']")
    if floor is None:
        raise EnvironmentFailed(f"{source.name} has no geom 'floor' in its worldbody to put a terrain in place of")
    low = float(terrain.heights.min())
    rise = max(float(np.ptp(terrain.heights)), 1e-3)
    floor.attrib.pop("size", None)
    floor.attrib.update(type="hfield", hfield="terrain", pos=f"0 0 {low:.6g}")
    # Elevations are listed from +y down, as the ground is seen from above.
    shares = np.rint((terrain.heights[::-1] - low) * (_ELEVATIONS / rise)).astype(np.intp).ravel()
    written = [f"{share / _ELEVATIONS:g}" for share in range(_ELEVATIONS + 1)]
    count, half = len(terrain.heights), terrain.half_m
    asset = ElementTree.Element("asset")
    ElementTree.SubElement(
        asset,
        "hfield",
        name="terrain",
        nrow=str(count),
        ncol=str(count),
        size=f"{half:g} {half:g} {rise:.6g} {_THICKNESS_M:g}",
        elevation=" ".join([written[share] for share in shares]),
    )
    root.insert(0, asset)
    tree.write(target)
