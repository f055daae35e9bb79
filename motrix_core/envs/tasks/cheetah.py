"""The planar cheetah of the DeepMind Control Suite (Tassa et al. 2018): run."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.reward import tolerance
from motrix_core.envs.sim_env import TASKS, SimEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.sim.base import check_state, joint_columns
from motrix_core.sim.loader import load_sim

_RUN_SPEED = 10.0  # m/s
_LEG_JOINTS = ("back_thigh", "back_shin", "back_foot", "front_thigh", "front_shin", "front_foot")
_START_POSES = 64
_SETTLING_STEPS = 200


class Cheetah(SimEnv):
    """Run forward as fast as possible, up to 10 m/s.

    obs, 17 numbers, the suite's: the whole state but the distance run:
    0      height of the torso above its height in the model file, m
    1      pitch of the torso, rad
    2-7    back thigh, shin and foot, front thigh, shin and foot, rad
    8-16   velocities: torso forward and up m/s, torso pitch and the six joints rad/s

    action: back thigh, shin, foot, then front, in ±1 of the motors' torque of 120, 90, 60, 90, 60 and 30 N m.

    Reward of the suite: tolerance(speed ≥ 10 m/s, margin 10, linear, 0 at the margin), so a tenth of the speed in
    m/s. The forward speed is the centre of mass's, at the beginning of the last substep. Episodes end by time only.

    Episodes begin as the suite's do, in a random pose that has come to rest: one of 64, always the same ones. A
    control step of 25 ms is two and a half simulation steps of 10 ms, so two and three are made in turns.
    """

    model = "cheetah.xml"
    sensors = ("torso_subtreelinvel",)

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
        self._start_pos, self._start_vel = _settled_poses(sim)
        self._control_steps = 0

    def physics_step(self) -> None:
        ratio = self.cfg.ctrl_dt / self.cfg.sim_dt
        done, due = (math.floor(count * ratio + 1e-6) for count in (self._control_steps, self._control_steps + 1))
        self.physics.step(self._ctrl, due - done)
        self._control_steps += 1

    def update_state(self) -> Outcome:
        obs = _observe(self.physics.dof_pos, self.physics.dof_vel)
        speed = self.physics.sensor("torso_subtreelinvel")[:, 0].copy()
        run = tolerance(speed, lower=_RUN_SPEED, upper=np.inf, margin=_RUN_SPEED, sigmoid="linear", value_at_margin=0.0)
        return Outcome(
            obs,
            run.copy(),
            np.zeros(self.num_envs, np.bool_),
            reward_terms={"run": run},
            metrics={"horizontal_speed": speed, "torso_pitch": np.abs(obs[:, 1])},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        chosen = self.rng.integers(len(self._start_pos), size=len(rows))
        dof_pos, dof_vel = self._start_pos[chosen], self._start_vel[chosen]
        self.place(rows, dof_pos, dof_vel)
        return _observe(dof_pos, dof_vel)

    def get_task_state(self) -> dict[str, NDArray]:
        return {**super().get_task_state(), "control_steps": np.array([self._control_steps], np.int64)}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        super().set_task_state(state)
        check_state(state, {"control_steps": (1,)}, self.spec.name)
        self._control_steps = int(state["control_steps"][0])


def _observe(dof_pos: FloatArray, dof_vel: FloatArray) -> FloatArray:
    """obs of the given joint states, (rows, joints) each; `rootx` is the first joint."""
    return np.concatenate([dof_pos[:, 1:], dof_vel], axis=1)


@functools.cache
def _settled_poses(sim: str) -> tuple[FloatArray, FloatArray]:
    """Positions and velocities, (poses, joints) each, of cheetahs that were dropped with random leg joints.

    They come from a simulation and a generator of their own, so they depend on the simulator alone, are made once in a
    process, and need not be saved with a run.
    """
    physics = load_sim(sim, TASKS / Cheetah.model, num_envs=_START_POSES)
    legs = joint_columns(physics, *_LEG_JOINTS)
    lower, upper = physics.joint_range(*_LEG_JOINTS).T
    dof_pos = np.zeros((_START_POSES, len(physics.joints)), np.float32)
    dof_pos[:, legs] = np.random.default_rng(0).uniform(lower, upper, (_START_POSES, len(legs)))
    physics.reset(np.ones(_START_POSES, np.bool_), dof_pos, np.zeros_like(dof_pos))
    physics.step(np.zeros((_START_POSES, len(physics.actuators)), np.float32), _SETTLING_STEPS)
    settled = physics.dof_pos.copy(), physics.dof_vel.copy()
    physics.close()
    return settled
