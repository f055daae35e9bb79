"""What a MuJoCo model looks like where its file does not say: ground, light, colours, and how far away to stand.

None of it has a part in physics, and what a file says of its looks stays as it is.
"""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.mujoco_log import python_warnings_logged

_GROUND = (int(mujoco.mjtGeom.mjGEOM_PLANE), int(mujoco.mjtGeom.mjGEOM_HFIELD))
_GROUND_LOOKS = "motrix_ground"
_SKY = "motrix_sky"

_UNPAINTED = (0.5, 0.5, 0.5, 1.0)
"""What MuJoCo gives a geom whose file names no colour."""
_STANDING = (0.50, 0.53, 0.57)
_TREES = ((0.90, 0.49, 0.18), (0.20, 0.62, 0.45), (0.27, 0.51, 0.82), (0.78, 0.32, 0.52))
"""Colours of bodies that move together: the robot, then a cube, a door, a target and so on."""
_SHADE = 0.72

_ROOM = 1.9
"""MuJoCo's camera stands 1.5 extents away, and sees 0.6 extents up and down there: 1.1 times the reach, so."""
_ELEVATIONS = (-45.0, -30.0)
"""How MuJoCo's camera looks down, degrees, and ours, which sees robots more from the side."""
_SQUARES = 4
"""Squares of the ground within the reach, about."""


def load_model(path: Path) -> mujoco.MjModel:
    """The MJCF file `path`, ready to be simulated and to be seen. Raises ValueError as MuJoCo does."""
    spec = mujoco.MjSpec.from_file(str(path))
    framed = bool(np.isfinite(spec.stat.extent))
    _furnish(spec)
    with python_warnings_logged():
        model = spec.compile()
    _paint(model)
    if not framed:
        _stand_back(model)
    return model


def followed_body(model: mujoco.MjModel) -> int | None:
    """The body that a camera follows: the root of the first one that moves. None where nothing does."""
    return int(model.body_rootid[model.jnt_bodyid[0]]) if model.njnt else None


def reach_of(model: mujoco.MjModel) -> float:
    """How far around the followed body there is something to see, m."""
    return float(model.stat.extent) / _ROOM


def _furnish(spec: mujoco.MjSpec) -> None:
    """A sky, squares on ground that has no look of its own, and a light that goes where the robot goes."""
    ground = [geom for geom in spec.worldbody.geoms if int(geom.type) in _GROUND and _is_unpainted(geom)]
    if ground:
        squares = spec.add_texture(
            name=_GROUND_LOOKS,
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
            rgb1=(0.30, 0.35, 0.41),
            rgb2=(0.37, 0.43, 0.50),
            width=128,
            height=128,
        )
        looks = spec.add_material(name=_GROUND_LOOKS, texuniform=True, specular=0.1)
        looks.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = squares.name
        for geom in ground:
            geom.material = looks.name
    if not any(texture.type == mujoco.mjtTexture.mjTEXTURE_SKYBOX for texture in spec.textures):
        spec.add_texture(
            name=_SKY,
            type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
            rgb1=(0.62, 0.73, 0.85),
            rgb2=(0.86, 0.90, 0.94),
            width=64,
            height=384,
        )
    if not spec.lights:
        above = _root(spec.joints[0].parent) if spec.joints else spec.worldbody
        above.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACKCOM,
            pos=(-1.0, -1.5, 4.0),
            dir=(0.25, 0.35, -1.0),
            diffuse=(0.6, 0.6, 0.6),
        )
        # Drawn in software, shadows cost most of a picture; twice the usual reach keeps their rim out of sight.
        spec.visual.quality.shadowsize = 2048
        spec.visual.map.shadowclip = 2.0
        spec.visual.headlight.ambient = (0.35, 0.35, 0.35)
        spec.visual.headlight.diffuse = (0.35, 0.35, 0.35)


def _root(body: mujoco.MjsBody) -> mujoco.MjsBody:
    while body.parent.parent is not None:
        body = body.parent
    return body


def _is_unpainted(geom: mujoco.MjsGeom) -> bool:
    return not geom.material and np.allclose(geom.rgba, _UNPAINTED)


def _paint(model: mujoco.MjModel) -> None:
    """Tell apart what moves and what stands, one thing that moves and another, a body and the one that it hangs on."""
    roots = list(dict.fromkeys(model.body_rootid[model.geom_bodyid[_moving(model)]].tolist()))
    for geom in np.flatnonzero((model.geom_matid < 0) & np.isclose(model.geom_rgba, _UNPAINTED).all(axis=1)):
        body = int(model.geom_bodyid[geom])
        if model.body_weldid[body]:
            colour = np.array(_TREES[roots.index(int(model.body_rootid[body])) % len(_TREES)])
            model.geom_rgba[geom, :3] = colour * (_SHADE if _depth(model, body) % 2 else 1.0)
        else:
            model.geom_rgba[geom, :3] = _STANDING
    # Marks of sensors, as large as what they feel: they would hide it.
    model.site_rgba[(model.site_matid < 0) & np.isclose(model.site_rgba, _UNPAINTED).all(axis=1), 3] = 0.0


def _depth(model: mujoco.MjModel, body: int) -> int:
    depth = 0
    while model.body_parentid[body] != body:
        body, depth = int(model.body_parentid[body]), depth + 1
    return depth


def _moving(model: mujoco.MjModel) -> NDArray[np.intp]:
    """Geoms that move."""
    ground = np.isin(model.geom_type, _GROUND)
    return np.flatnonzero((model.body_weldid[model.geom_bodyid] != 0) & ~ground)


def _stand_back(model: mujoco.MjModel) -> None:
    """Measure the model by what moves of it: MuJoCo measures the ground, too, and stands 75 m away from a walker."""
    moving, body = _moving(model), followed_body(model)
    if body is None or not moving.size:
        return
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    centre = data.subtree_com[body]
    reach = float((np.linalg.norm(data.geom_xpos[moving] - centre, axis=1) + model.geom_rbound[moving]).max())
    model.stat.center[:] = centre
    model.stat.extent = _ROOM * reach
    if model.vis.global_.elevation == _ELEVATIONS[0]:
        model.vis.global_.elevation = _ELEVATIONS[1]
    for looks in range(model.nmat):
        if model.material(looks).name == _GROUND_LOOKS:
            model.mat_texrepeat[looks] = _SQUARES / reach / 2
