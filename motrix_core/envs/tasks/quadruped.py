"""Four-legged robots: their base's motion, their drives, and how they are put on their feet."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import BoolArray, FloatArray
from motrix_core.envs.options import number_problems
from motrix_core.envs.sim_env import TASKS, SimEnv
from motrix_core.envs.spec import EnvSpec
from motrix_core.envs.tasks.published import model_problems, published_file, quadruped_model
from motrix_core.errors import EnvironmentFailed, Problem
from motrix_core.sim.base import free_columns, joint_columns, velocity_columns
from motrix_core.sim.varied import Quantity

BASE, FLOOR = "trunk", "floor"
_TOUCHING_N = 1.0
# A stride is worth what the foot is longer in the air than the first of these, s, up to the second.
_AIR_TIME_S = (0.1, 0.4)
_AIR_TIME_WEIGHT = 0.2
# Below this the trunk leans by more than 60° from upright.
_MIN_UPRIGHT = 0.5
_PUSH_STEPS = 500


@dataclass(frozen=True)
class Robot:
    """A robot and the drives of its MJCF file, which has the joints and actuators in the same order, leg by leg.

    `package` is the published model's in robot_descriptions. `pose` are the joint angles that it stands in, rad, at
    `height`, m, of the base above the ground; `stiffness`, N m/rad, `damping`, N m s/rad, and `torque_limits`, N m,
    those of the drives. `torque_cost` weighs their squares.
    """

    model: str
    package: str
    legs: tuple[str, ...]
    pose: tuple[float, ...]
    height: float
    stiffness: float
    damping: float
    torque_limits: tuple[float, ...]
    torque_cost: float

    @property
    def foot_sensors(self) -> tuple[str, ...]:
        return tuple(f"{leg}_foot_touch" for leg in self.legs)


UNITREE_LEGS = ("FR", "FL", "RR", "RL")
_UNITREE_POSE = (0.0, 0.9, -1.8) * 4
_GO1_LIMITS, _GO2_LIMITS = (23.7, 23.7, 35.55) * 4, (23.7, 23.7, 45.43) * 4
GO1 = Robot("go1.xml", "go1_mj_description", UNITREE_LEGS, _UNITREE_POSE, 0.29, 50.0, 1.0, _GO1_LIMITS, 2e-4)
GO2 = Robot("go2.xml", "go2_mj_description", UNITREE_LEGS, _UNITREE_POSE, 0.29, 50.0, 1.0, _GO2_LIMITS, 2e-4)
ANYMAL_C = Robot(
    "anymal_c.xml",
    "anymal_c_mj_description",
    ("LF", "RF", "LH", "RH"),
    (0.0, 0.4, -0.8) * 2 + (0.0, -0.4, 0.8) * 2,
    0.555,
    150.0,
    2.0,
    (80.0,) * 12,
    2e-5,
)


@dataclass(frozen=True)
class BaseMotion:
    """How the base moves, along its own axes: velocity m/s, angular velocity rad/s, unit vector down; (rows, 3)."""

    linear: FloatArray
    angular: FloatArray
    down: FloatArray


def base_motion(quaternion: FloatArray, linear: FloatArray, angular: FloatArray) -> BaseMotion:
    """From the free joint's unit quaternion w x y z, (rows, 4), and velocities, (rows, 3), as `DofLayout` has them."""
    w, x, y, z = quaternion.T
    vx, vy, vz = linear.T
    own = np.empty((len(linear), 3), np.float32)
    xy, xz, yz = x * y, x * z, y * z
    wx, wy, wz = w * x, w * y, w * z
    xx, yy, zz = x * x, y * y, z * z
    own[:, 0] = (1 - 2 * (yy + zz)) * vx + 2 * (xy + wz) * vy + 2 * (xz - wy) * vz
    own[:, 1] = 2 * (xy - wz) * vx + (1 - 2 * (xx + zz)) * vy + 2 * (yz + wx) * vz
    own[:, 2] = 2 * (xz + wy) * vx + 2 * (yz - wx) * vy + (1 - 2 * (xx + yy)) * vz
    down = np.empty_like(own)
    down[:, 0] = 2 * (wy - xz)
    down[:, 1] = -2 * (yz + wx)
    down[:, 2] = 2 * (xx + yy) - 1
    return BaseMotion(own, angular, down)


def heading(quaternion: FloatArray) -> FloatArray:
    """The direction of the base's x axis seen from above, rad in [-π, π], (rows,)."""
    w, x, y, z = quaternion.T
    return np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)).astype(np.float32)


def squares(values: FloatArray) -> FloatArray:
    """The sum of squares of each row."""
    return np.einsum("ij,ij->i", values, values)


def bell(squared_error: FloatArray) -> FloatArray:
    """exp(-error² / 0.25): 1 without an error, 0.37 at one of half a unit."""
    return np.exp(squared_error * np.float32(-4.0))


class Quadruped(SimEnv):
    """A `robot` on the ground whose drives hold the angles `pose + action_scale · action`.

    A task keeps whatever decides how an episode goes on in arrays of (num_envs, …), which `make_arrays` makes and
    `task_arrays` names: `last_actions`, and `air_time`, s, how long each foot has been in the air, are among them.
    Falling is touching the ground with the trunk or leaning by more than 60°.

    Options make the robots of a batch differ, and disturb them; both are off unless asked for. `vary`, from 0 to below
    1: in each episode the friction of feet and floor, the mass of the trunk and the stiffness of the drives are drawn
    within 1 ± vary of the model's. `push_speed`, m/s: every 5 s of an episode the base is given a horizontal velocity
    of up to this on top of its own. `model` is "own", or "menagerie" for the published model (`published`).
    """

    robot: ClassVar[Robot]
    action_scale: ClassVar[float] = 0.5  # rad
    lean_cost: ClassVar[float] = 5.0

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
        vary: float = 0.0,
        push_speed: float = 0.0,
        model: str = "own",
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._model_path = self.build_model(model, Path(folder))
            super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim, episode_s=episode_s)
        joints = self.physics.joints
        if joints != self.physics.actuators or joint_columns(self.physics, *joints).tolist() != list(range(7, 19)):
            raise EnvironmentFailed(f"{self.model} must be a free base and 12 joints with a drive each, in this order")
        self._base_pos, self._base_vel = free_columns(self.physics, BASE)
        self._joint_pos = slice(7, 19)
        self._joint_vel = slice(int(velocity_columns(self.physics, joints[0])[0]), None)
        self._pose = np.array(self.robot.pose, np.float32)
        self._torque_limits = np.array(self.robot.torque_limits, np.float32)
        self._actions = np.zeros((num_envs, 12), np.float32)
        self.last_actions = np.zeros((num_envs, 12), np.float32)
        self.air_time = np.zeros((num_envs, 4), np.float32)
        self._stiffness = np.full((num_envs, 12), self.robot.stiffness, np.float32)
        self.push_speed = float(push_speed)
        self.vary = float(vary)
        if self.vary:
            self._vary_model()
        self.make_arrays()

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        return [
            *super().option_problems(spec, options),
            *number_problems(options, "vary", "must be a number from 0 to below 1", below=1.0, example=0.2),
            *number_problems(options, "push_speed", "must be a number of m/s, 0 or more", example=0.5),
            *model_problems(options),
        ]

    def build_model(self, model: str, folder: Path) -> Path:
        """The MJCF file to load: ours, or one made in `folder` of the published model."""
        own = TASKS / self.robot.model
        if model == "own":
            return own
        target = folder / f"published_{self.robot.model}"
        quadruped_model(
            published_file(self.robot.package),
            own,
            legs=self.robot.legs,
            damping=self.robot.damping,
            torque_limits=self.robot.torque_limits,
            target=target,
        )
        return target

    def model_path(self) -> Path:
        return self._model_path

    def make_arrays(self) -> None:
        """Make the task's own arrays."""

    def _vary_model(self) -> None:
        varied = self.physics.varied
        varied.vary("friction", [FLOOR, *(f"{leg}_foot" for leg in self.robot.legs)])
        varied.vary("mass", [BASE])
        varied.vary("stiffness", self.physics.actuators)
        self._model_values: dict[Quantity, FloatArray] = {
            quantity: varied.values(quantity)[0] for quantity in ("friction", "mass", "stiffness")
        }

    def randomise(self, rows: NDArray[np.intp]) -> None:
        if not self.vary:
            return
        for quantity, values in self._model_values.items():
            # One factor for all parts of a robot: its feet are alike, and so are its drives.
            factors = self.rng.uniform(1 - self.vary, 1 + self.vary, (len(rows), 1)).astype(np.float32)
            self.physics.varied.set_values(quantity, rows, factors * values)
        self._stiffness[:] = self.physics.varied.values("stiffness")

    def _push(self) -> None:
        rows = np.flatnonzero((self._steps % _PUSH_STEPS == 0) & (self._steps > 0))
        if not rows.size:
            return
        dof_vel = self.physics.dof_vel[rows]
        speed, direction = self.rng.uniform(0, self.push_speed, rows.size), self.rng.uniform(-np.pi, np.pi, rows.size)
        dof_vel[:, self._base_vel.start] += speed * np.cos(direction)
        dof_vel[:, self._base_vel.start + 1] += speed * np.sin(direction)
        self.place(rows, self.physics.dof_pos[rows], dof_vel)

    def apply_action(self, actions: FloatArray) -> None:
        if self.push_speed:
            self._push()
        self._actions = actions
        self._ctrl = self._pose + self.action_scale * actions

    def motion(self, dof_pos: FloatArray, dof_vel: FloatArray) -> BaseMotion:
        velocity = dof_vel[:, self._base_vel]
        quaternion = dof_pos[:, self._base_pos.start + 3 : self._base_pos.stop]
        return base_motion(quaternion, velocity[:, :3], velocity[:, 3:])

    def torques(self) -> FloatArray:
        """What the drives exert in the state that the step ended in, N m, (num_envs, 12)."""
        error = self._ctrl - self.physics.dof_pos[:, self._joint_pos]
        spring = np.clip(self._stiffness * error, -self._torque_limits, self._torque_limits)
        return spring - np.float32(self.robot.damping) * self.physics.dof_vel[:, self._joint_vel]

    def feet_down(self) -> BoolArray:
        """Which feet press on the ground, (num_envs, 4), as measured at the beginning of the last substep."""
        feet = np.empty((self.num_envs, len(self.robot.legs)), np.float32)
        for column, name in enumerate(self.robot.foot_sensors):
            feet[:, column] = self.physics.sensor(name)[:, 0]
        return feet > _TOUCHING_N

    def fallen(self, motion: BaseMotion) -> BoolArray:
        return (motion.down[:, 2] > -_MIN_UPRIGHT) | (self.physics.sensor("trunk_touch")[:, 0] > _TOUCHING_N)

    def gait_rates(self, motion: BaseMotion) -> dict[str, FloatArray]:
        """What a smooth gait is worth a second, (num_envs,) each; to be asked once a step.

        air_time            0.2 / ctrl_dt for every second that a foot that comes down was longer in the air than
                            0.1 s, counting to 0.4 s; negative for shorter strides
        vertical_velocity   -2 · v²
        roll_pitch_rate     -0.05 · |ω|²
        orientation         -lean_cost · |horizontal part of down|²
        torque              -torque_cost · |τ|²
        action_rate         -0.01 · |change of the actions|²
        """
        return {
            "air_time": self._air_time_rate(),
            "vertical_velocity": -2.0 * np.square(motion.linear[:, 2]),
            "roll_pitch_rate": -0.05 * squares(motion.angular[:, :2]),
            "orientation": np.float32(-self.lean_cost) * squares(motion.down[:, :2]),
            "torque": np.float32(-self.robot.torque_cost) * squares(self.torques()),
            "action_rate": -0.01 * squares(self._actions - self.last_actions),
        }

    def _air_time_rate(self) -> FloatArray:
        down = self.feet_down()
        step_s = self.cfg.ctrl_dt
        self.air_time += np.float32(step_s)
        shortest, longest = _AIR_TIME_S
        worth = np.minimum(self.air_time, np.float32(longest)) - np.float32(shortest)
        landed = down & (self.air_time > 1.5 * step_s)
        self.air_time[down] = 0.0
        # A stride is an event, not a rate, so the time step that every term is multiplied by is divided out.
        return np.where(landed, worth, np.float32(0.0)).sum(axis=1) * np.float32(_AIR_TIME_WEIGHT / step_s)

    def stand_up(self, rows: NDArray[np.intp], ground: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Put the robots `rows` near their pose at the origin, in any direction, moving a little.

        `ground` are x, y and the height of the ground there, (rows, 3); the origin by default. Joints are drawn within
        ±0.1 rad of the pose, velocities of the base within ±0.2 m/s and rad/s. Returns the states.
        """
        count = len(rows)
        dof_pos = np.zeros((count, self.physics.dofs.num_pos), np.float32)
        dof_vel = np.zeros((count, self.physics.dofs.num_vel), np.float32)
        if ground is not None:
            dof_pos[:, :3] = ground
        dof_pos[:, 2] += self.robot.height
        half = self.rng.uniform(-np.pi / 2, np.pi / 2, count)
        dof_pos[:, 3], dof_pos[:, 6] = np.cos(half), np.sin(half)
        dof_pos[:, self._joint_pos] = self._pose + self.rng.uniform(-0.1, 0.1, (count, 12))
        dof_vel[:, self._base_vel] = self.rng.uniform(-0.2, 0.2, (count, 6))
        self.place(rows, dof_pos, dof_vel)
        self.last_actions[rows] = 0.0
        self.air_time[rows] = 0.0
        return dof_pos, dof_vel

    def task_arrays(self) -> dict[str, NDArray]:
        return {"last_actions": self.last_actions, "air_time": self.air_time}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        super().set_task_state(state)
        if self.vary:
            self._stiffness[:] = self.physics.varied.values("stiffness")
