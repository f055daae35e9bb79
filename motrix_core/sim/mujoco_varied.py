"""`VariedWorlds` on MuJoCo, where each world then has a model of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.varied import Quantity, VariedWorlds


class MujocoVaried(VariedWorlds):
    """`models` are what the worlds are stepped with: all the same one until something is varied.

    A copy takes about 0.2 MB for a robot, and the whole of a height field on top.
    """

    def __init__(self, model: mujoco.MjModel, model_name: str, num_envs: int) -> None:
        super().__init__(model_name, num_envs)
        self._model = model
        self._scratch = mujoco.MjData(model)
        self.models = [model] * num_envs
        self._indices: dict[Quantity, list[int]] = {}

    def apply(self, rows: NDArray[np.intp]) -> None:
        for row in rows:
            model = self.models[row]
            for quantity, values in self._values.items():
                self._write(model, quantity, values[row])
            if "mass" in self._values:
                # What the engine derives from masses, such as those of whole subtrees.
                mujoco.mj_setConst(model, self._scratch)

    def _write(self, model: mujoco.MjModel, quantity: Quantity, values: NDArray[np.float32]) -> None:
        indices = self._indices[quantity]
        if quantity == "friction":
            model.geom_friction[indices, 0] = values
        elif quantity == "mass":
            model.body_mass[indices] = values
        else:
            model.actuator_gainprm[indices, 0] = values
            model.actuator_biasprm[indices, 1] = -values

    def _prepare(self) -> None:
        if self.models[0] is self._model:
            self.models = [copy.copy(self._model) for _ in range(self._num_envs)]

    def _parts(self, quantity: Quantity) -> Sequence[str]:
        model = self._model
        if quantity == "friction":
            return [model.geom(index).name for index in range(model.ngeom)]
        if quantity == "mass":
            return [model.body(index).name for index in range(1, model.nbody)]
        return [model.actuator(index).name for index in range(model.nu)]

    def _of_model(self, quantity: Quantity, names: Sequence[str]) -> Sequence[float]:
        model = self._model
        if quantity == "friction":
            indices = [model.geom(name).id for name in names]
            values = model.geom_friction[indices, 0]
        elif quantity == "mass":
            indices = [model.body(name).id for name in names]
            values = model.body_mass[indices]
        else:
            indices = [model.actuator(name).id for name in names]
            for name, index in zip(names, indices, strict=True):
                if model.actuator_gainprm[index, 0] != -model.actuator_biasprm[index, 1]:
                    raise self._not_a_position_drive(name)
            values = model.actuator_gainprm[indices, 0]
        self._indices[quantity] = indices
        return values
