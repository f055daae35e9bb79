"""Legged robots on flat ground: their models, their frames of reference, standing, falling, and the walking task."""

from __future__ import annotations

import numpy as np
import pytest
from env_cases import made, random_actions

from motrix_core.envs.catalog import catalog
from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.quadruped import ANYMAL_C, GO1, GO2, Quadruped, Robot, base_motion, heading
from motrix_core.envs.tasks.quadruped_walk import QuadrupedWalk
from motrix_core.sim.loader import SIMULATORS, is_installed, load_sim

SIMS = [
    pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
    for name in SIMULATORS
]
every_sim = pytest.mark.parametrize("sim", SIMS)
every_robot = pytest.mark.parametrize("robot", [GO1, GO2, ANYMAL_C], ids=lambda robot: robot.model)
walking = pytest.mark.parametrize("name", ["go1-flat-terrain-walk", "go2-flat-terrain-walk"])


def walk(name: str, sim: str, num_envs: int = 4, seed: int = 0, **options: object) -> QuadrupedWalk:
    env = made(name, sim, num_envs=num_envs, seed=seed, **options)
    assert isinstance(env, QuadrupedWalk)
    env.init_state()
    return env


def still(env: Quadruped) -> np.ndarray:
    return np.zeros((env.num_envs, 12), np.float32)


def set_base(env: Quadruped, row: int, quaternion: tuple[float, ...], height: float, thigh: float = 0.9) -> None:
    dof_pos, dof_vel = env.physics.dof_pos[[row]].copy(), np.zeros((1, 18), np.float32)
    dof_pos[0, 2:7] = height, *quaternion
    dof_pos[0, 7:] = (0.0, thigh, -2.7) * 4
    env.place(np.array([row]), dof_pos, dof_vel)


@every_robot
def test_a_robot_s_drives_are_those_of_its_model(robot: Robot) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(TASKS / robot.model))
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], robot.stiffness)
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], robot.torque_limits)
    np.testing.assert_allclose(model.actuator_forcerange[:, 0], -np.array(robot.torque_limits))
    np.testing.assert_allclose(model.dof_damping[6:], robot.damping)
    limits = model.jnt_range[1:]
    assert (np.array(robot.pose) > limits[:, 0]).all()
    assert (np.array(robot.pose) < limits[:, 1]).all()
    joints = [model.joint(index).name for index in range(1, 13)]
    assert [model.actuator(index).name for index in range(12)] == joints
    assert [name.split("_")[0] for name in joints[::3]] == list(robot.legs)


@pytest.mark.parametrize(("robot", "mass_kg"), [(GO1, 12.74), (GO2, 15.2), (ANYMAL_C, 45.0)], ids=str)
def test_a_robot_weighs_what_is_published_and_its_legs_mirror_each_other(robot: Robot, mass_kg: float) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(TASKS / robot.model))
    assert model.body_mass.sum() == pytest.approx(mass_kg, rel=2e-3)
    data = mujoco.MjData(model)
    data.qpos[7:] = robot.pose
    mujoco.mj_forward(model, data)
    feet = np.array([data.geom(f"{leg}_foot").xpos - data.qpos[:3] for leg in robot.legs])
    np.testing.assert_allclose(feet[0::2] * [1, -1, 1], feet[1::2], atol=1e-9)
    np.testing.assert_allclose(feet[:, 2], feet[0, 2], atol=1e-9)


@every_robot
def test_a_robot_in_the_air_moves_alike_on_both_engines(robot: Robot) -> None:
    if not all(is_installed(name) for name in SIMULATORS):
        pytest.skip("compares two simulators")
    rng = np.random.default_rng(0)
    sims = [load_sim(name, TASKS / robot.model, num_envs=8) for name in SIMULATORS]
    dof_pos = np.tile(sims[0].initial_dof_pos, (8, 1))
    dof_pos[:, 2] = 3.0
    dof_pos[:, 7:] = robot.pose
    dof_vel = rng.uniform(-1, 1, (8, 18)).astype(np.float32)
    for sim in sims:
        sim.reset(np.ones(8, np.bool_), dof_pos, dof_vel)
    for _ in range(20):
        ctrl = (robot.pose + rng.uniform(-0.2, 0.2, (8, 12))).astype(np.float32)
        for sim in sims:
            sim.step(ctrl, 1)
    assert np.abs(sims[0].dof_pos[:, 7:] - robot.pose).max() > 0.1
    np.testing.assert_allclose(sims[0].dof_pos, sims[1].dof_pos, rtol=0, atol=1e-4)
    np.testing.assert_allclose(sims[0].dof_vel, sims[1].dof_vel, rtol=0, atol=1e-3)


def test_a_base_s_motion_is_given_along_its_own_axes() -> None:
    half = np.sqrt(0.5)
    turned_left = np.array([[half, 0, 0, half]], np.float32)  # x of the base along y of the world
    motion = base_motion(turned_left, np.array([[0, 2, 1]], np.float32), np.array([[1, 2, 3]], np.float32))
    np.testing.assert_allclose(motion.linear, [[2, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(motion.angular, [[1, 2, 3]])
    np.testing.assert_allclose(motion.down, [[0, 0, -1]], atol=1e-6)
    np.testing.assert_allclose(heading(turned_left), [np.pi / 2], atol=1e-6)
    nose_down = np.array([[half, 0, half, 0]], np.float32)  # turned about y, so x of the base points down
    motion = base_motion(nose_down, np.array([[0, 0, -3]], np.float32), np.zeros((1, 3), np.float32))
    np.testing.assert_allclose(motion.linear, [[3, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(motion.down, [[1, 0, 0]], atol=1e-6)


@every_sim
@walking
def test_a_robot_that_does_nothing_stands_for_two_seconds(name: str, sim: str) -> None:
    env = walk(name, sim, num_envs=16)
    for _ in range(200):
        state = env.step(still(env))
        assert not state.done.any()
    assert env.physics.dof_pos[:, 2].min() > 0.2
    assert env.feet_down().all()
    assert np.abs(env.physics.dof_vel).max() < 0.5


@every_sim
@walking
def test_a_thousand_random_steps_stay_finite(name: str, sim: str) -> None:
    env = walk(name, sim, num_envs=16)
    falls = 0
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        falls += int(state.terminated.sum())
        assert (state.reward >= 0.0).all()
    assert env.nonfinite_count == 0
    assert np.abs(state.obs).max() < 200.0
    assert falls < 16 * 1000 / 20, "robots are supposed to keep their feet for a while"


@every_sim
def test_falling_over_ends_the_episode(sim: str) -> None:
    env = walk("go1-flat-terrain-walk", sim)
    half = np.sqrt(0.5)
    set_base(env, 1, (half, half, 0.0, 0.0), 0.5)  # on its side, in the air
    assert env.step(still(env)).terminated.tolist() == [False, True, False, False]
    set_base(env, 2, (1.0, 0.0, 0.0, 0.0), 0.055, thigh=2.8)  # upright, lying on its trunk with folded legs
    assert env.step(still(env)).terminated[2]


@every_sim
def test_the_observation_is_the_state_and_the_command_in_the_documented_order(sim: str) -> None:
    env = walk("go1-flat-terrain-walk", sim)
    actions = random_actions(env, 1)[0]
    obs = env.step(actions).obs
    dof_pos, dof_vel = env.physics.dof_pos, env.physics.dof_vel
    motion = base_motion(dof_pos[:, 3:7], dof_vel[:, :3], dof_vel[:, 3:6])
    np.testing.assert_array_equal(obs[:, 0:3], motion.linear)
    np.testing.assert_array_equal(obs[:, 3:6], dof_vel[:, 3:6])
    np.testing.assert_array_equal(obs[:, 6:9], motion.down)
    np.testing.assert_array_equal(obs[:, 9:12], env.commands)
    np.testing.assert_allclose(obs[:, 12:24], dof_pos[:, 7:] - np.float32(GO1.pose), atol=1e-6)
    np.testing.assert_array_equal(obs[:, 24:36], dof_vel[:, 6:])
    np.testing.assert_array_equal(obs[:, 36:48], actions)


@every_sim
def test_keeping_the_commanded_velocity_is_worth_the_most(sim: str) -> None:
    env = walk("go1-flat-terrain-walk", sim)
    for _ in range(200):
        env.step(still(env))
    env.commands[:] = [[0, 0, 0], [1, 0, 0], [0, 0.5, 0], [0, 0, 1]]
    state = env.step(still(env))
    terms, metrics = state.info["Reward"], state.info["metrics"]
    tracked = (terms["linear_velocity"] + terms["angular_velocity"]) / 0.01
    assert tracked[0] == pytest.approx(1.5, abs=0.02)
    np.testing.assert_allclose(metrics["velocity_error"], [0, 1, 0.5, 0], atol=0.05)
    np.testing.assert_allclose(metrics["turn_rate_error"], [0, 0, 0, 1], atol=0.1)
    np.testing.assert_allclose(terms["linear_velocity"] / 0.01, np.exp([0, -4, -1, 0]), atol=0.1)
    assert state.reward.argmax() == 0


@every_sim
def test_a_stride_is_paid_when_the_foot_comes_down_and_only_then(sim: str) -> None:
    env = walk("go1-flat-terrain-walk", sim, num_envs=1)
    for _ in range(100):
        env.step(still(env))
    env.commands[:] = [1, 0, 0]
    lifted = still(env)
    lifted[0, 1:3] = 1.0, -1.0  # thigh back, calf folded: the front right foot leaves the ground
    for _ in range(20):
        state = env.step(lifted)
    assert env.air_time[0, 0] > 0.1
    assert state.info["Reward"]["air_time"][0] == 0.0
    paid = [float(env.step(still(env)).info["Reward"]["air_time"][0]) for _ in range(30)]
    assert max(paid) > 0.0
    assert env.air_time[0, 0] == 0.0


@every_sim
def test_commands_change_every_five_seconds_and_stay_within_their_limits(sim: str) -> None:
    env = walk("go1-flat-terrain-walk", sim, num_envs=64)
    first = env.commands.copy()
    assert (np.abs(first) <= [1.0, 0.5, 1.0]).all()
    assert (first == 0).all(axis=1).any()
    env._steps[:] = 498
    env.step(still(env))
    np.testing.assert_array_equal(env.commands, first)
    env._steps[:] = 499
    state = env.step(still(env))
    assert (env.commands != first).any(axis=1).mean() > 0.8
    np.testing.assert_array_equal(state.obs[:, 9:12], env.commands)


def test_the_walking_tasks_last_2000_steps_and_have_the_sizes_of_the_facts_page() -> None:
    for name in ("go1-flat-terrain-walk", "go2-flat-terrain-walk"):
        spec = catalog()[name]
        assert (spec.obs_dim, spec.act_dim, spec.max_episode_steps, spec.substeps) == (48, 12, 2000, 1)


@every_sim
@walking
def test_the_reward_is_the_sum_of_its_terms_but_never_negative(name: str, sim: str) -> None:
    env = walk(name, sim)
    for actions in random_actions(env, 20):
        state = env.step(actions)
        total = np.sum(list(state.info["Reward"].values()), axis=0)
        np.testing.assert_allclose(state.reward, np.maximum(total, 0.0), atol=1e-6)
