"""What a physics engine has to offer so that a task runs on it: `BatchSim`.

A batch is `num_envs` worlds of one MJCF model. Tasks address joints, actuators and sensors by their MJCF names. All
joints are slide or hinge joints, so that a joint is one column of `dof_pos` and the same column of `dof_vel`, in the
order of the file, whichever the engine. Lengths are metres, angles radians, times seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed, UnknownName

FloatArray = NDArray[np.float32]


@runtime_checkable
class BatchSim(Protocol):
    """`num_envs` independent worlds of one model, stepped together.

    The arrays that `dof_pos`, `dof_vel` and `sensor` return belong to the simulation: they change in place with the
    next `step`, `reset` or `set_state`, and a task only reads them.
    """

    name: str
    num_envs: int
    timestep_s: float
    joints: tuple[str, ...]
    actuators: tuple[str, ...]

    @classmethod
    def load(cls, path: Path, *, num_envs: int, sensors: Sequence[str] = ()) -> BatchSim:
        """Load the MJCF file `path`. Only the `sensors` named here can be read later."""
        ...

    @property
    def dof_pos(self) -> FloatArray:
        """Joint positions, (num_envs, joints)."""
        ...

    @property
    def dof_vel(self) -> FloatArray:
        """Joint velocities, (num_envs, joints)."""
        ...

    def joint_range(self, *names: str) -> FloatArray:
        """Lower and upper limits of the joints, (joints, 2); infinite where there is none."""
        ...

    def sensor(self, name: str) -> FloatArray:
        """A sensor's values, (num_envs, dim), as measured at the *beginning* of the last substep.

        That is when both engines evaluate sensors. `reset` and `set_state` leave them as they were: they are no part
        of the state, so read them after a `step` only.
        """
        ...

    def step(self, ctrl: FloatArray, substeps: int) -> None:
        """Advance every world by `substeps` steps under the controls `ctrl`, (num_envs, actuators)."""
        ...

    def reset(self, mask: NDArray[np.bool_], dof_pos: FloatArray, dof_vel: FloatArray) -> None:
        """Put the worlds of `mask`, (num_envs,), into the given states, each (mask.sum(), joints)."""
        ...

    def get_state(self) -> dict[str, NDArray]:
        """Copies of everything that decides how the simulation continues.

        From here on the live simulation and every one that `set_state` restores from the returned arrays give the same
        bits for the same controls, on the same machine and engine version.
        """
        ...

    def set_state(self, state: Mapping[str, NDArray]) -> None:
        """Continue from what `get_state` returned."""
        ...

    def close(self) -> None:
        """Free the engine's threads and memory; again is fine. Afterwards `step` raises `EnvironmentFailed`."""
        ...


def columns(names: Sequence[str], known: Sequence[str], kind: str) -> NDArray[np.intp]:
    """Where each of `names` stands in `known`. Raises `UnknownName` for the first that is missing."""
    for name in names:
        if name not in known:
            raise UnknownName(kind, name, known)
    return np.array([known.index(name) for name in names], dtype=np.intp)


def joint_columns(sim: BatchSim, *names: str) -> NDArray[np.intp]:
    """Columns of the joints in `dof_pos` and `dof_vel`."""
    return columns(names, sim.joints, "joint")


def closed_error(path: Path) -> EnvironmentFailed:
    """The error for stepping a simulation of the model `path` after `close`."""
    return EnvironmentFailed(f"the simulation of {path.name} is closed", mend="make a new one")


def check_state(state: Mapping[str, NDArray], expected: Mapping[str, tuple[int, ...]], engine: str) -> None:
    """Raise `EnvironmentFailed` unless `state` has an array of the expected shape under every expected name."""
    for name, shape in expected.items():
        if name not in state:
            found = ", ".join(sorted(state)) or "nothing"
            raise EnvironmentFailed(
                f"the saved state has no {name!r}, which {engine} needs; it has {found}",
                mend=f"was it saved by another simulator? restore it with the one that saved it, not {engine}",
            )
        if state[name].shape != shape:
            raise EnvironmentFailed(
                f"the saved {name} has shape {state[name].shape}, but this simulation needs {shape}",
                mend="use the num_envs and the environment that it was saved with",
            )
