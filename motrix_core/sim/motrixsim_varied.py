"""`VariedWorlds` on MotrixSim, which keeps such values in its `SceneData`."""

from __future__ import annotations

from collections.abc import Sequence

import motrixsim
import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.varied import FloatArray, Quantity, VariedWorlds

_SOURCES = {
    "friction": motrixsim.write.GeomFrictionOverride,
    "mass": motrixsim.write.LinkMassOverride,
    "stiffness": motrixsim.write.ActuatorKpOverride,
}


class MotrixSimVaried(VariedWorlds):
    """Writes the values anew after every reset of a world, which puts friction and masses back to the model's."""

    def __init__(self, model: motrixsim.SceneModel, model_name: str, data: motrixsim.SceneData) -> None:
        super().__init__(model_name, data.shape[0])
        self._model = model
        self._data = data
        self._program: motrixsim.write.WriteProgram | None = None

    def attach(self, data: motrixsim.SceneData) -> None:
        """Go on with other data of the same worlds."""
        self._data = data
        self.apply(np.arange(self._num_envs))

    def apply(self, rows: NDArray[np.intp]) -> None:
        if self._program is None:
            return
        for quantity, values in self._values.items():
            self._view(quantity)[rows] = values[rows]
        self._program.execute(self._data, env_ids=rows.astype(np.int64))

    def _view(self, quantity: Quantity) -> FloatArray:
        """The program's place for a quantity, (num_envs, names)."""
        view = self._program[quantity].reshape(self._num_envs, len(self._names[quantity]), -1)
        return view[:, :, 0]

    def _prepare(self) -> None:
        fields = {quantity: _SOURCES[quantity](list(names)) for quantity, names in self._names.items()}
        self._program = self._model.compile_write(fields).allocate(self._data)
        if "friction" in self._names:
            # Sliding, spinning and rolling are written together; the last two stay the model's.
            frictions = self._program["friction"].reshape(self._num_envs, -1, 3)
            frictions[:] = [
                self._model.get_geom(name).get_friction_override(self._data)[0] for name in self._names["friction"]
            ]

    def _parts(self, quantity: Quantity) -> Sequence[str]:
        names = {
            "friction": self._model.geom_names,
            "mass": self._model.link_names,
            "stiffness": self._model.actuator_names,
        }[quantity]
        return [name or "" for name in names]

    def _of_model(self, quantity: Quantity, names: Sequence[str]) -> Sequence[float]:
        return [self._one(quantity, name) for name in names]

    def _one(self, quantity: Quantity, name: str) -> float:
        if quantity == "friction":
            return float(self._model.get_geom(name).get_friction_override(self._data)[0, 0])
        if quantity == "mass":
            return float(self._model.get_link(name).get_mass_override(self._data)[0])
        drive = self._model.get_actuator(name)
        if not isinstance(drive, motrixsim.PositionActuator):
            raise self._not_a_position_drive(name)
        return float(drive.get_kp_override(self._data)[0])
