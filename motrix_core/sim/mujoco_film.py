"""MuJoCo's off-screen renderer, following the robot."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.following import Follower
from motrix_core.sim.mujoco_looks import followed_body, reach_of


class Film:
    """Pictures of `model`, `width` × `height` dots. What draws them is chosen by MUJOCO_GL."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, height)
        self._model, self._data = model, mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, height, width)
        self._camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(model, self._camera)
        self._body = followed_body(model)
        self._follower = Follower()

    def picture(self, dof_pos: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The world at the positions `dof_pos`, (nq,), as (height, width, 3)."""
        self._data.qpos[:] = dof_pos
        mujoco.mj_forward(self._model, self._data)
        if self._body is not None:
            # Not MuJoCo's tracking camera: where there is no ground, a cart in the middle would seem to stand still.
            self._camera.lookat[:] = self._follower.centre(
                self._data.subtree_com[self._body].copy(), reach_of(self._model)
            )
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()
