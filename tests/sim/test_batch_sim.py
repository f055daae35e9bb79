"""Both engines keep the promises of `BatchSim`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sim_engines import ENGINES, load, place_all

from motrix_core.errors import EnvironmentFailed, UnknownName
from motrix_core.sim.base import BatchSim, joint_columns
from motrix_core.sim.loader import is_installed, load_sim

every_engine = pytest.mark.parametrize("engine", ENGINES)


def controls(sim: BatchSim, steps: int, seed: int = 0) -> np.ndarray:
    shape = (steps, sim.num_envs, len(sim.actuators))
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def standing(sim: BatchSim) -> tuple[np.ndarray, np.ndarray]:
    """Different poses per world, some of them in contact with the floor within a few steps."""
    shape = (sim.num_envs, len(sim.joints))
    dof_pos = np.zeros(shape, np.float32)
    dof_pos[:, joint_columns(sim, "rooty")] = np.linspace(-1, 1, sim.num_envs, dtype=np.float32)[:, None]
    return dof_pos, np.zeros(shape, np.float32)


@every_engine
def test_a_loaded_model_has_its_names_sizes_and_dtypes(engine: str) -> None:
    sim = load(engine, num_envs=3)
    assert isinstance(sim, BatchSim)
    assert sim.name == engine
    assert sim.joints[:3] == ("rootz", "rootx", "rooty")
    assert sim.actuators == ("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle")
    assert sim.timestep_s == pytest.approx(0.0125)
    for values in (sim.dof_pos, sim.dof_vel):
        assert values.shape == (3, 9)
        assert values.dtype == np.float32


@every_engine
def test_joint_limits_are_in_radians_and_infinite_where_there_are_none(engine: str) -> None:
    limits = load(engine).joint_range("right_knee", "rootx")
    assert limits.dtype == np.float32
    np.testing.assert_allclose(limits[0], np.deg2rad([-150, 0]), atol=1e-6)
    np.testing.assert_array_equal(limits[1], [-np.inf, np.inf])


@every_engine
def test_reset_places_the_masked_worlds_and_leaves_the_others_alone(engine: str) -> None:
    sim = load(engine)
    place_all(sim, *standing(sim))
    sim.step(controls(sim, 1)[0], 2)
    before = sim.dof_pos.copy(), sim.dof_vel.copy()
    mask = np.array([False, True, False, True])
    dof_pos = np.full((2, 9), 0.25, np.float32)
    dof_vel = np.full((2, 9), -0.5, np.float32)
    sim.reset(mask, dof_pos, dof_vel)
    np.testing.assert_array_equal(sim.dof_pos[mask], dof_pos)
    np.testing.assert_array_equal(sim.dof_vel[mask], dof_vel)
    np.testing.assert_array_equal(sim.dof_pos[~mask], before[0][~mask])
    np.testing.assert_array_equal(sim.dof_vel[~mask], before[1][~mask])


@every_engine
def test_resetting_no_world_changes_nothing(engine: str) -> None:
    sim = load(engine)
    place_all(sim, *standing(sim))
    before = sim.dof_pos.copy()
    nothing = np.zeros((0, 9), np.float32)
    sim.reset(np.zeros(4, np.bool_), nothing, nothing)
    np.testing.assert_array_equal(sim.dof_pos, before)


@every_engine
def test_one_call_of_several_substeps_is_as_many_calls_of_one(engine: str) -> None:
    together, apart = load(engine), load(engine)
    for sim in (together, apart):
        dof_pos, dof_vel = standing(sim)
        dof_pos[:, 0] = 1.0  # in the air: the engines may warm-start contacts within a call
        place_all(sim, dof_pos, dof_vel)
    ctrl = controls(together, 1)[0]
    together.step(ctrl, 3)
    for _ in range(3):
        apart.step(ctrl, 1)
    np.testing.assert_allclose(together.dof_pos, apart.dof_pos, atol=1e-3)


@every_engine
def test_a_sensor_holds_what_it_measured_at_the_beginning_of_the_last_substep(engine: str) -> None:
    sim = load(engine, sensors=("torso_subtreelinvel",))
    dof_pos, dof_vel = standing(sim)
    dof_pos[:, 0] = 1.0
    dof_vel[:, joint_columns(sim, "rootx")] = 0.75
    place_all(sim, dof_pos, dof_vel)
    sim.step(np.zeros((4, 6), np.float32), 1)
    measured = sim.sensor("torso_subtreelinvel")
    assert measured.shape == (4, 3)
    assert measured.dtype == np.float32
    # Every body moved as the torso did before the step; since then gravity has made the fall 9.81 · 0.0125 m/s fast.
    np.testing.assert_allclose(measured, np.tile([0.75, 0.0, 0.0], (4, 1)), atol=1e-5)
    sim.step(np.zeros((4, 6), np.float32), 1)
    np.testing.assert_allclose(sim.sensor("torso_subtreelinvel")[:, 2], -9.81 * 0.0125, atol=2e-3)


@every_engine
def test_a_restored_simulation_continues_bit_for_bit_like_the_live_one(engine: str) -> None:
    live, restored = load(engine, num_envs=32), load(engine, num_envs=32)
    place_all(live, *standing(live))
    script = controls(live, 120)
    for ctrl in script[:60]:
        live.step(ctrl, 2)
    state = live.get_state()
    restored.set_state(state)
    np.testing.assert_array_equal(restored.dof_pos, live.dof_pos)
    for ctrl in script[60:]:
        live.step(ctrl, 2)
        restored.step(ctrl, 2)
    np.testing.assert_array_equal(restored.dof_pos, live.dof_pos)
    np.testing.assert_array_equal(restored.dof_vel, live.dof_vel)
    assert np.ptp(live.dof_pos[:, 0]) > 0.01, "the worlds are supposed to have moved apart"


@every_engine
def test_a_saved_state_is_not_changed_by_what_the_simulation_does_next(engine: str) -> None:
    sim = load(engine)
    place_all(sim, *standing(sim))
    state = sim.get_state()
    kept = {name: value.copy() for name, value in state.items()}
    sim.step(controls(sim, 1)[0], 2)
    for name, value in state.items():
        np.testing.assert_array_equal(value, kept[name])


@every_engine
def test_a_state_of_another_size_or_simulator_is_refused(engine: str) -> None:
    state = load(engine, num_envs=5).get_state()
    sim = load(engine, num_envs=4)
    with pytest.raises(EnvironmentFailed, match="num_envs"):
        sim.set_state(state)
    with pytest.raises(EnvironmentFailed, match="another simulator"):
        sim.set_state({"something": np.zeros(3)})


@every_engine
def test_a_broken_world_is_seen_as_broken_and_breaks_no_other(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sim = load(engine)
    dof_pos, dof_vel = standing(sim)
    dof_pos[2, 2] = np.nan
    place_all(sim, dof_pos, dof_vel)
    sim.step(np.zeros((4, 6), np.float32), 2)
    assert not np.isfinite(sim.dof_pos[2]).any()
    assert np.isfinite(sim.dof_pos[[0, 1, 3]]).all()
    healthy_pos, healthy_vel = standing(sim)
    sim.reset(np.array([False, False, True, False]), healthy_pos[2:3], healthy_vel[2:3])
    sim.step(np.zeros((4, 6), np.float32), 2)
    assert np.isfinite(sim.dof_pos).all()
    assert list(tmp_path.iterdir()) == [], "an engine wrote a log of its own into the working directory"


@every_engine
def test_an_unknown_joint_or_sensor_is_named(engine: str) -> None:
    with pytest.raises(UnknownName, match=r"'right_nee'.*right_knee"):
        load(engine).joint_range("right_nee")
    with pytest.raises(EnvironmentFailed, match=r"walker\.xml has no sensor 'torso_speed'"):
        load(engine, sensors=("torso_speed",))


@every_engine
def test_a_model_that_cannot_be_loaded_is_named(engine: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<mujoco><worldbody>")
    with pytest.raises(EnvironmentFailed, match=r"broken\.xml"):
        load_sim(engine, broken, num_envs=1)
    with pytest.raises(EnvironmentFailed, match=r"missing\.xml"):
        load_sim(engine, tmp_path / "missing.xml", num_envs=1)
    broken.write_text("<mujoco><worldbody><body><joint type='slid'/><geom size='0.1'/></body></worldbody></mujoco>")
    with pytest.raises(EnvironmentFailed, match=r"broken\.xml: .*slid") as raised:
        load_sim(engine, broken, num_envs=1)
    assert len(str(raised.value).splitlines()) == 1


@every_engine
def test_a_model_with_a_ball_joint_is_refused(engine: str, tmp_path: Path) -> None:
    model = tmp_path / "ball.xml"
    model.write_text(
        "<mujoco><worldbody><body name='ball'><joint name='root' type='ball'/><geom size='0.1'/></body></worldbody>"
        "</mujoco>"
    )
    with pytest.raises(EnvironmentFailed, match=r"'root' of ball\.xml is a ball joint"):
        load_sim(engine, model, num_envs=1)


def test_an_unknown_simulator_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean mujoco"):
        load_sim("mujocco", Path("x.xml"), num_envs=1)
    with pytest.raises(UnknownName):
        is_installed("bullet")


@every_engine
def test_controls_and_states_may_be_views_of_other_arrays(engine: str) -> None:
    plain, viewed = load(engine), load(engine)
    dof_pos, dof_vel = standing(plain)
    place_all(plain, dof_pos, dof_vel)
    both = np.concatenate([dof_pos, dof_vel], axis=1)
    place_all(viewed, both[:, :9], both[:, 9:])
    ctrl = controls(plain, 1)[0]
    plain.step(ctrl, 2)
    viewed.step(np.asfortranarray(ctrl), 2)
    np.testing.assert_array_equal(plain.dof_pos, viewed.dof_pos)


@every_engine
def test_a_closed_simulation_says_so_and_can_be_closed_again(engine: str) -> None:
    sim = load(engine)
    sim.close()
    sim.close()
    with pytest.raises(EnvironmentFailed, match=r"walker\.xml is closed"):
        sim.step(np.zeros((4, 6), np.float32), 1)
