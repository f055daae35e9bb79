from __future__ import annotations

import numpy as np
from env_cases import cases_of, made, random_actions

from motrix_core.envs.catalog import catalog
from motrix_core.envs.tasks.anymal import AnymalNavigation

NAME = "anymal_c_navigation_flat"
every_sim = cases_of[NAME]


def navigation(sim: str, num_envs: int = 4, seed: int = 0) -> AnymalNavigation:
    env = made(NAME, sim, num_envs=num_envs, seed=seed)
    assert isinstance(env, AnymalNavigation)
    env.init_state()
    return env


def still(env: AnymalNavigation) -> np.ndarray:
    return np.zeros((env.num_envs, 12), np.float32)


def put(env: AnymalNavigation, facing: float) -> None:
    """Every robot at the origin in its pose, facing `facing`, at rest."""
    dof_pos, dof_vel = np.zeros((env.num_envs, 19), np.float32), np.zeros((env.num_envs, 18), np.float32)
    dof_pos[:, 2] = env.robot.height
    dof_pos[:, 3], dof_pos[:, 6] = np.cos(facing / 2), np.sin(facing / 2)
    dof_pos[:, 7:] = env.robot.pose
    env.place(np.arange(env.num_envs), dof_pos, dof_vel)


def test_the_size_and_times_are_those_of_the_facts_page() -> None:
    spec = catalog()[NAME]
    assert (spec.obs_dim, spec.act_dim, spec.max_episode_steps, spec.substeps) == (54, 12, 700, 1)


@every_sim
def test_a_robot_that_does_nothing_stands_for_two_seconds(name: str, sim: str) -> None:
    env = navigation(sim, num_envs=16)
    for _ in range(200):
        assert not env.step(still(env)).done.any()
    assert env.physics.dof_pos[:, 2].min() > 0.45
    assert env.feet_down().all()


@every_sim
def test_a_thousand_random_steps_stay_finite(name: str, sim: str) -> None:
    env = navigation(sim, num_envs=8)
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        assert (state.reward >= 0.0).all()
    assert env.nonfinite_count == 0
    assert np.abs(state.obs).max() < 200.0


@every_sim
def test_the_target_is_seen_from_the_base(name: str, sim: str) -> None:
    env = navigation(sim)
    put(env, np.pi / 2)
    env.targets[:] = [[0, 2, 0], [3, 0, np.pi / 2], [-1, 0, np.pi], [0, -1, -np.pi / 2]]
    obs = env.step(still(env)).obs
    np.testing.assert_allclose(obs[:, 45:47], [[2, 0], [0, -3], [0, 1], [-1, 0]], atol=0.02)
    np.testing.assert_allclose(obs[:, 47], [-1, 0, 1, 0], atol=0.02)
    np.testing.assert_allclose(obs[:, 48], [0, 1, 0, -1], atol=0.02)


@every_sim
def test_being_at_the_target_and_facing_as_told_is_worth_the_most(name: str, sim: str) -> None:
    env = navigation(sim)
    put(env, 0.0)
    env.targets[:] = [[0, 0, 0], [0, 0, 2.0], [1, 0, 0], [3, 0, 0]]
    for _ in range(60):
        state = env.step(still(env))
    assert (np.diff(state.reward) < 0).all()
    assert state.info["metrics"]["arrived"].tolist() == [1.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(state.info["metrics"]["distance"], [0, 0, 1, 3], atol=0.05)
    np.testing.assert_allclose(state.info["metrics"]["heading_error"], [0, 2, 0, 0], atol=0.05)


@every_sim
def test_coming_closer_is_paid_and_moving_away_costs_as_much(name: str, sim: str) -> None:
    env = navigation(sim, num_envs=2)
    put(env, 0.0)
    dof_pos, dof_vel = env.physics.dof_pos.copy(), env.physics.dof_vel.copy()
    dof_pos[:, 2] += 0.1  # in the air, so that nothing slows it down
    dof_vel[:, 0] = 0.5
    env.place(np.arange(2), dof_pos, dof_vel)
    env.targets[:] = [[3, 0, 0], [-3, 0, 0]]
    progress = env.step(still(env)).info["Reward"]["progress"] / 0.01
    np.testing.assert_allclose(progress, [1.0, -1.0], atol=0.05)


@every_sim
def test_targets_lie_one_to_four_metres_away_in_every_direction(name: str, sim: str) -> None:
    env = navigation(sim, num_envs=256)
    distance = np.linalg.norm(env.targets[:, :2], axis=1)
    assert 1.0 <= distance.min() < 1.2
    assert 3.8 < distance.max() <= 4.0
    assert (env.targets.min(axis=0) < -2.5).all()
    assert (env.targets.max(axis=0) > 2.5).all()


@every_sim
def test_the_share_of_time_left_runs_from_one_to_nothing(name: str, sim: str) -> None:
    env = made(NAME, sim, num_envs=1, episode_s=0.04)
    left = [float(env.init_state().obs[0, 49])]
    for _ in range(4):
        left.append(float(env.step(np.zeros((1, 12), np.float32)).info["final_obs"][0, 49]))
    np.testing.assert_allclose(left, [1.0, 0.75, 0.5, 0.25, 0.0], atol=1e-6)
