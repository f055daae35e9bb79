from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.registry import make
from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.hopper import PlanarHopper, torso_above_foot
from motrix_core.errors import ConfigError

JOINTS = slice(3, 7)
# On the sole, hip and knee bent so that the torso is over the foot: waist, hip, knee, ankle, rad.
CROUCH = (0.0, -0.6, 1.2, -0.6)


def hopper(name: str, sim: str, num_envs: int = 8) -> PlanarHopper:
    env = made(name, sim, num_envs=num_envs)
    assert isinstance(env, PlanarHopper)
    env.init_state()
    return env


def placed(
    env: PlanarHopper, height: float, joints: tuple[float, float, float, float] = CROUCH, speed: float = 0.0
) -> None:
    """Every hopper upright, `height` above the model's 1 m, moving forward at `speed`."""
    dof_pos = np.zeros((env.num_envs, 7), np.float32)
    dof_pos[:, 1] = height
    dof_pos[:, JOINTS] = joints
    dof_vel = np.zeros_like(dof_pos)
    dof_vel[:, 0] = speed
    env.place(np.arange(env.num_envs), dof_pos, dof_vel)


@cases_of["dm-hopper-hop"]
def test_episodes_begin_in_random_poses_within_the_joint_limits_at_rest(name: str, sim: str) -> None:
    env = hopper(name, sim, num_envs=512)
    obs, joints = env.state.obs, env.physics.dof_pos[:, JOINTS]
    lower, upper = env.physics.joint_range("waist", "hip", "knee", "ankle").T
    np.testing.assert_allclose(np.rad2deg([lower, upper]), [[-30, -170, 5, -45], [30, 10, 150, 45]], atol=1e-4)
    assert (joints >= lower).all()
    assert (joints <= upper).all()
    assert np.ptp(joints, axis=0) == pytest.approx(upper - lower, rel=0.05)
    assert np.ptp(obs[:, 1]) > 1.9 * np.pi, "some stand on their heads"
    np.testing.assert_array_equal(obs[:, 6:], 0.0)


@cases_of["dm-hopper-hop"]
def test_what_is_observed_is_the_state_without_the_distance(name: str, sim: str) -> None:
    env = hopper(name, sim)
    for actions in random_actions(env, 5):
        obs = env.step(actions).obs
    np.testing.assert_array_equal(obs[:, :6], env.physics.dof_pos[:, 1:])
    np.testing.assert_array_equal(obs[:, 6:13], env.physics.dof_vel)


@cases_of["dm-hopper-stand"]
def test_the_height_is_that_of_the_torso_above_the_foot_in_the_model(name: str, sim: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    env = hopper(name, sim, num_envs=16)
    model = mujoco.MjModel.from_xml_path(str(TASKS / env.model))
    data = mujoco.MjData(model)
    positions = env.physics.dof_pos
    heights = torso_above_foot(positions[:, 2], positions[:, JOINTS])
    for row, height in enumerate(heights):
        data.qpos[:] = positions[row]
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        assert height == pytest.approx(data.body("torso").xipos[2] - data.body("foot").xipos[2], abs=1e-5)


@cases_of["dm-hopper-stand"]
def test_standing_still_earns_one_and_full_torque_four_fifths(name: str, sim: str) -> None:
    env = hopper(name, sim, num_envs=3)
    placed(env, 0.5)
    actions = np.array([[0, 0, 0, 0], [1, -1, 1, -1], [0, 0, 0, 1]], np.float32)
    state = env.step(actions)
    assert (state.info["metrics"]["torso_height"] > 0.6).all()
    np.testing.assert_allclose(state.reward, [1.0, 0.8, 0.95], atol=1e-6)
    np.testing.assert_array_equal(state.info["Reward"]["stand"], 1.0)


@cases_of["dm-hopper-stand"]
def test_a_folded_hopper_earns_nothing(name: str, sim: str) -> None:
    env = hopper(name, sim, num_envs=2)
    placed(env, 0.5, joints=(0.0, -2.9, 1.3, 0.0), speed=3.0)
    state = env.step(np.zeros((2, 4), np.float32))
    assert (state.info["metrics"]["torso_height"] < 0.2).all()
    np.testing.assert_allclose(state.reward, 0.0, atol=0.02)
    np.testing.assert_array_equal(state.info["metrics"]["standing"], 0.0)


@cases_of["dm-hopper-stand"]
def test_rising_pays_before_it_stands_unless_the_margin_is_none(name: str, sim: str) -> None:
    # Half a margin below the height to stand at the bell is 0.1 ** (1/4), by its definition.
    half = (0.0, -1.7, 2.3, 0.0)
    low = torso_above_foot(np.zeros(1, np.float32), np.array([half], np.float32))[0]
    assert 0.3 < low < 0.6
    still = np.zeros((2, 4), np.float32)
    for margin in (0.3, 0.0):
        env = make(name, num_envs=2, sim=sim, seed=0, options={"stand_margin": margin})
        assert isinstance(env, PlanarHopper)
        env.init_state()
        placed(env, 0.5, joints=half)
        state = env.step(still)
        height = state.info["metrics"]["torso_height"]
        expected = 0.1 ** (((0.6 - height) / 0.3) ** 2) if margin else 0.0
        np.testing.assert_allclose(state.reward, expected, rtol=1e-4)
        np.testing.assert_array_equal(state.info["metrics"]["standing"], 0.0)


@pytest.mark.parametrize("margin", [-0.1, float("inf"), True, "wide"])
def test_a_margin_that_is_no_length_is_refused_by_name(margin: object) -> None:
    with pytest.raises(ConfigError, match="stand_margin"):
        make("dm-hopper-hop", num_envs=1, seed=0, options={"stand_margin": margin})


@cases_of["dm-hopper-hop"]
@pytest.mark.parametrize(("speed", "reward"), [(-1.0, 0.0), (0.0, 0.0), (1.0, 0.5), (2.0, 1.0), (5.0, 1.0)])
def test_hopping_is_paid_in_proportion_to_the_speed_up_to_two_metres_per_second(
    name: str, sim: str, speed: float, reward: float
) -> None:
    env = hopper(name, sim, num_envs=2)
    placed(env, 0.5, speed=speed)
    state = env.step(np.zeros((2, 4), np.float32))
    np.testing.assert_allclose(state.info["metrics"]["horizontal_speed"], speed, atol=1e-3)
    np.testing.assert_allclose(state.reward, reward, atol=1e-3)
    np.testing.assert_allclose(state.reward, state.info["Reward"]["stand"] * state.info["Reward"]["hop"], atol=1e-6)


@cases_of["dm-hopper-stand"]
def test_the_foot_feels_the_floor_and_nothing_in_the_air(name: str, sim: str) -> None:
    env = hopper(name, sim, num_envs=2)
    still = np.zeros((2, 4), np.float32)
    placed(env, 0.5)
    np.testing.assert_array_equal(env.step(still).obs[:, 13:], 0.0)
    placed(env, -0.1)
    felt = np.max([env.step(still).obs[:, 13:] for _ in range(10)], axis=0)
    weight = 12.4 * 9.81
    assert (np.expm1(felt).sum(axis=1) > 0.3 * weight).all(), "toe and heel together carry the hopper"


@cases_of["dm-hopper-hop"]
def test_a_hopper_without_control_falls_and_lies_on_the_floor(name: str, sim: str) -> None:
    env = hopper(name, sim, num_envs=32)
    for _ in range(250):
        state = env.step(np.zeros((32, 4), np.float32))
    assert (state.obs[:, 0] < -0.5).all()
    assert (state.obs[:, 0] > -1.05).all(), "the floor holds, 1 m below the model's pose"
    assert not state.done.any(), "a fall does not end the episode"


@cases_of["dm-hopper-hop"]
def test_energy_stays_finite_and_small_under_random_actions_for_a_whole_episode(name: str, sim: str) -> None:
    env = hopper(name, sim)
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        assert np.abs(env.physics.dof_vel[:, :2]).max() < 15.0, "m/s"
        assert np.abs(env.physics.dof_vel[:, 2:]).max() < 60.0, "rad/s"
        assert env.physics.dof_pos[:, 1].max() < 1.0, "m above the model's pose"
    assert env.nonfinite_count == 0
    assert state.truncated.all()
