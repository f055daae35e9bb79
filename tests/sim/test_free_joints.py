"""Bodies that nothing holds, on both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from free_models import SENSORS, load_scene, random_states, rotation
from sim_engines import ENGINES, place_all

from motrix_core.errors import EnvironmentFailed, UnknownName
from motrix_core.sim.base import BatchSim, free_columns, joint_columns, velocity_columns
from motrix_core.sim.loader import is_installed

every_engine = pytest.mark.parametrize("engine", ENGINES)
both_engines = pytest.mark.skipif(
    not (is_installed("motrixsim") and is_installed("mujoco")), reason="compares two simulators"
)

# Single precision shows in orientations: 50 steps of 5 ms, at up to 7 rad/s.
POSITION_TOLERANCE = 1e-4
VELOCITY_TOLERANCE = 1e-4


def still(sim: BatchSim) -> np.ndarray:
    return np.zeros((sim.num_envs, len(sim.actuators)), np.float32)


@every_engine
def test_joints_of_all_kinds_stand_in_the_order_of_the_file(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=2)
    assert sim.joints == ("pole", "arm", "slider")
    assert sim.dofs.free_joints == ("trunk", "ball")
    assert (sim.dofs.num_pos, sim.dofs.num_vel) == (17, 15)
    assert sim.dof_pos.shape == (2, 17)
    assert sim.dof_vel.shape == (2, 15)
    assert free_columns(sim, "trunk") == (slice(1, 8), slice(1, 7))
    assert free_columns(sim, "ball") == (slice(10, 17), slice(9, 15))
    assert joint_columns(sim, "slider", "arm").tolist() == [9, 8]
    assert velocity_columns(sim, "slider", "arm").tolist() == [8, 7]
    np.testing.assert_allclose(sim.initial_dof_pos[1:8], [0.5, -0.25, 2, 1, 0, 0, 0])
    with pytest.raises(UnknownName, match="did you mean trunk"):
        free_columns(sim, "trunck")


@every_engine
def test_a_base_moves_along_the_world_and_turns_about_its_own_axes(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=1)
    pos, vel = free_columns(sim, "ball")
    dof_pos, dof_vel = np.tile(sim.initial_dof_pos, (1, 1)), np.zeros((1, 15), np.float32)
    quarter = np.sqrt(0.5)
    dof_pos[0, pos] = [0, 2, 5, quarter, 0, 0, quarter]  # x of the ball points along y of the world
    dof_vel[0, vel] = [1, 0, 0, 2, 0, 0]
    place_all(sim, dof_pos, dof_vel)
    sim.step(still(sim), 20)
    ball = sim.dof_pos[0, pos]
    np.testing.assert_allclose(ball[:2], [0.1, 2.0], atol=1e-5)
    np.testing.assert_allclose(rotation(ball[None, 3:])[0] @ [1, 0, 0], [0, 1, 0], atol=1e-5)
    turned = rotation(ball[None, 3:])[0] @ [0, 1, 0]
    np.testing.assert_allclose(turned, [-np.cos(0.2), 0, np.sin(0.2)], atol=1e-4)


@every_engine
def test_reset_places_the_masked_bases_and_leaves_the_others_alone(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=4)
    place_all(sim, *random_states(sim, 0, 2.0))
    sim.step(still(sim), 3)
    before = sim.dof_pos.copy()
    mask = np.array([True, False, False, True])
    dof_pos, dof_vel = random_states(sim, 1, 3.0)
    sim.reset(mask, dof_pos[mask], dof_vel[mask])
    np.testing.assert_array_equal(sim.dof_pos[mask], dof_pos[mask])
    np.testing.assert_array_equal(sim.dof_vel[mask], dof_vel[mask])
    np.testing.assert_array_equal(sim.dof_pos[~mask], before[~mask])
    alone = load_scene(engine, tmp_path, num_envs=2)
    place_all(alone, dof_pos[mask], dof_vel[mask])
    sim.step(still(sim), 5)
    alone.step(still(alone), 5)
    np.testing.assert_allclose(sim.dof_pos[mask], alone.dof_pos, atol=1e-5)


@every_engine
def test_restored_bases_continue_bit_for_bit_through_contacts(engine: str, tmp_path: Path) -> None:
    live, restored = (load_scene(engine, tmp_path, num_envs=16) for _ in range(2))
    place_all(live, *random_states(live, 0, 0.4))
    script = np.random.default_rng(2).uniform(-1, 1, (120, 16, 2)).astype(np.float32)
    for ctrl in script[:60]:
        live.step(ctrl, 2)
    restored.set_state(live.get_state())
    np.testing.assert_array_equal(restored.dof_pos, live.dof_pos)
    for ctrl in script[60:]:
        live.step(ctrl, 2)
        restored.step(ctrl, 2)
    np.testing.assert_array_equal(restored.dof_pos, live.dof_pos)
    np.testing.assert_array_equal(restored.dof_vel, live.dof_vel)
    assert live.sensor("ball_touch").max() > 1.0, "contacts are part of what has to be restored"


@every_engine
def test_sensors_of_a_base_agree_with_its_positions_and_velocities(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=8)
    dof_pos, dof_vel = random_states(sim, 0, 3.0)
    place_all(sim, dof_pos, dof_vel)
    sim.step(still(sim), 1)  # a sensor measures before its substep moves anything
    pos, vel = free_columns(sim, "trunk")
    place, quaternion = dof_pos[:, pos][:, :3], dof_pos[:, pos][:, 3:]
    linear, angular = dof_vel[:, vel][:, :3], dof_vel[:, vel][:, 3:]
    matrix = rotation(quaternion)
    offset = np.array([0.1, 0, 0])
    np.testing.assert_allclose(sim.sensor("trunk_pos"), place + matrix @ offset, atol=1e-5)
    np.testing.assert_allclose(sim.sensor("trunk_gyro"), angular, atol=1e-5)
    expected = np.einsum("nji,nj->ni", matrix, linear) + np.cross(angular, offset)
    np.testing.assert_allclose(sim.sensor("trunk_velocity"), expected, atol=1e-4)
    same = np.abs((sim.sensor("trunk_quat") * quaternion).sum(axis=1))
    np.testing.assert_allclose(same, 1.0, atol=1e-5)


@every_engine
def test_a_sensor_s_array_is_updated_in_place(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=2)
    place_all(sim, *random_states(sim, 0, 3.0))
    arrays = {name: sim.sensor(name) for name in SENSORS}
    sim.step(still(sim), 1)
    for name, values in arrays.items():
        assert np.shares_memory(values, sim.sensor(name))
        assert name == "ball_touch" or values.any()


@every_engine
def test_a_ball_at_rest_presses_with_its_weight(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=2)
    sim.step(still(sim), 400)
    np.testing.assert_allclose(sim.sensor("ball_touch"), 2 * 9.81, rtol=1e-3)


@every_engine
def test_a_height_field_carries_what_lies_on_it(engine: str, tmp_path: Path) -> None:
    heights = np.zeros((21, 21))
    heights[:11] = 1.0  # the first row lies furthest towards +y; that half is 0.3 m high
    elevation = " ".join(f"{value:g}" for value in heights.ravel())
    field = f'<geom name="floor" type="hfield" hfield="field"/></worldbody><asset><hfield name="field" nrow="21" \
ncol="21" size="5 5 0.3 0.1" elevation="{elevation}"/></asset><worldbody>'
    sim = load_scene(engine, tmp_path, num_envs=1, floor=field)
    pos, _ = free_columns(sim, "ball")
    dof_pos = np.tile(sim.initial_dof_pos, (1, 1))
    dof_pos[0, pos] = [0.2, 2.1, 0.45, 1, 0, 0, 0]
    place_all(sim, dof_pos, np.zeros((1, 15), np.float32))
    sim.step(still(sim), 300)
    assert sim.dof_pos[0, pos][2] == pytest.approx(0.4, abs=2e-3)
    dof_pos[0, pos] = [0.2, -2.1, 0.15, 1, 0, 0, 0]
    place_all(sim, dof_pos, np.zeros((1, 15), np.float32))
    sim.step(still(sim), 300)
    assert sim.dof_pos[0, pos][2] == pytest.approx(0.1, abs=2e-3)


class PanicException(BaseException):
    pass


class BrokenModel:
    def step_n(self, data: object, substeps: int) -> None:
        raise PanicException("assertion failed")


@pytest.mark.skipif(not is_installed("motrixsim"), reason="motrixsim is not installed")
def test_a_panic_of_the_engine_is_an_error_that_names_the_model(tmp_path: Path) -> None:
    sim = load_scene("motrixsim", tmp_path, num_envs=1)
    sim._model = BrokenModel()
    with pytest.raises(EnvironmentFailed, match=r"free\.xml: assertion failed"):
        sim.step(still(sim), 1)


@both_engines
def test_free_bodies_move_alike_on_both_engines_until_they_touch(tmp_path: Path) -> None:
    motrix, reference = (load_scene(engine, tmp_path, num_envs=16) for engine in ("motrixsim", "mujoco"))
    start = random_states(motrix, 0, 4.0)
    for sim in (motrix, reference):
        place_all(sim, *start)
    script = np.random.default_rng(1).uniform(-0.5, 0.5, (50, 16, 2)).astype(np.float32)
    for ctrl in script:
        for sim in (motrix, reference):
            sim.step(ctrl, 1)
    assert np.abs(reference.dof_pos - start[0]).max() > 0.5, "the bodies are supposed to have moved"
    np.testing.assert_allclose(motrix.dof_pos, reference.dof_pos, rtol=0, atol=POSITION_TOLERANCE)
    np.testing.assert_allclose(motrix.dof_vel, reference.dof_vel, rtol=0, atol=VELOCITY_TOLERANCE)
