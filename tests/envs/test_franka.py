"""The Panda arm: its model, where its hand is, and the two tasks that it has."""

from __future__ import annotations

import numpy as np
import pytest
from env_cases import cases_of, made, random_actions

from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.franka_cabinet import FrankaOpenCabinet, handle_of
from motrix_core.envs.tasks.franka_lift import FrankaLiftCube
from motrix_core.envs.tasks.panda import PandaTask, grip_of
from motrix_core.sim.loader import SIMULATORS, is_installed, load_sim

SCENES = ["franka_lift_cube.xml", "franka_open_cabinet.xml"]
DOWN = (0.0, 0.5216, 0.0, -2.3476, 0.0, 2.8692, 0.7854)  # hand pointing down, grip 1 cm above the ground at x = 0.5
LIFTED = (0.0, -0.1101, 0.0, -2.2727, 0.0, 2.1626, 0.7854)  # the same, 30 cm above the ground
OPEN, CLOSE = 1.0, -1.0


def lifter(sim: str, num_envs: int = 2) -> FrankaLiftCube:
    env = made("franka-lift-cube", sim, num_envs=num_envs)
    assert isinstance(env, FrankaLiftCube)
    env.init_state()
    return env


def opener(sim: str, num_envs: int = 2) -> FrankaOpenCabinet:
    env = made("franka-open-cabinet", sim, num_envs=num_envs)
    assert isinstance(env, FrankaOpenCabinet)
    env.init_state()
    return env


def towards(env: PandaTask, angles: tuple[float, ...], hand: float) -> np.ndarray:
    """The actions that hold the arm at `angles`."""
    arm = (np.array(angles, np.float32) - env._ready) / np.float32(env.action_scale)
    assert np.abs(arm).max() <= 1.0, "within what the actions reach"
    return np.tile(np.append(arm, np.float32(hand)), (env.num_envs, 1))


def place_cube(env: FrankaLiftCube, x: float, y: float, z: float, arm: tuple[float, ...] = DOWN) -> None:
    dof_pos = np.tile(env.physics.initial_dof_pos, (env.num_envs, 1))
    dof_pos[:, :7] = arm
    dof_pos[:, 7:9] = 0.04
    dof_pos[:, 9:16] = (x, y, z, 1, 0, 0, 0)
    env.place(np.arange(env.num_envs), dof_pos, np.zeros((env.num_envs, 15), np.float32))


def place_door(env: FrankaOpenCabinet, angle: float) -> None:
    dof_pos = np.tile(env.physics.initial_dof_pos, (env.num_envs, 1))
    dof_pos[:, :7] = env._ready
    dof_pos[:, 0] = 1.5  # out of the door's way
    dof_pos[:, 7:9] = 0.04
    dof_pos[:, 9] = angle
    env.place(np.arange(env.num_envs), dof_pos, np.zeros((env.num_envs, 10), np.float32))


@pytest.mark.parametrize("scene", SCENES)
def test_the_arm_has_the_published_masses_limits_and_torques(scene: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(TASKS / scene))
    masses = [model.body(f"link{number}").mass[0] for number in range(1, 8)]
    np.testing.assert_allclose(masses, [4.970684, 0.646926, 3.228604, 3.587895, 1.225946, 1.666555, 0.735522])
    assert model.body("hand").mass[0] == pytest.approx(0.73)
    limits = model.jnt_range[:9]
    np.testing.assert_allclose(limits[:, 0], [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973, 0, 0])
    np.testing.assert_allclose(limits[:, 1], [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973, 0.04, 0.04])
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], [87] * 4 + [12] * 3 + [20] * 2)
    top_speeds = model.actuator_forcerange[:7, 1] / model.dof_damping[:7]
    np.testing.assert_allclose(top_speeds, [2.175] * 4 + [2.61] * 3, rtol=2e-3)


def test_the_hand_is_where_the_model_has_it() -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(TASKS / SCENES[0]))
    data = mujoco.MjData(model)
    arm = np.random.default_rng(0).uniform(model.jnt_range[:7, 0], model.jnt_range[:7, 1], (20, 7)).astype(np.float32)
    grip = grip_of(arm)
    for row in range(len(arm)):
        data.qpos[:7] = arm[row]
        mujoco.mj_kinematics(model, data)
        hand = data.body("hand")
        axes = hand.xmat.reshape(3, 3)
        tips = (data.geom("left_finger").xpos + data.geom("right_finger").xpos) / 2
        np.testing.assert_allclose(grip.approach[:, row], axes[:, 2], atol=1e-5)
        np.testing.assert_allclose(grip.closing[:, row], axes[:, 1], atol=1e-5)
        np.testing.assert_allclose(grip.position[:, row], hand.xpos + 0.1034 * axes[:, 2], atol=1e-5)
        assert np.linalg.norm(grip.position[:, row] - tips) < 0.02, "between the fingers"


def test_the_handle_is_where_the_model_has_it() -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(TASKS / SCENES[1]))
    data = mujoco.MjData(model)
    angles = np.linspace(0, 1.5, 5, dtype=np.float32)
    for angle, handle in zip(angles, handle_of(angles).T, strict=True):
        data.qpos[9] = angle
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(handle, data.geom("handle").xpos, atol=1e-6)


@pytest.mark.parametrize("scene", SCENES)
def test_in_the_air_both_engines_move_the_arm_alike(scene: str) -> None:
    if not all(is_installed(name) for name in SIMULATORS):
        pytest.skip("compares two simulators")
    rng = np.random.default_rng(0)
    sims = [load_sim(name, TASKS / scene, num_envs=8) for name in SIMULATORS]
    dof_pos = np.tile(sims[0].initial_dof_pos, (8, 1))
    start = np.array([*LIFTED, 0.02, 0.02], np.float32)
    dof_pos[:, :9] = start
    for sim in sims:
        sim.reset(np.ones(8, np.bool_), dof_pos, np.zeros((8, sim.dofs.num_vel), np.float32))
    for _ in range(20):
        ctrl = (start + rng.uniform(-0.3, 0.3, (8, 9)) * ([1] * 7 + [0.05] * 2)).astype(np.float32)
        for sim in sims:
            sim.step(ctrl, 1)
    moved = np.abs(sims[0].dof_pos[:, :7] - start[:7]).max()
    assert moved > 0.02
    np.testing.assert_allclose(sims[0].dof_pos[:, :9], sims[1].dof_pos[:, :9], rtol=0, atol=1e-5)
    np.testing.assert_allclose(sims[0].dof_vel[:, :9], sims[1].dof_vel[:, :9], rtol=0, atol=1e-4)


@cases_of["franka-lift-cube"]
def test_an_arm_that_does_nothing_holds_its_ready_pose_above_a_cube_at_rest(name: str, sim: str) -> None:
    env = lifter(sim, num_envs=16)
    still = np.zeros((16, 8), np.float32)
    for _ in range(100):
        state = env.step(still)
    assert not state.done.any()
    np.testing.assert_allclose(state.obs[:, :7], 0.0, atol=0.02)
    np.testing.assert_allclose(state.obs[:, 7], 0.0, atol=1e-3)
    np.testing.assert_allclose(state.info["metrics"]["cube_height"], 0.0, atol=1e-3)
    np.testing.assert_array_equal(state.info["Reward"]["lift"], 0.0)
    grip = state.obs[:, 16:19] - state.obs[:, 19:22]
    np.testing.assert_allclose(grip, np.tile([0.5, 0.0, 0.15], (16, 1)), atol=0.03)


@cases_of["franka-lift-cube"]
def test_a_hand_that_closes_on_the_cube_lifts_it_and_is_paid_for_it(name: str, sim: str) -> None:
    env = lifter(sim)
    place_cube(env, 0.5, 0.0, 0.0247)
    env.goals[:] = 0.5, 0.0, 0.3
    for step in range(230):
        angles, hand = (DOWN, OPEN) if step < 20 else (DOWN, CLOSE) if step < 80 else (LIFTED, CLOSE)
        state = env.step(towards(env, angles, hand))
        if step == 79:
            waiting = float(state.reward.max())
    metrics, terms = state.info["metrics"], state.info["Reward"]
    np.testing.assert_allclose(metrics["cube_height"], 0.27, atol=0.03)
    np.testing.assert_allclose(terms["lift"], 15.0)
    assert (metrics["goal_distance"] < 0.05).all()
    assert waiting < 2.0 < 25.0 < float(state.reward.min())


@cases_of["franka-lift-cube"]
def test_a_cube_in_the_air_is_worth_something_in_the_hand_alone(name: str, sim: str) -> None:
    env = lifter(sim)
    raised = (0.0, 0.38, *DOWN[2:])
    x, y, z = grip_of(np.array([raised], np.float32)).position[:, 0]
    assert z > 0.07, "the cube is lifted there"
    for beside, lift, grasp in ((0.0, 15.0, 1.0), (0.06, 0.0, 0.0)):
        place_cube(env, x, y + beside, z, raised)
        terms = env.step(towards(env, raised, CLOSE)).info["Reward"]
        np.testing.assert_allclose(terms["lift"], lift, atol=0.5)
        np.testing.assert_allclose(terms["grasp"], grasp, atol=0.05)
    place_cube(env, x, y, z, raised)
    np.testing.assert_array_equal(env.step(towards(env, raised, OPEN)).info["Reward"]["grasp"], 0.0)


@cases_of["franka-lift-cube"]
def test_a_cube_that_is_pushed_out_of_reach_ends_the_episode(name: str, sim: str) -> None:
    env = lifter(sim)
    for x, y, ends in ((0.5, 0.3, False), (0.5, 0.4, True), (0.9, 0.0, True)):
        place_cube(env, x, y, 0.0247, LIFTED)
        assert env.step(towards(env, LIFTED, OPEN)).terminated.tolist() == [ends, ends]


@cases_of["franka-lift-cube"]
def test_cubes_and_goals_are_drawn_within_their_ranges(name: str, sim: str) -> None:
    env = lifter(sim, num_envs=512)
    cubes, goals = env.state.obs[:, 16:19], env.goals
    assert np.abs(cubes[:, :2] - [0.5, 0.0]).max(axis=0) == pytest.approx([0.08, 0.15], rel=0.05)
    assert goals.min(axis=0) == pytest.approx([0.42, -0.15, 0.15], abs=0.01)
    assert goals.max(axis=0) == pytest.approx([0.58, 0.15, 0.35], abs=0.01)
    np.testing.assert_allclose(env.state.obs[:, 22:25], goals - cubes, atol=1e-6)


@cases_of["franka-open-cabinet"]
def test_the_hand_begins_before_the_handle_and_points_at_the_door(name: str, sim: str) -> None:
    env = opener(sim, num_envs=64)
    obs = env.state.obs
    assert (obs[:, 23] > 0.95).all()
    assert (obs[:, 24] > 0.95).all()
    np.testing.assert_allclose(np.linalg.norm(obs[:, 18:21], axis=1), 0.2, atol=0.08)
    np.testing.assert_array_equal(obs[:, 21], 0.0)


@cases_of["franka-open-cabinet"]
@pytest.mark.parametrize(
    ("angle", "worth", "opened"), [(0.0, 0.0, 0.0), (0.6, 4.0, 0.0), (1.1, 7.33, 1.0), (1.4, 8, 1)]
)
def test_the_further_the_door_is_open_the_more_it_is_worth(
    name: str, sim: str, angle: float, worth: float, opened: float
) -> None:
    env = opener(sim)
    place_door(env, angle)
    state = env.step(np.zeros((2, 8), np.float32))
    np.testing.assert_allclose(state.info["Reward"]["open"], worth, atol=0.05)
    np.testing.assert_array_equal(state.info["metrics"]["opened"], opened)
    np.testing.assert_allclose(state.info["metrics"]["door_angle"], angle, atol=0.02)


@cases_of["franka-open-cabinet"]
def test_a_hand_that_grasps_the_handle_pulls_the_door_open(name: str, sim: str) -> None:
    env = opener(sim)
    shut = _open_by_hand(env)
    assert shut["grasp"] > 1.0, "the fingers have closed on the handle"
    assert shut["angle"] < 0.05
    np.testing.assert_array_less(0.2, env.state.info["metrics"]["door_angle"])


def _open_by_hand(env: FrankaOpenCabinet) -> dict[str, float]:
    """Put the grip onto the handle, close it, and pull straight back; what was so before pulling."""
    on_handle = _reached(env, handle_of(np.zeros(1, np.float32))[:, 0])
    back = _reached(env, handle_of(np.full(1, 0.4, np.float32))[:, 0])
    dof_pos = np.tile(env.physics.initial_dof_pos, (env.num_envs, 1))
    dof_pos[:, :7], dof_pos[:, 7:9] = on_handle, 0.04
    env.place(np.arange(env.num_envs), dof_pos, np.zeros((env.num_envs, 10), np.float32))
    for _ in range(80):
        state = env.step(towards(env, on_handle, CLOSE))
    shut = {
        "grasp": float(state.info["Reward"]["grasp"].min()),
        "angle": float(state.info["metrics"]["door_angle"].max()),
    }
    for _ in range(150):
        env.step(towards(env, back, CLOSE))
    return shut


def _reached(env: FrankaOpenCabinet, place: np.ndarray) -> tuple[float, ...]:
    """Arm angles, as near the ready pose as can be, that put the grip at `place`, pointing forward; Newton's method."""
    ready = env._ready.astype(np.float64)
    arm = ready.copy()
    for _ in range(200):
        error = _pose_error(arm, place)
        slope = np.stack([(_pose_error(arm + step, place) - error) / 1e-2 for step in 1e-2 * np.eye(7)], axis=1)
        inverse = slope.T @ np.linalg.inv(slope @ slope.T + 1e-3 * np.eye(len(error)))
        arm -= np.clip(inverse @ error + 0.1 * (np.eye(7) - inverse @ slope) @ (arm - ready), -0.05, 0.05)
    assert np.linalg.norm(_pose_error(arm, place)) < 0.02
    return tuple(arm)


def _pose_error(arm: np.ndarray, place: np.ndarray) -> np.ndarray:
    position, approach, closing = grip_of(arm[None].astype(np.float32))
    return np.concatenate(
        [position[:, 0] - place, 0.1 * (approach[:, 0] - [1, 0, 0]), 0.1 * (closing[:, 0] - [0, -1, 0])]
    )


@pytest.mark.parametrize("name", ["franka-lift-cube", "franka-open-cabinet"])
@pytest.mark.parametrize("sim", SIMULATORS)
def test_a_thousand_random_steps_stay_finite_and_the_terms_add_up(name: str, sim: str) -> None:
    if not is_installed(sim):
        pytest.skip(f"{sim} is not installed")
    env = made(name, sim, num_envs=8)
    env.init_state()
    for actions in random_actions(env, 1000):
        state = env.step(actions)
        np.testing.assert_allclose(state.reward, np.sum(list(state.info["Reward"].values()), axis=0), atol=1e-4)
    assert env.nonfinite_count == 0
    assert np.abs(env.physics.dof_vel[:, :7]).max() < 5.0, "rad/s"
