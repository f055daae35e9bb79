from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.tasks.cheetah import Cheetah
from motrix_core.errors import EnvironmentFailed

LEGS = slice(3, 9)
GRAVITY = 9.81


def cheetah(name: str, sim: str, num_envs: int = 8) -> Cheetah:
    env = made(name, sim, num_envs=num_envs)
    assert isinstance(env, Cheetah)
    env.init_state()
    return env


def flying(env: Cheetah, speed: float = 0.0) -> None:
    """Every cheetah 3 m above the floor in the model's pose, moving forward at `speed`."""
    dof_pos = np.zeros((env.num_envs, 9), np.float32)
    dof_pos[:, 1] = 3.0
    dof_vel = np.zeros_like(dof_pos)
    dof_vel[:, 0] = speed
    env.place(np.arange(env.num_envs), dof_pos, dof_vel)


@cases_of["dm-cheetah"]
def test_episodes_begin_at_rest_on_the_feet_in_different_poses(name: str, sim: str) -> None:
    env = cheetah(name, sim, num_envs=64)
    obs = env.state.obs
    assert (obs[:, 0] > -0.25).all(), "the torso is well above the floor, 0.7 m below the model's pose"
    assert (obs[:, 0] < 0.0).all(), "and not still falling"
    assert np.abs(obs[:, 1]).max() < 0.3
    assert np.abs(obs[:, 8:]).max() < 0.5
    assert len(np.unique(obs[:, 2:8], axis=0)) > 16
    lower, upper = env.physics.joint_range(*env.physics.joints[LEGS]).T
    assert (env.physics.dof_pos[:, LEGS] >= lower - 0.02).all()
    assert (env.physics.dof_pos[:, LEGS] <= upper + 0.02).all()


@cases_of["dm-cheetah"]
def test_what_is_observed_is_the_state_without_the_distance(name: str, sim: str) -> None:
    env = cheetah(name, sim)
    for actions in random_actions(env, 5):
        obs = env.step(actions).obs
    np.testing.assert_array_equal(obs[:, :8], env.physics.dof_pos[:, 1:])
    np.testing.assert_array_equal(obs[:, 8:], env.physics.dof_vel)


@cases_of["dm-cheetah"]
@pytest.mark.parametrize(("speed", "reward"), [(-2.0, 0.0), (0.0, 0.0), (2.5, 0.25), (10.0, 1.0), (14.0, 1.0)])
def test_the_reward_is_a_tenth_of_the_speed_up_to_one(name: str, sim: str, speed: float, reward: float) -> None:
    env = cheetah(name, sim, num_envs=2)
    flying(env, speed)
    state = env.step(np.zeros((2, 6), np.float32))
    np.testing.assert_allclose(state.info["metrics"]["horizontal_speed"], speed, atol=1e-3)
    np.testing.assert_allclose(state.reward, reward, atol=1e-4)
    np.testing.assert_array_equal(state.info["Reward"]["run"], state.reward)


@cases_of["dm-cheetah"]
def test_two_control_steps_of_25_ms_are_five_simulation_steps_of_10_ms(name: str, sim: str) -> None:
    env = cheetah(name, sim, num_envs=1)
    still = np.zeros((1, 6), np.float32)
    flying(env)
    lost = []
    for _ in range(4):
        before = env.physics.dof_vel[0, 1]
        env.step(still)
        lost.append(float(before - env.physics.dof_vel[0, 1]))
    # A fall gains g · 10 ms in every simulation step, give or take what the legs' springs do.
    np.testing.assert_allclose(np.array(lost) / (GRAVITY * 0.01), [2, 3, 2, 3], atol=0.2)


@cases_of["dm-cheetah"]
def test_a_restored_cheetah_is_in_the_same_turn_of_the_simulation_steps(name: str, sim: str) -> None:
    env, other = cheetah(name, sim), cheetah(name, sim)
    script = random_actions(env, 4)
    env.step(script[0])
    other.set_state(env.get_state())
    for actions in script[1:]:
        np.testing.assert_array_equal(env.step(actions).obs, other.step(actions).obs)
    arrays = env.get_state()
    del arrays["task.control_steps"]
    with pytest.raises(EnvironmentFailed, match="control_steps"):
        other.set_state(arrays)


@cases_of["dm-cheetah"]
def test_a_cheetah_in_the_air_falls_and_comes_to_lie_on_the_floor(name: str, sim: str) -> None:
    env = cheetah(name, sim)
    flying(env)
    for _ in range(120):
        state = env.step(np.zeros((8, 6), np.float32))
    assert (state.obs[:, 0] < 0.0).all()
    assert (state.obs[:, 0] > -0.66).all(), "the floor holds"
    assert np.abs(state.obs[:, 8:]).max() < 0.5
    assert not state.done.any()


@cases_of["dm-cheetah"]
def test_energy_stays_finite_and_small_under_random_actions(name: str, sim: str) -> None:
    env = cheetah(name, sim)
    for actions in random_actions(env, 1000):
        env.step(actions)
        assert np.abs(env.physics.dof_vel[:, :2]).max() < 10.0, "m/s"
        assert np.abs(env.physics.dof_vel[:, 2:]).max() < 60.0, "rad/s"
        assert env.physics.dof_pos[:, 1].max() < 1.5, "m above the model's pose"
    assert env.nonfinite_count == 0
