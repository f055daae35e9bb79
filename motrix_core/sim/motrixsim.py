"""`BatchSim` on MotrixSim, MotrixLab's engine. Single precision, one world per row, all cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import motrixsim
import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.base import FloatArray, check_state, closed_error
from motrix_core.sim.dofs import FREE_POSITIONS, DofLayout, ball_joint_error, columns
from motrix_core.sim.geoms import GeomPoses
from motrix_core.sim.model_lines import with_line
from motrix_core.sim.motrixsim_data import make_data
from motrix_core.sim.motrixsim_geoms import geoms_of, poses_of
from motrix_core.sim.motrixsim_log import output_read
from motrix_core.sim.motrixsim_varied import MotrixSimVaried
from motrix_core.sim.threads import wanted_threads

_QUATERNION = 4
# How many threads its pool was made with; None until then, 0 where the engine chose.
_pool_threads: int | None = None


class MotrixSimBatch:
    """Worlds in one batched `SceneData`.

    MotrixSim is deterministic, but a live `SceneData` holds warm-start values of its contact solver that nothing can
    read, and that its `reset` keeps. So `forget` and `get_state` move the live simulation into a fresh `SceneData` made
    from the joint state, which is exactly what `set_state` does: all drop the warm start, and then agree bit for bit.
    """

    name = "motrixsim"

    def __init__(self, model: motrixsim.SceneModel, path: Path, *, num_envs: int, sensors: Sequence[str]) -> None:
        self._model = model
        self._path = path
        self._data: motrixsim.SceneData | None = None
        self.num_envs = num_envs
        self.timestep_s = float(model.options.timestep)
        self.dofs = _layout(model, path)
        self.joints = self.dofs.joints
        self.actuators = tuple(name or "" for name in model.actuator_names)
        self.geoms = geoms_of(model)
        self._query = model.compile_query(self._fields(path, sensors))
        self._from_engine, self._to_engine = _quaternion_orders(self.dofs)
        self._dof_pos = np.tile(self.initial_dof_pos, (num_envs, 1))
        self._dof_vel = np.zeros((num_envs, model.num_dof_vel), np.float32)
        self._data = self._seated()
        self.varied = MotrixSimVaried(model, path.name, self._data)
        self._results = self._query.allocate(self._data)
        # Only orientations have four components; the engine gives them as x y z w.
        shapes = {name: self._results[f"sensor:{name}"].shape for name in sensors}
        self._orientations = {
            name: np.zeros(shape, np.float32) for name, shape in shapes.items() if shape[1] == _QUATERNION
        }

    @classmethod
    def load(cls, path: Path, *, num_envs: int, sensors: Sequence[str] = ()) -> MotrixSimBatch:
        _make_pool(wanted_threads())
        try:
            with output_read():
                model = motrixsim.load_model(str(path))
                _refuse_activations(path)
                return cls(model, path, num_envs=num_envs, sensors=sensors)
        except EnvironmentFailed:
            raise
        except BaseException as error:
            # The binding raises several types, none of them its own, and its panics are no Exceptions.
            if not (isinstance(error, Exception) or _is_panic(error)):
                raise
            raise EnvironmentFailed(f"MotrixSim cannot load {path}: {with_line(str(error), path)}") from error

    def _fields(self, path: Path, sensors: Sequence[str]) -> dict[str, motrixsim.query.QuerySource]:
        query = motrixsim.query
        fields: dict[str, motrixsim.query.QuerySource] = {}
        fields["dof_pos"], fields["dof_vel"] = query.DofPosition(), query.DofVelocity()
        for sensor in sensors:
            try:
                self._model.compile_query({sensor: query.SensorValues([sensor])})
            except ValueError as error:
                raise EnvironmentFailed(f"{path.name} has no sensor {sensor!r}: {error}") from error
            fields[f"sensor:{sensor}"] = query.SensorValues([sensor])
        return fields

    def engine_positions(self, rows: Sequence[int]) -> FloatArray:
        """Positions of the worlds `rows` in the engine's own order, (rows, dofs.num_pos)."""
        return self._engine_pos(self._dof_pos[list(rows)])

    def _engine_pos(self, dof_pos: FloatArray) -> FloatArray:
        return np.ascontiguousarray(dof_pos[:, self._to_engine])

    def _seated(self) -> motrixsim.SceneData:
        data = make_data(self._model, self.num_envs)
        data.reset(self._model, dof_pos=self._engine_pos(self._dof_pos), dof_vel=self._dof_vel, forward_kinematic=True)
        return data

    def _seat(self) -> None:
        self._data = self._seated()
        self.varied.attach(self._data)

    @property
    def model(self) -> motrixsim.SceneModel:
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
        return self._model.compute_init_dof_pos().astype(np.float32)[self._from_engine]

    def joint_range(self, *names: str) -> FloatArray:
        return self._model.joint_limits[:, columns(names, self.joints, "joint")].T.astype(np.float32)

    def sensor(self, name: str) -> FloatArray:
        return self._orientations[name] if name in self._orientations else self._results[f"sensor:{name}"]

    def geom_poses(self, rows: Sequence[int]) -> GeomPoses:
        count = len(rows)
        if count == 0:  # the engine has no empty batches
            empty = np.empty((0, len(self.geoms), 3), np.float32)
            return GeomPoses(empty, np.empty((0, len(self.geoms), _QUATERNION), np.float32))
        data = make_data(self._model, count)
        positions = self._engine_pos(self._dof_pos[list(rows)])
        data.reset(self._model, dof_pos=positions, dof_vel=self._dof_vel[list(rows)], forward_kinematic=True)
        return poses_of(self._model, data)

    def step(self, ctrl: FloatArray, substeps: int) -> None:
        data = self._open()
        if self.actuators:  # assigning to none of them breaks the engine down
            data.actuator_ctrls = np.ascontiguousarray(ctrl, np.float32)
        try:
            self._model.step_n(data, substeps)
        except BaseException as error:
            # A panic of the engine is no Exception, and would pass every handler that reports errors to the user.
            if not _is_panic(error):
                raise
            raise EnvironmentFailed(f"MotrixSim broke down while it stepped {self._path.name}: {error}") from error
        self._results.execute(data)
        np.take(self._results["dof_pos"], self._from_engine, axis=1, out=self._dof_pos, mode="clip")
        self._dof_vel[:] = self._results["dof_vel"]
        for name, values in self._orientations.items():
            values[:] = np.roll(self._results[f"sensor:{name}"], 1, axis=1)

    def reset(self, mask: NDArray[np.bool_], dof_pos: FloatArray, dof_vel: FloatArray) -> None:
        rows = np.flatnonzero(mask)
        if rows.size == 0:
            return
        # Many times as fast as indexing by the mask itself, which walks the whole batch.
        worlds = self._open()[motrixsim.DisjointIndices(rows)]
        positions = self._engine_pos(np.asarray(dof_pos, np.float32))
        velocities = np.ascontiguousarray(dof_vel, np.float32)
        worlds.reset(self._model, dof_pos=positions, dof_vel=velocities)
        self.varied.apply(rows)
        self._dof_pos[rows] = dof_pos
        self._dof_vel[rows] = dof_vel

    def forget(self) -> None:
        self._open()
        self._seat()

    def get_state(self) -> dict[str, NDArray]:
        self.forget()
        return {"dof_pos": self._dof_pos.copy(), "dof_vel": self._dof_vel.copy(), **self.varied.get_state()}

    def set_state(self, state: Mapping[str, NDArray]) -> None:
        shapes = {"dof_pos": self._dof_pos.shape, "dof_vel": self._dof_vel.shape, **self.varied.expected()}
        check_state(state, shapes, "MotrixSim")
        self._open()
        self._dof_pos[:] = state["dof_pos"]
        self._dof_vel[:] = state["dof_vel"]
        self.varied.set_state(state)
        self._seat()

    def close(self) -> None:
        self._data = None

    def _open(self) -> motrixsim.SceneData:
        if self._data is None:
            raise closed_error(self._path)
        return self._data


def _refuse_activations(path: Path) -> None:
    """Raise `EnvironmentFailed` if an actuator of the model has a state of its own besides joints and controls.

    The engine steps such an activation, but it can neither be read nor written, and `reset` keeps it: episodes would
    begin with what the last one left, and a saved simulation would not go on as the one that was saved.
    """
    for number, actuator in enumerate(motrixsim.msd.from_file(str(path)).actuators, 1):
        cause = _activation(actuator.actuator_type)
        if cause is not None:
            raise EnvironmentFailed(
                f"actuator {repr(actuator.name) if actuator.name else f'number {number}'} of {path.name} has {cause}, "
                "and so an activation, a state that MotrixSim can neither save nor reset",
                mend="use --sim mujoco, or an actuator without it",
            )


def _activation(kind: motrixsim.msd.ActuatorType) -> str | None:
    """What of an actuator of this kind gives it an activation, as MJCF writes it; None if nothing does."""
    if kind.variant == "general" and kind.value.dyntype != motrixsim.msd.DynType.None_:
        return f'dyntype="{str(kind.value.dyntype).rpartition(".")[2].lower()}"'
    if kind.variant == "position" and kind.value.timeconst > 0:
        return f'timeconst="{kind.value.timeconst:g}"'
    return None


def _is_panic(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"


def _make_pool(threads: int) -> None:
    """Give MotrixSim `threads` threads, 0 for as many as it likes. Raises `EnvironmentFailed` if it has others."""
    global _pool_threads
    if _pool_threads is None:
        if threads:
            motrixsim.init_thread_pool(threads)
        _pool_threads = threads
    elif threads and threads != _pool_threads:
        raise EnvironmentFailed(
            f"MotrixSim cannot use {threads} threads: it already has {_pool_threads or 'one for each core'}",
            mend="set the number before anything is simulated in this process",
        )


def _layout(model: motrixsim.SceneModel, path: Path) -> DofLayout:
    names = tuple(name or "" for name in model.joint_names)
    for name, positions in zip(names, model.joint_dof_pos_nums, strict=True):
        if positions != 1:
            raise ball_joint_error(path, name)
    bases = model.floating_bases
    return DofLayout(
        joints=names,
        joint_pos=tuple(int(index) for index in model.joint_dof_pos_indices),
        joint_vel=tuple(int(index) for index in model.joint_dof_vel_indices),
        free_joints=tuple(base.name or "" for base in bases),
        free_pos=tuple(base.dof_pos_start for base in bases),
        free_vel=tuple(base.dof_vel_start for base in bases),
    )


def _quaternion_orders(dofs: DofLayout) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns of the engine's x y z w that give w x y z, and the way back."""
    from_engine, to_engine = np.arange(dofs.num_pos), np.arange(dofs.num_pos)
    for start in dofs.free_pos:
        quaternion = np.arange(start + 3, start + FREE_POSITIONS)
        from_engine[quaternion] = np.roll(quaternion, 1)
        to_engine[quaternion] = np.roll(quaternion, -1)
    return from_engine, to_engine
