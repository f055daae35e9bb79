"""Shapes of MuJoCo's models: of our simulations, and of scenes that an environment loads by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import mujoco
import numpy as np

from motrix_core.sim.geoms import Geom, GeomPoses, GeomShape, HeightField

_SHAPES: dict[int, GeomShape] = {
    int(mujoco.mjtGeom.mjGEOM_PLANE): "plane",
    int(mujoco.mjtGeom.mjGEOM_HFIELD): "hfield",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
    int(mujoco.mjtGeom.mjGEOM_ELLIPSOID): "ellipsoid",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_MESH): "mesh",
}


class MujocoBodies:
    """`Bodies` of worlds of one model that somebody else steps. `data` gives that of a world as it is now."""

    def __init__(self, model: mujoco.MjModel, data: Callable[[int], mujoco.MjData]) -> None:
        self.geoms = geoms_of(model)
        self._data = data

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        return poses_of(map(self._data, rows), (len(rows), len(self.geoms)))


def geoms_of(model: mujoco.MjModel) -> tuple[Geom, ...]:
    """The shapes of `model`."""
    return tuple(_geom(model, index) for index in range(model.ngeom))


def poses_of(worlds: Iterable[mujoco.MjData], shape: tuple[int, int]) -> GeomPoses:
    """Where the shapes of a model are in each of `worlds`; `shape` is how many worlds and shapes there are."""
    poses = GeomPoses(np.empty((*shape, 3), np.float32), np.empty((*shape, 4), np.float32))
    quaternion = np.empty(4)
    for index, data in enumerate(worlds):
        poses.positions[index] = data.geom_xpos
        for geom, matrix in enumerate(data.geom_xmat):
            mujoco.mju_mat2Quat(quaternion, matrix)
            poses.quaternions[index, geom] = quaternion
    return poses


def _geom(model: mujoco.MjModel, index: int) -> Geom:
    width, depth, height = (float(value) for value in model.geom_size[index])
    shape = _SHAPES.get(int(model.geom_type[index]), "other")
    moves = bool(model.body_weldid[model.geom_bodyid[index]])
    ground = _height_field(model, int(model.geom_dataid[index])) if shape == "hfield" else None
    return Geom(model.geom(index).name, shape, (width, depth, height), moves, ground)


def _height_field(model: mujoco.MjModel, index: int) -> HeightField:
    rows, columns = int(model.hfield_nrow[index]), int(model.hfield_ncol[index])
    start = int(model.hfield_adr[index])
    shares = model.hfield_data[start : start + rows * columns].reshape(rows, columns)
    half_x, half_y, top, _ = (float(value) for value in model.hfield_size[index])
    return HeightField((shares * top).astype(np.float32), (half_x, half_y))
