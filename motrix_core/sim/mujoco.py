"""`BatchSim` on MuJoCo: `mujoco.rollout`'s persistent thread pool. Double precision inside, float32 outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import mujoco
import numpy as np
from mujoco import rollout
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.base import FloatArray, check_state, closed_error
from motrix_core.sim.dofs import DofLayout, ball_joint_error, columns
from motrix_core.sim.geoms import GeomPoses
from motrix_core.sim.model_lines import with_line
from motrix_core.sim.mujoco_geoms import geoms_of, poses_of
from motrix_core.sim.mujoco_log import log_warnings
from motrix_core.sim.mujoco_looks import load_model
from motrix_core.sim.mujoco_varied import MujocoVaried
from motrix_core.sim.threads import usable_cores, wanted_threads

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
_SINGLE_DOF = (int(mujoco.mjtJoint.mjJNT_SLIDE), int(mujoco.mjtJoint.mjJNT_HINGE))
_FREE = int(mujoco.mjtJoint.mjJNT_FREE)


class MujocoBatch:
    """Worlds as rows of the engine's full physics state: time, positions, velocities, activations.

    A rollout starts its solver cold, so that state decides everything that follows and needs no re-seating.
    """

    name = "mujoco"

    def __init__(self, model: mujoco.MjModel, path: Path, *, num_envs: int, sensors: Sequence[str]) -> None:
        self.dofs = _layout(model, path)
        # An unstable world must be seen as such; MuJoCo would put it back to its initial pose without a word.
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        self._model = model
        self._path = path
        self.num_envs = num_envs
        self.timestep_s = float(model.opt.timestep)
        self.joints = self.dofs.joints
        self.actuators = tuple(model.actuator(index).name for index in range(model.nu))
        self.geoms = geoms_of(model)
        self._sensors = {name: self._sensor_slice(name, path) for name in sensors}
        self.varied = MujocoVaried(model, path.name, num_envs)
        self._allocate(wanted_threads() or usable_cores())

    @classmethod
    def load(cls, path: Path, *, num_envs: int, sensors: Sequence[str] = ()) -> MujocoBatch:
        log_warnings()
        try:
            model = load_model(path)
        except ValueError as error:
            # The engine adds the element and its line as a second one, after lines that are empty.
            message = with_line(" ".join(str(error).split()), path)
            raise EnvironmentFailed(f"MuJoCo cannot load {path}: {message}") from error
        return cls(model, path, num_envs=num_envs, sensors=sensors)

    def _sensor_slice(self, name: str, path: Path) -> slice:
        index = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_SENSOR, name)
        if index < 0:
            raise EnvironmentFailed(f"{path.name} has no sensor {name!r}")
        start = int(self._model.sensor_adr[index])
        return slice(start, start + int(self._model.sensor_dim[index]))

    def _allocate(self, threads: int) -> None:
        model, count = self._model, self.num_envs
        self._pool: rollout.Rollout | None = rollout.Rollout(nthread=threads)
        self._workers = [mujoco.MjData(model) for _ in range(threads)]
        self._positions = slice(1, 1 + model.nq)
        self._velocities = slice(1 + model.nq, 1 + model.nq + model.nv)
        initial = np.empty(mujoco.mj_stateSize(model, _STATE))
        mujoco.mj_getState(model, mujoco.MjData(model), initial, _STATE)
        self._initial = initial
        self._state = np.tile(initial, (count, 1))
        self._dof_pos = np.empty((count, model.nq), np.float32)
        self._dof_vel = np.empty((count, model.nv), np.float32)
        self._sensor_values = np.zeros((count, model.nsensordata), np.float32)
        self._buffers: dict[int, tuple[NDArray, NDArray, NDArray]] = {}
        self._read()

    def _read(self) -> None:
        # A velocity beyond float32 becomes infinite, which is what the environment looks for.
        with np.errstate(over="ignore"):
            self._dof_pos[:] = self._state[:, self._positions]
            self._dof_vel[:] = self._state[:, self._velocities]

    @property
    def model(self) -> mujoco.MjModel:
        """The engine's own model, for its own viewer and renderer."""
        return self._model

    @property
    def dof_pos(self) -> FloatArray:
        return self._dof_pos

    @property
    def dof_vel(self) -> FloatArray:
        return self._dof_vel

    @property
    def initial_dof_pos(self) -> FloatArray:
        return self._initial[self._positions].astype(np.float32)

    def joint_range(self, *names: str) -> FloatArray:
        columns(names, self.joints, "joint")
        indices = [self._model.joint(name).id for name in names]
        limits = self._model.jnt_range[indices].astype(np.float32)
        limits[~self._model.jnt_limited[indices].astype(bool)] = (-np.inf, np.inf)
        return limits

    def sensor(self, name: str) -> FloatArray:
        return self._sensor_values[:, self._sensors[name]]

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        data = mujoco.MjData(self._model)

        def placed(row: int) -> mujoco.MjData:
            data.qpos[:] = self._state[row, self._positions]
            mujoco.mj_kinematics(self._model, data)
            return data

        return poses_of(map(placed, rows), (len(rows), len(self.geoms)))

    def step(self, ctrl: FloatArray, substeps: int) -> None:
        if self._pool is None:
            raise closed_error(self._path)
        controls, states, sensors = self._buffers_of(substeps)
        controls[:] = ctrl[:, None, :]
        self._pool.rollout(
            self.varied.models,
            self._workers,
            self._state,
            controls,
            skip_checks=True,
            nstep=substeps,
            state=states,
            sensordata=sensors,
        )
        self._state[:] = states[:, -1]
        with np.errstate(over="ignore"):
            self._sensor_values[:] = sensors[:, -1]
        self._read()

    def _buffers_of(self, substeps: int) -> tuple[NDArray, NDArray, NDArray]:
        """Controls, states and sensor values of every substep, in the layout that the rollout works on directly."""
        if substeps not in self._buffers:
            shape = (self.num_envs, substeps)
            self._buffers[substeps] = (
                np.empty((*shape, self._model.nu)),
                np.empty((*shape, len(self._initial))),
                np.empty((*shape, self._model.nsensordata)),
            )
        return self._buffers[substeps]

    def reset(self, mask: NDArray[np.bool_], dof_pos: FloatArray, dof_vel: FloatArray) -> None:
        rows = np.flatnonzero(mask)
        self._state[rows] = self._initial
        self._state[rows, self._positions] = dof_pos
        self._state[rows, self._velocities] = dof_vel
        self._dof_pos[rows] = dof_pos
        self._dof_vel[rows] = dof_vel

    def forget(self) -> None:
        """Nothing to do: every `step` starts from the state alone."""

    def get_state(self) -> dict[str, NDArray]:
        return {"full_physics": self._state.copy(), **self.varied.get_state()}

    def set_state(self, state: Mapping[str, NDArray]) -> None:
        check_state(state, {"full_physics": self._state.shape, **self.varied.expected()}, "MuJoCo")
        self.varied.set_state(state)
        self._state[:] = state["full_physics"]
        self._read()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def _layout(model: mujoco.MjModel, path: Path) -> DofLayout:
    kinds = [int(kind) for kind in model.jnt_type]
    single = [index for index, kind in enumerate(kinds) if kind in _SINGLE_DOF]
    free = [index for index, kind in enumerate(kinds) if kind == _FREE]
    if len(single) + len(free) < model.njnt:
        other = next(index for index in range(model.njnt) if index not in single and index not in free)
        raise ball_joint_error(path, model.joint(other).name)
    return DofLayout(
        joints=tuple(model.joint(index).name for index in single),
        joint_pos=tuple(int(model.jnt_qposadr[index]) for index in single),
        joint_vel=tuple(int(model.jnt_dofadr[index]) for index in single),
        free_joints=tuple(model.joint(index).name for index in free),
        free_pos=tuple(int(model.jnt_qposadr[index]) for index in free),
        free_vel=tuple(int(model.jnt_dofadr[index]) for index in free),
    )
