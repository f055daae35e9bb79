"""Franka's Panda arm: its drives, where its hand is, and what its tasks have in common."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray
from motrix_core.envs.sim_env import TASKS, SimEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.envs.tasks.published import arm_model, model_problems, published_file
from motrix_core.errors import EnvironmentFailed, Problem
from motrix_core.sim.base import joint_columns, velocity_columns

ARM = tuple(f"joint{number}" for number in range(1, 8))
FINGERS = ("finger_joint1", "finger_joint2")
FINGER_OPEN = 0.04  # m, each of the two

# Craig's parameters of Franka's documentation: x of the previous frame turns it by ±90°, then a and d, m.
_TURNS = (0, -1, 1, 1, -1, 1, 1)
_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_FLANGE = 0.107
# From the hand's frame to the middle between the finger tips, along its z.
_GRIP = 0.1034
_HAND_TURN = np.float32(np.sqrt(0.5))  # cos and sin of the 45° between flange and hand

_READY_NOISE = 0.05  # rad


class Grip(NamedTuple):
    """The place between the finger tips, m, and unit vectors along the hand and from finger to finger; (3, rows)."""

    position: FloatArray
    approach: FloatArray
    closing: FloatArray


def grip_of(arm: FloatArray) -> Grip:
    """Where the hand is when the seven joints have the angles `arm`, rad, (rows, 7), as seen from the arm's base."""
    angles = np.ascontiguousarray(arm.T)
    cos, sin = np.cos(angles), np.sin(angles)
    position, x, y, z = np.zeros((4, 3, len(arm)), np.float32)
    # The first joint stands upright in the base's frame.
    x[0], x[1] = cos[0], sin[0]
    y[0], y[1] = -sin[0], cos[0]
    z[2], position[2] = 1.0, _D[0]
    for joint, turn in enumerate(_TURNS[1:], start=1):
        if _A[joint]:
            position += np.float32(_A[joint]) * x
        y, z = (z, -y) if turn > 0 else (-z, y)
        if _D[joint]:
            position += np.float32(_D[joint]) * z
        x, y = cos[joint] * x + sin[joint] * y, cos[joint] * y - sin[joint] * x
    position += np.float32(_FLANGE + _GRIP) * z
    return Grip(position, z, _HAND_TURN * (x + y))


class PandaTask(SimEnv):
    """An arm whose drives hold the angles `ready + action_scale · action`; the eighth action opens or closes the hand.

    The gripper closes where the eighth action is negative, else it opens. Each task's model includes `panda.xml`, whose
    joints come first; the option `model="menagerie"` has the published arm in its place (`published`). `ready` are the
    angles that episodes begin near, within ±0.05 rad, the hand open.
    """

    ready: ClassVar[Sequence[float]]
    action_scale: ClassVar[float]  # rad

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
        model: str = "own",
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._model_path = self._build_model(model, Path(folder))
            super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        first = list(range(9))
        if (
            self.physics.actuators != ARM + FINGERS
            or joint_columns(self.physics, *ARM, *FINGERS).tolist() != first
            or velocity_columns(self.physics, *ARM, *FINGERS).tolist() != first
        ):
            raise EnvironmentFailed(f"{self.model_path().name} must begin with the joints and drives of panda.xml")
        self._ready = np.array(self.ready, np.float32)
        self._ctrl = np.zeros((num_envs, 9), np.float32)
        self._actions = np.zeros((num_envs, 8), np.float32)
        self.last_actions = np.zeros((num_envs, 8), np.float32)

        self.make_arrays()

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        return super().option_problems(spec, options) + model_problems(options)

    def make_arrays(self) -> None:
        """Make the task's own arrays, and check what it needs of the model."""

    def _build_model(self, model: str, folder: Path) -> Path:
        """The scene to load: ours, or a copy of it in `folder` that includes the published arm."""
        if model == "own":
            return TASKS / self.model
        arm_model(published_file("panda_mj_description"), TASKS / "panda.xml", folder / "panda.xml")
        return Path(shutil.copy(TASKS / self.model, folder))

    def model_path(self) -> Path:
        return self._model_path

    @property
    def num_controls(self) -> int:
        return len(ARM) + len(FINGERS)

    def task_arrays(self) -> dict[str, NDArray]:
        return {"last_actions": self.last_actions}

    def apply_action(self, actions: FloatArray) -> None:
        self._actions = actions
        self._ctrl[:, :7] = self._ready + np.float32(self.action_scale) * actions[:, :7]
        self._ctrl[:, 7:] = np.where(actions[:, 7:] < 0.0, np.float32(0.0), np.float32(FINGER_OPEN))

    def smoothness(self) -> dict[str, FloatArray]:
        """What haste costs in a step, (num_envs,) each: -0.005 · |change of the actions|², -0.01 · |arm's speeds|²."""
        change = self._actions - self.last_actions
        speeds = self.physics.dof_vel[:, :7]
        return {
            "action_rate": np.float32(-0.005) * np.einsum("ij,ij->i", change, change),
            "joint_speed": np.float32(-0.01) * np.einsum("ij,ij->i", speeds, speeds),
        }

    def begin(self, rows: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """States for new episodes in `rows`, with the arm near its ready pose, at rest; for the task to complete."""
        dof_pos = np.tile(self.physics.initial_dof_pos, (len(rows), 1))
        dof_vel = np.zeros((len(rows), self.physics.dofs.num_vel), np.float32)
        dof_pos[:, :7] = self._ready + self.rng.uniform(-_READY_NOISE, _READY_NOISE, (len(rows), 7))
        dof_pos[:, 7:9] = FINGER_OPEN
        self.last_actions[rows] = 0.0
        return dof_pos, dof_vel


def distance(offset: FloatArray) -> FloatArray:
    """The length of each vector, (3, rows) to (rows,)."""
    return np.sqrt(np.einsum("ij,ij->j", offset, offset))
