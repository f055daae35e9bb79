from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.reacher import Reacher

LINK, TOUCH = 0.12, 0.06


def reacher(name: str, sim: str, num_envs: int = 8) -> Reacher:
    env = made(name, sim, num_envs=num_envs)
    assert isinstance(env, Reacher)
    env.init_state()
    return env


def placed(env: Reacher, *states: tuple[float, float, float, float]) -> None:
    """Shoulder, wrist, target x and y of every environment, at rest."""
    dof_pos = np.array(states, np.float32)
    env.place(np.arange(len(states)), dof_pos, np.zeros_like(dof_pos))


@cases_of["dm-reacher"]
def test_targets_lie_in_a_ring_around_the_shoulder_in_every_direction(name: str, sim: str) -> None:
    obs = reacher(name, sim, num_envs=2048).state.obs
    radius = np.hypot(obs[:, 6], obs[:, 7])
    assert radius.min() >= 0.05
    assert radius.max() <= 0.20
    assert radius.mean() == pytest.approx(0.125, abs=0.005), "uniform in distance"
    quadrants = np.histogram(np.arctan2(obs[:, 7], obs[:, 6]), bins=4, range=(-np.pi, np.pi))[0]
    assert (np.abs(quadrants - 512) < 80).all()
    assert (radius.max() + 1e-6 < 2 * LINK + TOUCH).all(), "every target is within reach"


@cases_of["dm-reacher"]
def test_arms_begin_at_any_shoulder_angle_and_within_the_wrists_limits_at_rest(name: str, sim: str) -> None:
    env = reacher(name, sim, num_envs=2048)
    shoulder, wrist = env.physics.dof_pos[:, 0], env.physics.dof_pos[:, 1]
    assert np.ptp(shoulder) > 1.95 * np.pi
    assert np.abs(wrist).max() <= np.deg2rad(160.0) + 1e-6
    assert np.ptp(wrist) > np.deg2rad(310.0)
    np.testing.assert_array_equal(env.state.obs[:, 4:6], 0.0)


@cases_of["dm-reacher"]
def test_a_target_stays_where_it_is_until_the_episode_ends_and_then_moves(name: str, sim: str) -> None:
    env = made(name, sim, episode_s=0.5)
    first = env.init_state().obs[:, 6:8]
    for actions in random_actions(env, 20):
        state = env.step(actions)
        np.testing.assert_array_equal(state.info["final_obs"][:, 6:8], first)
    assert state.truncated.all()
    assert (np.abs(state.obs[:, 6:8] - first).max(axis=1) > 1e-3).all()


@cases_of["dm-reacher"]
def test_the_reward_is_one_exactly_where_finger_and_target_touch(name: str, sim: str) -> None:
    env = reacher(name, sim, num_envs=4)
    stretched, folded = 2 * LINK, np.hypot(LINK, LINK)
    placed(
        env,
        (0.0, 0.0, stretched, 0.0),
        (0.0, 0.0, stretched - TOUCH + 1e-3, 0.0),
        (0.0, 0.0, stretched - TOUCH - 1e-3, 0.0),
        (-np.pi / 4, np.pi / 2, folded, 0.0),
    )
    state = env.step(np.zeros((4, 2), np.float32))
    np.testing.assert_array_equal(state.reward, [1.0, 1.0, 0.0, 1.0])
    np.testing.assert_array_equal(state.info["Reward"]["touch"], state.reward)
    np.testing.assert_allclose(state.info["metrics"]["target_distance"], [0.0, 0.059, 0.061, 0.0], atol=1e-5)


@cases_of["dm-reacher"]
def test_the_observed_finger_is_where_the_model_has_it_and_within_reach(name: str, sim: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    env = reacher(name, sim)
    for actions in random_actions(env, 40):
        obs = env.step(actions).obs
    model = mujoco.MjModel.from_xml_path(str(TASKS / env.model))
    data = mujoco.MjData(model)
    for row in range(env.num_envs):
        data.qpos[:] = env.physics.dof_pos[row]
        mujoco.mj_kinematics(model, data)
        finger, target = data.body("finger").xpos, data.body("target").xpos
        np.testing.assert_allclose(obs[row, 6:8], target[:2], atol=1e-6)
        np.testing.assert_allclose(obs[row, 8:10], (target - finger)[:2], atol=1e-6)
        assert np.hypot(*finger[:2]) <= 2 * LINK + 1e-6


@cases_of["dm-reacher"]
def test_a_motor_turns_its_joint_its_own_way(name: str, sim: str) -> None:
    env = reacher(name, sim, num_envs=4)
    placed(env, *[(0.0, 0.5, 0.1, 0.1)] * 4)
    pushes = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    velocity = env.step(pushes).obs[:, 4:6]
    assert velocity[0, 0] > 0.1
    assert velocity[1, 0] < -0.1
    assert velocity[2, 1] > 0.1
    assert velocity[3, 1] < -0.1


@cases_of["dm-reacher"]
def test_an_arm_under_random_motors_neither_breaks_nor_passes_its_wrists_limit(name: str, sim: str) -> None:
    env = reacher(name, sim)
    for actions in random_actions(env, 1000):
        env.step(actions)
        assert np.abs(env.physics.dof_pos[:, 1]).max() < np.deg2rad(170.0)
        assert np.abs(env.physics.dof_vel[:, :2]).max() < 30.0, "rad/s; damping holds against the motors' 0.05 N m"
    assert env.nonfinite_count == 0
