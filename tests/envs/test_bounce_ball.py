from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.bounce_ball import BounceBall, paddle_pose

GRAVITY = 9.81
HEIGHT = 0.4


def bouncer(name: str, sim: str, num_envs: int = 8) -> BounceBall:
    env = made(name, sim, num_envs=num_envs)
    assert isinstance(env, BounceBall)
    env.init_state()
    return env


def still(env: BounceBall) -> np.ndarray:
    return np.zeros((env.num_envs, 6), np.float32)


def with_balls(
    env: BounceBall, position: tuple[float, float, float], velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> None:
    """Every arm in its ready pose, every ball at `position` from its place."""
    dof_pos, dof_vel = np.zeros((2, env.num_envs, 9), np.float32)
    dof_pos[:, 6:], dof_vel[:, 6:] = position, velocity
    env.place(np.arange(env.num_envs), dof_pos, dof_vel)


@cases_of["bounce_ball"]
def test_episodes_begin_with_the_ball_high_above_a_level_paddle(name: str, sim: str) -> None:
    obs = bouncer(name, sim, num_envs=512).state.obs
    assert np.abs(obs[:, :6]).max() <= 0.02
    assert np.abs(obs[:, 12:14]).max() <= 0.03
    assert np.ptp(obs[:, 12:14], axis=0) == pytest.approx(0.06, rel=0.05)
    np.testing.assert_array_equal(obs[:, 14], np.float32(HEIGHT))
    np.testing.assert_array_equal(obs[:, 17], 0.0)
    assert (obs[:, 23] > 0.99).all(), "the paddle faces up"
    np.testing.assert_allclose(obs[:, 24], 0.0, atol=1e-6)


@cases_of["bounce_ball"]
def test_the_observed_paddle_and_ball_are_where_the_model_has_them(name: str, sim: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    env = bouncer(name, sim)
    for actions in random_actions(env, 20):
        obs = env.step(actions).info["final_obs"]
    assert np.abs(obs[:, :6]).max() > 0.05, "the arms are supposed to have moved"
    model = mujoco.MjModel.from_xml_path(str(TASKS / env.model))
    data = mujoco.MjData(model)
    for row in range(env.num_envs):
        data.qpos[:] = np.concatenate([obs[row, :6], obs[row, 12:15]])
        mujoco.mj_kinematics(model, data)
        paddle, ball = data.body("paddle"), data.body("ball")
        np.testing.assert_allclose(obs[row, 18:21], ball.xpos - paddle.xpos, atol=1e-5)
        np.testing.assert_allclose(obs[row, 21:24], paddle.xmat.reshape(3, 3)[:, 2], atol=1e-5)


def test_the_paddles_pose_holds_for_angles_far_from_the_ready_pose() -> None:
    mujoco = pytest.importorskip("mujoco")
    arm = np.random.default_rng(0).uniform(-3.0, 3.0, (20, 6)).astype(np.float32)
    centre, normal = paddle_pose(arm)
    model = mujoco.MjModel.from_xml_path(str(TASKS / BounceBall.model))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    ready = data.body("paddle").xpos.copy()
    for row in range(len(arm)):
        data.qpos[:6] = arm[row]
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(centre[:, row], data.body("paddle").xpos - ready, atol=1e-5)
        np.testing.assert_allclose(normal[:, row], data.body("paddle").xmat.reshape(3, 3)[:, 2], atol=1e-5)


@cases_of["bounce_ball"]
def test_in_flight_the_ball_falls_freely_and_keeps_its_reach(name: str, sim: str) -> None:
    env = bouncer(name, sim)
    with_balls(env, (0.0, 0.0, 0.2), velocity=(0.1, 0.0, 1.0))
    for _ in range(10):
        state = env.step(still(env))
    np.testing.assert_allclose(state.obs[:, 17], 1.0 - 0.1 * GRAVITY, atol=1e-3)
    np.testing.assert_allclose(state.obs[:, 12], 0.01, atol=1e-4)
    np.testing.assert_allclose(state.info["metrics"]["ball_reach"], 0.2 + 1.0 / (2 * GRAVITY), atol=0.006)


@cases_of["bounce_ball"]
def test_a_ball_dropped_on_a_paddle_held_still_bounces_lower_every_time(name: str, sim: str) -> None:
    env = bouncer(name, sim, num_envs=1)
    with_balls(env, (0.0, 0.0, HEIGHT))
    bounces, reaches = 0, []
    for _ in range(120):
        state = env.step(still(env))
        bounces += int(state.info["metrics"]["bounce"][0])
        reaches.append(float(state.info["metrics"]["ball_reach"][0]))
    assert bounces == 2, "contacts 0.3 s and 0.8 s after the drop"
    first, second = reaches[55], reaches[100]
    assert 0.6 * HEIGHT < first < 0.8 * HEIGHT
    assert 0.4 * first < second < 0.8 * first


@cases_of["bounce_ball"]
def test_hitting_the_ball_as_it_arrives_sends_it_higher_than_holding_still(name: str, sim: str) -> None:
    env = bouncer(name, sim, num_envs=2)
    with_balls(env, (0.0, 0.0, HEIGHT))
    actions = still(env)
    for step in range(50):
        if step == 25:
            # The second arm lifts its paddle: the ball arrives three steps later.
            actions[1, 1:3] = -1.0
        state = env.step(actions)
    held, hit = state.info["metrics"]["ball_reach"]
    assert hit > held + 0.1


@cases_of["bounce_ball"]
@pytest.mark.parametrize(
    ("position", "height", "centre"),
    [
        ((0.0, 0.0, 0.4), 1.0, 1.0),
        ((0.04, 0.0, 0.35), 1.0, 1.0),
        ((0.0, 0.0, 0.15), 0.5, 1.0),
        ((0.0, 0.0, 0.65), 0.5, 1.0),
        ((0.0, 0.0, 0.9), 0.0, 1.0),
        ((0.0, -0.35, 0.4), 1.0, 0.1),
    ],
)
def test_the_reward_is_for_bouncing_at_the_right_height_and_place(
    name: str, sim: str, position: tuple[float, float, float], height: float, centre: float
) -> None:
    env = bouncer(name, sim, num_envs=2)
    with_balls(env, position)
    state = env.step(still(env))
    terms = state.info["Reward"]
    np.testing.assert_allclose(terms["height"], height, atol=0.01)
    np.testing.assert_allclose(terms["centre"], centre, atol=0.01)
    np.testing.assert_allclose(state.reward, terms["height"] * terms["centre"], rtol=1e-6)


@cases_of["bounce_ball"]
def test_a_ball_that_lies_on_the_paddle_earns_nothing(name: str, sim: str) -> None:
    env = bouncer(name, sim, num_envs=2)
    with_balls(env, (0.0, 0.0, 0.0))
    for _ in range(30):
        state = env.step(still(env))
    assert not state.done.any(), "it is not lost"
    np.testing.assert_allclose(state.reward, 0.0, atol=0.05)


@cases_of["bounce_ball"]
@pytest.mark.parametrize(
    ("position", "lost"),
    [((0.4, 0.3, 0.0), False), ((0.4, 0.32, 0.0), True), ((0.3, 0.0, -0.25), False), ((0.3, 0.0, -0.32), True)],
)
def test_the_episode_ends_when_the_ball_is_lost(
    name: str, sim: str, position: tuple[float, float, float], lost: bool
) -> None:
    env = bouncer(name, sim, num_envs=2)
    with_balls(env, position)
    state = env.step(still(env))
    np.testing.assert_array_equal(state.terminated, lost)
    np.testing.assert_allclose(state.info["final_obs"][:, 12:14], np.tile(position[:2], (2, 1)), atol=1e-6)


@cases_of["bounce_ball"]
def test_the_arm_goes_where_it_is_told_and_holds_its_weight(name: str, sim: str) -> None:
    env = bouncer(name, sim, num_envs=6)
    for step in range(60):
        if step % 10 == 0:
            # Out of the way, and never lost.
            env.physics.reset(np.ones(6, np.bool_), *_with_ball_up(env))
        obs = env.step(np.eye(6, dtype=np.float32)).obs
    np.testing.assert_allclose(obs[:, :6], 0.2 * np.eye(6), atol=0.02)


def _with_ball_up(env: BounceBall) -> tuple[np.ndarray, np.ndarray]:
    dof_pos, dof_vel = env.physics.dof_pos.copy(), env.physics.dof_vel.copy()
    dof_pos[:, 6:], dof_vel[:, 6:] = (0.0, 0.0, 0.5), 0.0
    return dof_pos, dof_vel


@cases_of["bounce_ball"]
def test_random_actions_lose_the_ball_and_break_nothing(name: str, sim: str) -> None:
    env = bouncer(name, sim)
    lost = 0
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        lost += int(state.terminated.sum())
        assert np.abs(env.physics.dof_pos[:, :6]).max() < 0.5, "rad; the arm stays near its ready pose"
        assert np.abs(env.physics.dof_vel).max() < 15.0, "m/s and rad/s"
    assert env.nonfinite_count == 0
    assert lost > 8
