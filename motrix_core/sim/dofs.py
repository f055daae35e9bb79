"""Where the joints of a model stand among its positions and velocities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed, UnknownName

FREE_POSITIONS = 7
FREE_VELOCITIES = 6


@dataclass(frozen=True)
class DofLayout:
    """Columns of `dof_pos` and `dof_vel`, in the order of the MJCF file.

    A slide or hinge joint has one column in either. A free joint has seven positions, x y z of the body's frame in the
    world and the unit quaternion w x y z from body to world, and six velocities: of the frame's origin along the
    *world's* axes, then the angular velocity about the *body's* axes, as MuJoCo has it.

    `joint_pos` and `joint_vel` are the columns of `joints`, the slide and hinge joints; `free_pos` and `free_vel` the
    first columns of `free_joints`.
    """

    joints: tuple[str, ...]
    joint_pos: tuple[int, ...]
    joint_vel: tuple[int, ...]
    free_joints: tuple[str, ...] = ()
    free_pos: tuple[int, ...] = ()
    free_vel: tuple[int, ...] = ()

    @property
    def num_pos(self) -> int:
        return len(self.joints) + FREE_POSITIONS * len(self.free_joints)

    @property
    def num_vel(self) -> int:
        return len(self.joints) + FREE_VELOCITIES * len(self.free_joints)


def columns(names: Sequence[str], known: Sequence[str], kind: str) -> NDArray[np.intp]:
    """Where each of `names` stands in `known`. Raises `UnknownName` for the first that is missing."""
    for name in names:
        if name not in known:
            raise UnknownName(kind, name, known)
    return np.array([known.index(name) for name in names], dtype=np.intp)


def ball_joint_error(path: Path, joint: str) -> EnvironmentFailed:
    """The error for a model with a ball joint, which has no place in a `DofLayout`."""
    return EnvironmentFailed(
        f"joint {joint!r} of {path.name} is a ball joint", mend="write the model with slide, hinge and free joints"
    )
