"""What a physics engine has to offer so that a task runs on it: `BatchSim`.

A batch is `num_envs` worlds of one MJCF model. Tasks address joints, actuators and sensors by their MJCF names. Joints
are slide, hinge or free joints; `dofs.DofLayout` says which columns of `dof_pos` and `dof_vel` are theirs, whichever
the engine. Lengths are metres, angles radians, times seconds, quaternions w x y z.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.dofs import FREE_POSITIONS, FREE_VELOCITIES, DofLayout, columns
from motrix_core.sim.geoms import Geom, GeomPoses
from motrix_core.sim.varied import VariedWorlds

FloatArray = NDArray[np.float32]


@runtime_checkable
class BatchSim(Protocol):
    """`num_envs` independent worlds of one model, stepped together.

    The arrays that `dof_pos`, `dof_vel` and `sensor` return belong to the simulation: they change in place with the
    next `step`, `reset` or `set_state`, and a task only reads them.

    `joints` are the names of the slide and hinge joints in the order of the file, those of `dofs.joints`.
    `varied` gives worlds friction, masses and stiffness of their own.
    """

    name: str
    num_envs: int
    timestep_s: float
    dofs: DofLayout
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    geoms: tuple[Geom, ...]
    varied: VariedWorlds

    @classmethod
    def load(cls, path: Path, *, num_envs: int, sensors: Sequence[str] = ()) -> BatchSim:
        """Load the MJCF file `path`. Only the `sensors` named here can be read later."""
        ...

    @property
    def dof_pos(self) -> FloatArray:
        """Positions, (num_envs, dofs.num_pos)."""
        ...

    @property
    def dof_vel(self) -> FloatArray:
        """Velocities, (num_envs, dofs.num_vel)."""
        ...

    @property
    def initial_dof_pos(self) -> FloatArray:
        """The positions that the model is written in, (dofs.num_pos,), a copy."""
        ...

    def joint_range(self, *names: str) -> FloatArray:
        """Lower and upper limits of slide and hinge joints, (names, 2); infinite where there is none."""
        ...

    def sensor(self, name: str) -> FloatArray:
        """A sensor's values, (num_envs, dim), as measured at the *beginning* of the last substep.

        That is when both engines evaluate sensors. `reset` and `set_state` leave them as they were: they are no part
        of the state, so read them after a `step` only.
        """
        ...

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        """Where the geoms of the worlds `rows` are, in the order of `geoms`; for drawing, not for tasks."""
        ...

    def step(self, ctrl: FloatArray, substeps: int) -> None:
        """Advance every world by `substeps` steps under the controls `ctrl`, (num_envs, actuators)."""
        ...

    def reset(self, mask: NDArray[np.bool_], dof_pos: FloatArray, dof_vel: FloatArray) -> None:
        """Put the worlds of `mask`, (num_envs,), into the given states: (mask.sum(), dofs.num_pos) and `num_vel`.

        Quaternions are to be of unit length.
        """
        ...

    def forget(self) -> None:
        """Drop what the engine remembers besides the state that `get_state` gives, such as its solver's last solution.

        A simulation that always forgets at some moment continues from there with the same bits whether it was saved at
        that moment or not.
        """
        ...

    def get_state(self) -> dict[str, NDArray]:
        """Copies of everything that decides how the simulation continues; the live simulation forgets the rest.

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


def joint_columns(sim: BatchSim, *names: str) -> NDArray[np.intp]:
    """Columns of slide and hinge joints in `dof_pos`; without free joints in the model, in `dof_vel` as well."""
    return np.array(sim.dofs.joint_pos, np.intp)[columns(names, sim.joints, "joint")]


def velocity_columns(sim: BatchSim, *names: str) -> NDArray[np.intp]:
    """Columns of slide and hinge joints in `dof_vel`."""
    return np.array(sim.dofs.joint_vel, np.intp)[columns(names, sim.joints, "joint")]


def free_columns(sim: BatchSim, name: str) -> tuple[slice, slice]:
    """The seven columns of a free joint in `dof_pos` and its six in `dof_vel`; their meaning is `DofLayout`'s."""
    index = int(columns([name], sim.dofs.free_joints, "free joint")[0])
    pos, vel = sim.dofs.free_pos[index], sim.dofs.free_vel[index]
    return slice(pos, pos + FREE_POSITIONS), slice(vel, vel + FREE_VELOCITIES)


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
