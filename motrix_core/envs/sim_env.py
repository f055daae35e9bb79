"""The base of every task that runs on a physics engine."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, NpEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.base import check_state
from motrix_core.sim.loader import load_sim

TASKS = Path(__file__).parent / "tasks"

_WHOLE = 1e-6  # how far a number of steps may be from a whole one, for decimal fractions


class SimEnv(NpEnv):
    """A task on `self.physics`, a `BatchSim`.

    `model` is the MJCF file, an absolute path or one seen from the module of the class that names it, with actuators in
    the actions' order; `sensors` are those of it that the task reads. Raises `EnvironmentFailed` when the file does not
    fit the spec.
    """

    model: ClassVar[str]
    sensors: ClassVar[Sequence[str]] = ()

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
    ) -> None:
        super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        self.physics = load_sim(sim, self.model_path(), num_envs=num_envs, sensors=self.sensors)
        if len(self.physics.actuators) != self.num_controls:
            raise EnvironmentFailed(
                f"{self.model} has {len(self.physics.actuators)} actuators, but {spec.name} drives {self.num_controls}"
            )
        if not np.isclose(self.physics.timestep_s, self.cfg.sim_dt):
            raise EnvironmentFailed(
                f"{self.model} has a time step of {self.physics.timestep_s:g} s, "
                f"but {spec.name} needs {spec.sim_dt_s:g} s"
            )
        self._ctrl = np.zeros((num_envs, self.num_controls), np.float32)

    def model_path(self) -> Path:
        """The MJCF file to load, for tasks that write theirs; `model` otherwise."""
        named_by = next((base for base in type(self).__mro__ if "model" in vars(base)), None)
        if named_by is None:
            raise EnvironmentFailed(
                f"{type(self).__name__} names no model",
                mend='give the class model = "FILE.xml", an MJCF file in the folder of its module',
            )
        return Path(inspect.getfile(named_by)).parent / self.model

    @property
    def num_controls(self) -> int:
        """How many actuators the model has, for tasks where that is not one for each action."""
        return self.spec.act_dim

    def task_arrays(self) -> dict[str, NDArray]:
        """The task's own arrays that decide how episodes go on, by name; they are saved, and restored in place."""
        return {}

    def apply_action(self, actions: FloatArray) -> None:
        self._ctrl = actions

    def physics_step(self) -> None:
        """`sim_substeps` steps of the engine. Raises `EnvironmentFailed` if they are not as long as a control step."""
        substeps, ratio = self.cfg.sim_substeps, self.cfg.ctrl_dt / self.cfg.sim_dt
        if abs(ratio - substeps) > _WHOLE:
            raise EnvironmentFailed(
                f"{self.spec.name} has ctrl_dt_s={self.cfg.ctrl_dt:g}, which is no multiple of "
                f"sim_dt_s={self.cfg.sim_dt:g}: {substeps} steps of physics last {substeps * self.cfg.sim_dt:g} s",
                mend="make it a multiple, or write a physics_step that alternates",
            )
        self.physics.step(self._ctrl, substeps)

    def place(self, rows: NDArray[np.intp], dof_pos: FloatArray, dof_vel: FloatArray) -> None:
        """Put the worlds `rows`, ascending, into the given states, (len(rows), joints) each."""
        mask = np.zeros(self.num_envs, np.bool_)
        mask[rows] = True
        self.physics.reset(mask, dof_pos, dof_vel)

    def forget(self) -> None:
        self.physics.forget()

    def get_task_state(self) -> dict[str, NDArray]:
        arrays = {f"sim.{name}": value for name, value in self.physics.get_state().items()}
        return {**arrays, **{name: values.copy() for name, values in self.task_arrays().items()}}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        arrays = self.task_arrays()
        check_state(state, {name: values.shape for name, values in arrays.items()}, self.spec.name)
        self.physics.set_state({name[4:]: value for name, value in state.items() if name.startswith("sim.")})
        for name, values in arrays.items():
            values[:] = state[name]

    def close(self) -> None:
        self.physics.close()
