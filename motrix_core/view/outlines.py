"""What geoms look like from afar: outlines of convex shapes as they are projected onto a plane.

The outline of a convex shape is reached by asking for its farthest point in every direction of the plane, its support
function, which has a closed form for each of MJCF's shapes (van den Bergen, 2003, "Collision Detection in Interactive
3D Environments", section 2.3.4). No shape has to be triangulated, and all worlds are done at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.geoms import Geom, GeomPoses

FloatArray = NDArray[np.floating]

DIRECTIONS = 24
"""Points of an outline."""

_TINY = 1e-9


def rotations(quaternions: FloatArray) -> FloatArray:
    """Unit quaternions w x y z, (..., 4), as matrices from the geom to the world, (..., 3, 3)."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def outlines(geoms: Sequence[Geom], poses: GeomPoses, axes: FloatArray) -> FloatArray:
    """Outlines of every geom, seen along the normal of the plane that `axes`, (2, 3), span: right and up.

    Returns corners in metres along `axes`, (worlds, geoms, DIRECTIONS, 2), a closed line in order. A plane, an hfield
    and what has no size are points.
    """
    angles = np.linspace(0.0, 2 * np.pi, DIRECTIONS, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # The picture's axes as each geom sees them, (worlds, geoms, 2, 3), and so its directions, (…, DIRECTIONS, 3).
    seen = axes @ rotations(poses.quaternions)
    local = directions @ seen
    reach = np.zeros_like(local)
    for shape in {geom.shape for geom in geoms}:
        support = _SUPPORTS.get(shape)
        if support is not None:
            chosen = [index for index, geom in enumerate(geoms) if geom.shape == shape]
            sizes = np.array([geoms[index].size for index in chosen])[:, None, :]
            reach[:, chosen] = support(local[:, chosen], sizes)
    return (poses.positions @ axes.T)[:, :, None, :] + reach @ seen.swapaxes(-1, -2)


def _sphere(local: FloatArray, sizes: FloatArray) -> FloatArray:
    return sizes[..., :1] * local


def _ellipsoid(local: FloatArray, sizes: FloatArray) -> FloatArray:
    scaled = sizes**2 * local
    return scaled / np.maximum(np.linalg.norm(sizes * local, axis=-1, keepdims=True), _TINY)


def _box(local: FloatArray, sizes: FloatArray) -> FloatArray:
    return np.sign(local) * sizes


def _capsule(local: FloatArray, sizes: FloatArray) -> FloatArray:
    reach = sizes[..., :1] * local
    reach[..., 2] += np.sign(local[..., 2]) * sizes[..., 1]
    return reach


def _cylinder(local: FloatArray, sizes: FloatArray) -> FloatArray:
    flat = local[..., :2]
    reach = np.empty_like(local)
    reach[..., :2] = sizes[..., :1] * flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), _TINY)
    reach[..., 2] = np.sign(local[..., 2]) * sizes[..., 1]
    return reach


# A mesh is drawn as the box that MuJoCo gives its size as.
_SUPPORTS = {
    "sphere": _sphere,
    "ellipsoid": _ellipsoid,
    "box": _box,
    "mesh": _box,
    "capsule": _capsule,
    "cylinder": _cylinder,
}
