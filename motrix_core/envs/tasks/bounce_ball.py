"""Keep a ball bouncing on a paddle that a six-joint arm holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import FloatArray, Outcome
from motrix_core.envs.reward import tolerance
from motrix_core.envs.sim_env import SimEnv
from motrix_core.envs.spec import EnvSpec

_ARM = ("base", "shoulder", "elbow", "wrist_1", "wrist_2", "wrist_3")
_BALL = ("ball_x", "ball_y", "ball_z")
_GRAVITY = 9.81  # m/s²

_ACTION_SCALE = 0.2  # rad
_BOUNCE_HEIGHT = 0.4  # m
_HEIGHT_SLACK, _HEIGHT_MARGIN = 0.1, 0.3  # m
_CENTRE_SLACK, _CENTRE_MARGIN = 0.05, 0.3  # m
_LOST_BELOW, _LOST_BEYOND = -0.3, 0.5  # m

_START_OFFSET = 0.03  # m
_START_SPEED = 0.1  # m/s
_START_ANGLE = 0.02  # rad

# The arm in its ready pose, m, as in the model file: x and z of upper arm, forearm and wrist, and on to the paddle's
# centre, which is in the direction of x there.
_LINKS_X = np.array([[0.2125], [0.3788844]], np.float32)
_LINKS_Z = np.array([[0.3680608], [-0.10152177], [0.09465]], np.float32)
_WRIST_OFFSET_Y = 0.10915
_WRIST_TO_PADDLE = 0.2523
_READY_PADDLE = np.array([0.8436844, 0.10915, 0.36118903], np.float32)  # from the shoulder
_REST_ABOVE_PADDLE = 0.01 + 0.105  # m, half the paddle and the ball's radius


class BounceBall(SimEnv):
    """Hit the ball so that it keeps bouncing about 0.4 m high above the place where it began.

    Positions of the ball are measured from where it rests on the level paddle in the ready pose. Its `reach` is the
    height that its energy can lift it to, z + v_z²/2g, which does not change in flight.

    obs, 25 numbers:
    0-5    angles of base, shoulder, elbow and the three wrist joints from the ready pose, rad
    6-11   their velocities, rad/s
    12-14  ball, m
    15-17  velocity of the ball, m/s
    18-20  from the paddle's centre to the ball, m
    21-23  the paddle's normal
    24     reach of the ball above the 0.4 m aimed at, m

    action: target angles of the six joints, ±1 is ±0.2 rad from the ready pose; a position controller in the model
    drives the joints there within the torques of a UR5.

    Reward: height · centre, where height = tolerance(0.3 m ≤ reach ≤ 0.5 m, margin 0.3, linear, 0 at the margin) and
    centre = tolerance(horizontal distance ≤ 0.05 m, margin 0.3). A ball that lies on the paddle earns nothing. Each
    bounce on a paddle held still loses a quarter to a third of the reach. The episode ends when the ball is lost: 0.3 m
    below its place, or 0.5 m beside it.

    Episodes begin with the ball at rest in height, 0.4 m up and within 3 cm beside its place, drifting at up to
    0.1 m/s, and the arm within 0.02 rad of the ready pose.
    """

    model = "bounce_ball.xml"

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
        if self.physics.joints != _ARM + _BALL:
            raise ValueError(f"{self.model} must have the joints {', '.join(_ARM + _BALL)}, in this order")

    def apply_action(self, actions: FloatArray) -> None:
        self._ctrl = actions * np.float32(_ACTION_SCALE)

    def update_state(self) -> Outcome:
        obs = _observe(self.physics.dof_pos, self.physics.dof_vel)
        reach = obs[:, 24] + np.float32(_BOUNCE_HEIGHT)
        distance = np.hypot(obs[:, 12], obs[:, 13])
        height = tolerance(
            reach,
            lower=_BOUNCE_HEIGHT - _HEIGHT_SLACK,
            upper=_BOUNCE_HEIGHT + _HEIGHT_SLACK,
            margin=_HEIGHT_MARGIN,
            sigmoid="linear",
            value_at_margin=0.0,
        )
        centre = tolerance(distance, upper=_CENTRE_SLACK, margin=_CENTRE_MARGIN)
        turned_up = (self.state.obs[:, 17] < 0.0) & (obs[:, 17] > 0.0)
        return Outcome(
            obs,
            (height * centre).astype(np.float32),
            (obs[:, 14] < _LOST_BELOW) | (distance > _LOST_BEYOND),
            reward_terms={"height": height, "centre": centre},
            metrics={"ball_reach": reach, "ball_distance": distance, "bounce": turned_up.astype(np.float32)},
        )

    def reset(self, rows: NDArray[np.intp]) -> FloatArray:
        count = len(rows)
        dof_pos = np.empty((count, 9), np.float32)
        dof_vel = np.zeros((count, 9), np.float32)
        dof_pos[:, :6] = self.rng.uniform(-_START_ANGLE, _START_ANGLE, (count, 6))
        dof_pos[:, 6:8] = self.rng.uniform(-_START_OFFSET, _START_OFFSET, (count, 2))
        dof_pos[:, 8] = _BOUNCE_HEIGHT
        dof_vel[:, 6:8] = self.rng.uniform(-_START_SPEED, _START_SPEED, (count, 2))
        self.place(rows, dof_pos, dof_vel)
        return _observe(dof_pos, dof_vel)


def _observe(dof_pos: FloatArray, dof_vel: FloatArray) -> FloatArray:
    """obs of the given joint states, (rows, 9) each."""
    obs = np.empty((len(dof_pos), 25), np.float32)
    obs[:, 0:6] = dof_pos[:, :6]
    obs[:, 6:12] = dof_vel[:, :6]
    obs[:, 12:15] = dof_pos[:, 6:]
    obs[:, 15:18] = dof_vel[:, 6:]
    centre, normal = paddle_pose(dof_pos[:, :6])
    for axis in range(3):
        np.subtract(dof_pos[:, 6 + axis], centre[axis], out=obs[:, 18 + axis])
        obs[:, 21 + axis] = normal[axis]
    obs[:, 20] += np.float32(_REST_ABOVE_PADDLE)
    obs[:, 24] = obs[:, 14] + obs[:, 17] ** 2 * np.float32(0.5 / _GRAVITY) - np.float32(_BOUNCE_HEIGHT)
    return obs


def paddle_pose(arm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centre of the paddle, measured from where it is in the ready pose, and its normal, both (3, rows).

    `arm` (rows, 6) are the joint angles. In the ready pose all joints turn about axes of the world: the base about z,
    shoulder, elbow and the first wrist joint about y, the second about z, the third about x.
    """
    angles = np.ascontiguousarray(arm.T)
    # Six times as fast as np.cumsum along the long axis.
    angles[2] += angles[1]
    angles[3] += angles[2]
    cos, sin = np.cos(angles), np.sin(angles)
    # Along and across the arm's vertical plane; across is what the base alone turns.
    links_x = np.empty((3, len(arm)), np.float32)
    links_x[:2] = _LINKS_X
    np.multiply(cos[4], np.float32(_WRIST_TO_PADDLE), out=links_x[2])
    x = np.add.reduce(links_x * cos[1:4] + _LINKS_Z * sin[1:4])
    z = np.add.reduce(_LINKS_Z * cos[1:4] - links_x * sin[1:4])
    y = _WRIST_OFFSET_Y + _WRIST_TO_PADDLE * sin[4]
    tilt = sin[4] * sin[5]
    normal_x = tilt * cos[3] + cos[5] * sin[3]
    normal_y = -cos[4] * sin[5]
    normal_z = cos[5] * cos[3] - tilt * sin[3]
    centre = np.stack([x * cos[0] - y * sin[0], x * sin[0] + y * cos[0], z]) - _READY_PADDLE[:, None]
    normal = np.stack([normal_x * cos[0] - normal_y * sin[0], normal_x * sin[0] + normal_y * cos[0], normal_z])
    return centre, normal
