"""What there is to draw of environments that bring a simulator of their own."""

from __future__ import annotations

import sys
from typing import Any

from motrix_core.sim.geoms import Bodies


def motrixsim_bodies(env: Any) -> Bodies | None:
    """The bodies of `env`, MotrixLab's, whose `model` MotrixSim has loaded; None where there is no such model."""
    model: Any = getattr(env, "model", None)
    if not _is(model, "motrixsim", "SceneModel"):
        return None
    from motrix_core.sim.motrixsim_geoms import MotrixSimBodies

    return MotrixSimBodies(model, lambda: env.state.data)


def mujoco_bodies(vector: Any) -> Bodies | None:
    """The bodies of Gymnasium's environments in `vector` that have MuJoCo's `model` and `data`; None where there are no
    such, or where they are in processes of their own."""
    envs = getattr(vector, "envs", None)
    if not isinstance(envs, (list, tuple)) or not envs:
        return None
    model: Any = getattr(envs[0].unwrapped, "model", None)
    if not _is(model, "mujoco", "MjModel"):
        return None
    from motrix_core.sim.mujoco_geoms import MujocoBodies

    return MujocoBodies(model, lambda row: envs[row].unwrapped.data)


def _is(model: Any, package: str, name: str) -> bool:
    """Whether `model` is the `package`'s, which has been imported if it is."""
    kind = getattr(sys.modules.get(package), name, None)
    return kind is not None and isinstance(model, kind)
