"""What can differ from world to world of a batch besides its state: friction, masses, the stiffness of drives.

This is what both engines can change for each world by itself; sizes, inertias, gravity and limits belong to the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed, UnknownName
from motrix_core.sim.dofs import columns

FloatArray = NDArray[np.float32]

Quantity = Literal["friction", "mass", "stiffness"]
_KINDS: dict[Quantity, str] = {"friction": "geom", "mass": "body", "stiffness": "actuator"}


class VariedWorlds(ABC):
    """Values of each world's own, for the parts of the model that `vary` names.

    friction    of geoms: the coefficient of sliding; a contact has the greater of its two geoms'
    mass        of bodies, kg; their moments of inertia stay what they are in the model
    stiffness   of position drives, `kp` in MJCF: N m/rad, or N/m for a slide joint

    Values stay when a world is reset, and are part of the simulation's state.
    """

    def __init__(self, model_name: str, num_envs: int) -> None:
        self._model_name = model_name
        self._num_envs = num_envs
        self._names: dict[Quantity, tuple[str, ...]] = {}
        self._values: dict[Quantity, FloatArray] = {}

    def vary(self, quantity: Quantity, names: Sequence[str]) -> None:
        """Give every world values of its own for the parts `names`; at first those of the model.

        Raises `UnknownName` for a quantity or a part that does not exist, and `EnvironmentFailed` for a drive that
        is not a position drive, or a quantity that is varied already.
        """
        if quantity not in get_args(Quantity):
            raise UnknownName("quantity", quantity, get_args(Quantity))
        if quantity in self._names:
            raise EnvironmentFailed(
                f"{quantity} of {', '.join(self._names[quantity])} is varied already",
                mend=f"name all parts in one vary({quantity!r}, …)",
            )
        columns(names, self._parts(quantity), _KINDS[quantity])
        model = self._of_model(quantity, names)
        self._names[quantity] = tuple(names)
        self._values[quantity] = np.tile(np.asarray(model, np.float32), (self._num_envs, 1))
        self._prepare()

    def values(self, quantity: Quantity) -> FloatArray:
        """The values of all worlds, (num_envs, names), in the order of the names given to `vary`; a copy."""
        return self._array(quantity).copy()

    def set_values(self, quantity: Quantity, rows: NDArray[np.intp], values: FloatArray) -> None:
        """Change the worlds `rows`, ascending, to `values`, (len(rows), names) or what broadcasts to it.

        Raises `EnvironmentFailed` for a value that is not finite, negative, or 0 where it is a mass.
        """
        array = self._array(quantity)
        checked = np.broadcast_to(np.asarray(values, np.float32), (len(rows), array.shape[1]))
        allowed = np.isfinite(checked) & ((checked > 0.0) if quantity == "mass" else (checked >= 0.0))
        if not allowed.all():
            rule = "above 0" if quantity == "mass" else "0 or more"
            raise EnvironmentFailed(
                f"{quantity}={checked[~allowed][0]:g} for {self._model_name} must be finite and {rule}"
            )
        array[rows] = checked
        self.apply(rows)

    def get_state(self) -> dict[str, NDArray]:
        """Copies of all values, as `varied.<quantity>`."""
        return {f"varied.{quantity}": values.copy() for quantity, values in self._values.items()}

    def expected(self) -> dict[str, tuple[int, ...]]:
        """The shapes of `get_state`."""
        return {f"varied.{quantity}": values.shape for quantity, values in self._values.items()}

    def set_state(self, state: Mapping[str, NDArray]) -> None:
        """Continue from `get_state`, whose shapes have been checked."""
        for quantity, values in self._values.items():
            values[:] = state[f"varied.{quantity}"]
        self.apply(np.arange(self._num_envs))

    @abstractmethod
    def apply(self, rows: NDArray[np.intp]) -> None:
        """Tell the engine the values of the worlds `rows`."""

    @abstractmethod
    def _parts(self, quantity: Quantity) -> Sequence[str]:
        """Names of the model's parts that have the quantity."""

    @abstractmethod
    def _of_model(self, quantity: Quantity, names: Sequence[str]) -> Sequence[float]:
        """The model's own values."""

    @abstractmethod
    def _prepare(self) -> None:
        """Called when `_names` and `_values` have got one more quantity."""

    def _array(self, quantity: Quantity) -> FloatArray:
        if quantity not in self._values:
            raise EnvironmentFailed(f"{quantity} is not varied", mend=f"call vary({quantity!r}, …) first")
        return self._values[quantity]

    def _not_a_position_drive(self, name: str) -> EnvironmentFailed:
        return EnvironmentFailed(
            f"actuator {name!r} of {self._model_name} is no position drive, so it has no stiffness to vary"
        )
