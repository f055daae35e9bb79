"""MotrixSim's own renderer on one world. It draws in a service of its own; we only hand it the world."""

from __future__ import annotations

from typing import Any

import motrixsim
import numpy as np
from motrixsim import render


def check_display() -> None:
    """Nothing: the renderer tells what it lacks only when it is opened."""


def open_window(physics: Any, title: str) -> MotrixSimWindow:
    """The renderer. `physics` is a `MotrixSimBatch`."""
    return MotrixSimWindow(physics)


class MotrixSimWindow:
    def __init__(self, physics: Any) -> None:
        self._physics = physics
        self._data = motrixsim.SceneData(physics.model)
        self._still = np.zeros(physics.dofs.num_vel, np.float32)
        self._app = render.RenderApp(log_level="ERROR")
        self._app.__enter__()
        self._app.launch(physics.model)

    @property
    def is_open(self) -> bool:
        return not self._app.is_closed

    def sync(self) -> None:
        positions = self._physics.engine_positions([0])[0]
        self._data.reset(self._physics.model, dof_pos=positions, dof_vel=self._still, forward_kinematic=True)
        try:
            self._app.sync(self._data)
        except render.RenderClosedError:
            # Closed since `is_open` was asked, which will say so the next time.
            return

    def close(self) -> None:
        self._app.close()
