"""MuJoCo's passive viewer on one world. It draws in a thread of its own; we only hand it positions."""

from __future__ import annotations

import re
import warnings
from typing import Any

import glfw
import mujoco
import mujoco.viewer

from motrix_core.errors import WindowUnusable
from motrix_core.sim.mujoco_looks import followed_body


def check_display() -> None:
    """Raise `WindowUnusable` unless GLFW, which the viewer uses, finds a display.

    MuJoCo itself ends the process then, and leaves a MUJOCO_LOG.TXT in the working directory.
    """
    with warnings.catch_warnings(record=True) as said:
        # The binding of GLFW tells what is wrong by warnings.
        warnings.simplefilter("always")
        if glfw.init():
            return
    cause = re.sub(r"b'(.*)'", r"\1", str(said[-1].message)) if said else "GLFW cannot be initialised"
    raise WindowUnusable(f"MuJoCo's viewer finds no display: {cause}")


def open_window(physics: Any, title: str) -> MujocoWindow:
    """The viewer, following the robot. `physics` is a `MujocoBatch`."""
    check_display()
    return MujocoWindow(physics)


class MujocoWindow:
    def __init__(self, physics: Any) -> None:
        self._physics = physics
        self._model: mujoco.MjModel = physics.model
        self._data = mujoco.MjData(self._model)
        self._viewer = mujoco.viewer.launch_passive(self._model, self._data, show_left_ui=False, show_right_ui=False)
        self._follow()

    def _follow(self) -> None:
        """Keep the robot in sight, wherever it goes."""
        body = followed_body(self._model)
        if body is None:
            return
        with self._viewer.lock():
            self._viewer.cam.type = mujoco.mjtCamera.mjCAMERA_TRACKING
            self._viewer.cam.trackbodyid = body

    @property
    def is_open(self) -> bool:
        return self._viewer.is_running()

    def sync(self) -> None:
        with self._viewer.lock():
            self._data.qpos[:] = self._physics.dof_pos[0]
            mujoco.mj_forward(self._model, self._data)
        self._viewer.sync()

    def close(self) -> None:
        self._viewer.close()
