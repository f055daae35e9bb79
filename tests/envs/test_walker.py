from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.walker import PlanarWalker

STANDING = 1.2


def walker(name: str, sim: str, num_envs: int = 8) -> PlanarWalker:
    env = made(name, sim, num_envs=num_envs)
    assert isinstance(env, PlanarWalker)
    return env


@cases_of["dm-walker"]
def test_episodes_begin_in_random_poses_within_the_joint_limits_at_rest(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=512)
    obs = env.init_state().obs
    lower, upper = env.physics.joint_range("right_hip", "right_knee", "right_ankle").T
    legs = env.physics.dof_pos[:, 3:6]
    assert (legs >= lower).all()
    assert (legs <= upper).all()
    assert np.ptp(legs, axis=0) == pytest.approx(upper - lower, rel=0.05)
    np.testing.assert_array_equal(obs[:, 12], np.float32(1.3))
    np.testing.assert_array_equal(obs[:, 13:], 0.0)
    assert obs[:, 0].min() < -0.95, "some stand on their heads"
    assert obs[:, 0].max() > 0.95


@cases_of["dm-walker"]
def test_the_observed_orientations_are_those_of_the_bodies(name: str, sim: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    env = walker(name, sim)
    env.init_state()
    for actions in random_actions(env, 5):
        obs = env.step(actions).obs
    model = mujoco.MjModel.from_xml_path(str(TASKS / env.model))
    data = mujoco.MjData(model)
    for row in range(env.num_envs):
        data.qpos[:] = env.physics.dof_pos[row]
        mujoco.mj_kinematics(model, data)
        bodies = ("torso", "right_thigh", "right_shin", "left_thigh", "left_shin")
        matrices = [data.body(body).xmat for body in bodies]
        np.testing.assert_allclose(obs[row, 0:10:2], [matrix[0] for matrix in matrices], atol=1e-5)
        np.testing.assert_allclose(obs[row, 1:10:2], [matrix[2] for matrix in matrices], atol=1e-5)
        assert obs[row, 12] == pytest.approx(data.body("torso").xpos[2], abs=1e-5)
        np.testing.assert_allclose(obs[row, 10:12], data.qpos[[5, 8]], atol=1e-6)


@cases_of["dm-walker"]
def test_a_walker_without_control_falls_and_lies_on_the_floor(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=32)
    env.init_state()
    still = np.zeros((32, 6), np.float32)
    for _ in range(200):
        state = env.step(still)
    height = state.info["metrics"]["torso_height"]
    assert (height < 0.7).all()
    assert (height > 0.0).all(), "the floor holds"
    assert not state.done.any(), "a fall does not end the episode"


@cases_of["dm-walker"]
def test_energy_stays_finite_and_small_under_random_actions_for_a_whole_episode(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=8)
    env.init_state()
    fastest = 0.0
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        fastest = max(fastest, float(np.abs(env.physics.dof_vel[:, :3]).max()))
        assert state.info["metrics"]["torso_height"].max() < 3.0
    assert env.nonfinite_count == 0
    assert fastest < 40.0, "m/s and rad/s of the torso; the motors cannot do more"
    assert state.truncated.all()


@cases_of["dm-runner"]
def test_the_reward_is_the_suites_formula_of_the_terms(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=64)
    env.init_state()
    for actions in random_actions(env, 20):
        state = env.step(actions)
    terms, metrics, obs = state.info["Reward"], state.info["metrics"], state.obs
    np.testing.assert_allclose(terms["upright"], (1 + obs[:, 0]) / 2, rtol=1e-6)
    np.testing.assert_allclose(terms["stand"], (3 * terms["height"] + terms["upright"]) / 4, rtol=1e-6)
    np.testing.assert_allclose(state.reward, terms["stand"] * (5 * terms["move"] + 1) / 6, rtol=1e-6)
    # Linear from 1 at 5 m/s to 0.5 at 2.5 m/s, so 0 at rest.
    np.testing.assert_allclose(terms["move"], np.clip(metrics["horizontal_speed"] / 5, 0, 1), atol=1e-6)
    assert (terms["height"][metrics["torso_height"] >= STANDING] == 1).all()


@cases_of["dm-stander"]
def test_the_stander_is_not_paid_for_moving(name: str, sim: str) -> None:
    env = walker(name, sim)
    env.init_state()
    state = env.step(random_actions(env, 1)[0])
    assert "move" not in state.info["Reward"]
    np.testing.assert_array_equal(state.reward, state.info["Reward"]["stand"])


@cases_of["dm-walker"]
def test_forward_speed_is_measured_where_the_body_moves_forward(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=1)
    env.init_state()
    dof_pos = np.zeros((1, 9), np.float32)
    dof_pos[:, 0] = 2.0
    dof_vel = np.zeros((1, 9), np.float32)
    dof_vel[:, 1] = 1.5
    env.place(np.array([0]), dof_pos, dof_vel)
    state = env.step(np.zeros((1, 6), np.float32))
    assert state.info["metrics"]["horizontal_speed"][0] == pytest.approx(1.5, abs=0.05)
    assert state.info["Reward"]["move"][0] == 1.0


@cases_of["dm-stander"]
def test_standing_upright_on_both_feet_earns_the_full_reward(name: str, sim: str) -> None:
    env = walker(name, sim, num_envs=1)
    env.init_state()
    upright = np.zeros((1, 9), np.float32)
    env.place(np.array([0]), upright, upright)
    state = env.step(np.zeros((1, 6), np.float32))
    assert state.reward[0] > 0.99
    assert state.info["metrics"]["torso_height"][0] == pytest.approx(1.3, abs=0.02)
