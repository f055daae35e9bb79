"""Shapes of MotrixSim's models: of our simulations, and of scenes that an environment loads by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import motrixsim
import numpy as np

from motrix_core.sim.geoms import Geom, GeomPoses, GeomShape, HeightField

_SHAPES: dict[str, GeomShape] = {
    "Plane": "plane",
    "InfinitePlane": "plane",
    "HField": "hfield",
    "Sphere": "sphere",
    "Capsule": "capsule",
    "Ellipsoid": "ellipsoid",
    "Cylinder": "cylinder",
    "Cuboid": "box",
    "Mesh": "mesh",
}


class MotrixSimBodies:
    """`Bodies` of a batch of worlds that somebody else steps. `data` gives it as it is now.

    The engine places shapes as a step begins, so they are where they were one substep ago.
    """

    def __init__(self, model: motrixsim.SceneModel, data: Callable[[], motrixsim.SceneData]) -> None:
        self.geoms = geoms_of(model)
        self._model, self._data = model, data

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        poses = poses_of(self._model, self._data())
        return GeomPoses(poses.positions[list(rows)], poses.quaternions[list(rows)])


def geoms_of(model: motrixsim.SceneModel) -> tuple[Geom, ...]:
    """The shapes of `model`."""
    return tuple(_geom(geom) for geom in model.geoms)


def poses_of(model: motrixsim.SceneModel, data: motrixsim.SceneData) -> GeomPoses:
    """Where the shapes of `model` are in every world of `data`, of the shape (worlds,)."""
    query = motrixsim.query
    program = model.compile_query({"position": query.GeomPosition(), "rotation": query.GeomRotation()})
    results = program.allocate(data)
    results.execute(data)
    shape = (data.shape[0], model.num_geoms)
    # The engine gives quaternions as x y z w.
    quaternions = np.array(results["rotation"], np.float32).reshape(*shape, 4)
    return GeomPoses(np.array(results["position"], np.float32).reshape(*shape, 3), np.roll(quaternions, 1, axis=2))


def _geom(geom: motrixsim.Geom) -> Geom:
    width, depth, height = (float(value) for value in geom.size)
    shape = str(geom.shape).rpartition(".")[2]
    ground = _height_field(geom.hfield) if geom.hfield is not None else None
    return Geom(geom.name or "", _SHAPES.get(shape, "other"), (width, depth, height), _moves(geom.link), ground)


def _moves(link: motrixsim.Link | None) -> bool:
    """Whether a joint lets `link` go of the world: the engine has links for bodies that are fixed to it, too."""
    if link is None:
        return False
    if link.num_joints or (link.parent is None and link.body.floatingbase is not None):
        return True
    return _moves(link.parent)


def _height_field(field: motrixsim.HField) -> HeightField:
    left, back, _, right, front, _ = (float(value) for value in field.bound)
    return HeightField(np.array(field.height_matrix, np.float32), ((right - left) / 2, (front - back) / 2))
