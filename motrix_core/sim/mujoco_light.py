"""Light for models that have none."""

from __future__ import annotations

import mujoco


def light(model: mujoco.MjModel) -> None:
    """Let the camera carry enough light to see a model that has no lights of its own, as ours."""
    if model.nlight == 0:
        model.vis.headlight.ambient[:] = 0.35
        model.vis.headlight.diffuse[:] = 0.6
