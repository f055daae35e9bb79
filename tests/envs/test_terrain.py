"""Terrains from a seed, and walking on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from env_cases import made, random_actions

from motrix_core.envs.catalog import catalog
from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.quadruped_terrain import Go1StairsWalk, TerrainWalk
from motrix_core.envs.tasks.terrain import Terrain, rough_terrain, stairs_terrain, write_model
from motrix_core.errors import ConfigError, EnvironmentFailed
from motrix_core.sim.loader import SIMULATORS, is_installed

SIMS = [
    pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
    for name in SIMULATORS
]
every_sim = pytest.mark.parametrize("sim", SIMS)
walking = pytest.mark.parametrize("name", ["go1-rough-terrain-walk", "go1-stairs-terrain-walk"])


def walk(name: str, sim: str, num_envs: int = 4, **options: object) -> TerrainWalk:
    env = made(name, sim, num_envs=num_envs, **options)
    assert isinstance(env, TerrainWalk)
    env.init_state()
    return env


def still(env: TerrainWalk) -> np.ndarray:
    return np.zeros((env.num_envs, 12), np.float32)


def put(env: TerrainWalk, x: float, y: float, facing: float, height: float) -> None:
    """Every robot at rest in its pose, its base at these coordinates."""
    dof_pos, dof_vel = np.zeros((env.num_envs, 19), np.float32), np.zeros((env.num_envs, 18), np.float32)
    dof_pos[:, :4] = x, y, height, np.cos(facing / 2)
    dof_pos[:, 6] = np.sin(facing / 2)
    dof_pos[:, 7:] = env.robot.pose
    env.place(np.arange(env.num_envs), dof_pos, dof_vel)


def test_a_seed_gives_one_rough_terrain_and_another_seed_another() -> None:
    terrain = rough_terrain(3, roughness_m=0.08, half_m=4.0)
    np.testing.assert_array_equal(terrain.heights, rough_terrain(3, half_m=4.0).heights)
    assert not np.array_equal(terrain.heights, rough_terrain(4, half_m=4.0).heights)
    assert terrain.heights.shape == (81, 81)
    assert terrain.half_m == pytest.approx(4.0)
    assert (terrain.heights.min(), terrain.heights.max()) == pytest.approx((0.0, 0.08))


def test_a_terrain_is_looked_up_by_x_along_columns_and_y_along_rows() -> None:
    terrain = Terrain(np.arange(9, dtype=np.float32).reshape(3, 3), 0.5)
    x, y = np.array([-0.5, 0.5, 0.0, 0.2, 9.0, np.nan]), np.array([-0.5, -0.5, 0.5, 0.2, 9.0, 0.0])
    np.testing.assert_array_equal(terrain.height(x, y)[:5], [0, 2, 7, 4, 8])
    np.testing.assert_array_equal(terrain.highest(np.zeros(1, np.float32), np.zeros(1, np.float32), 0.5), [8])


def test_stairs_rise_by_equal_steps_around_level_landings() -> None:
    stairs = stairs_terrain(0, risers_m=(0.05, 0.1), steps=6, half_m=6.0)
    assert stairs.landings.shape == (4, 3)
    for x, y, height in stairs.landings:
        distances = np.arange(0, 3.0, 0.05, dtype=np.float32)
        profile = stairs.terrain.height(np.full_like(distances, x), y + distances)
        assert profile[0] == pytest.approx(height, abs=1e-6)
        np.testing.assert_allclose(profile[distances < 0.8], height, atol=1e-6)
        drops = np.abs(np.diff(profile))
        np.testing.assert_allclose(drops[drops > 1e-6], abs(height) / 6, atol=1e-6)
        assert np.count_nonzero(drops > 1e-6) == 6
        assert profile[-1] == pytest.approx(0.0, abs=1e-6)
        assert 0.05 <= abs(height) / 6 <= 0.1


def test_stairs_lead_up_and_down() -> None:
    heights = stairs_terrain(0).landings[:, 2]
    assert heights.min() < -0.2
    assert heights.max() > 0.2


def test_a_model_without_a_floor_is_refused_by_name(tmp_path: Path) -> None:
    source = tmp_path / "floorless.xml"
    source.write_text("<mujoco><worldbody><geom name='ground' size='1 1 1' type='plane'/></worldbody></mujoco>")
    with pytest.raises(EnvironmentFailed, match=r"floorless\.xml has no geom 'floor'"):
        write_model(source, rough_terrain(0, half_m=1.0), tmp_path / "target.xml")


def test_a_terrain_is_written_as_it_is(tmp_path: Path) -> None:
    mujoco = pytest.importorskip("mujoco")
    terrain = stairs_terrain(1, half_m=6.0).terrain
    write_model(TASKS / "go1.xml", terrain, tmp_path / "go1.xml")
    model = mujoco.MjModel.from_xml_path(str(tmp_path / "go1.xml"))
    base = model.geom("floor").pos[2]
    loaded = model.hfield_data.reshape(terrain.heights.shape) * model.hfield_size[0, 2] + base
    np.testing.assert_allclose(loaded, terrain.heights, atol=2e-4)
    np.testing.assert_allclose(model.hfield_size[0, :2], 6.0)
    assert model.geom("floor").conaffinity == 1


@every_sim
@walking
def test_robots_stand_anywhere_on_the_terrain_for_two_seconds(name: str, sim: str) -> None:
    env = walk(name, sim, num_envs=16)
    for _ in range(200):
        assert not env.step(still(env)).done.any()
    heights = env.base_height()
    assert heights.min() > 0.18
    assert heights.max() < 0.36
    assert np.ptp(env.physics.dof_pos[:, 0]) > 5.0, "they are supposed to be all over the terrain"
    assert env.feet_down().mean() > 0.8


@every_sim
@walking
def test_a_thousand_random_steps_stay_finite(name: str, sim: str) -> None:
    env = walk(name, sim)
    for actions in random_actions(env, 1000):
        state = env.step(actions)
    assert env.nonfinite_count == 0
    assert np.abs(state.obs).max() < 200.0


@every_sim
def test_an_episode_ends_at_the_edge_of_the_terrain(sim: str) -> None:
    env = walk("go1-rough-terrain-walk", sim)
    put(env, 23.7, 0.0, 0.0, 0.4)
    assert env.step(still(env)).terminated.all()


@every_sim
def test_the_stairs_before_the_robot_are_felt_in_the_direction_that_it_faces(sim: str) -> None:
    env = walk("go1-stairs-terrain-walk", sim)
    assert isinstance(env, Go1StairsWalk)
    x, y, height = (float(value) for value in env._landings[0])
    riser = height / 6
    base = height + env.robot.height
    for facing in (0.0, np.pi / 2, np.pi, -np.pi / 2):
        # 0.75 m from the landing's middle: 0.3 m ahead is the first step down the flight, 0.6 m ahead the second.
        put(env, x + 0.75 * np.cos(facing), y + 0.75 * np.sin(facing), facing, base)
        scan = env.step(still(env)).obs[0, 48:].reshape(4, 3)
        np.testing.assert_allclose(scan, np.array([[0], [0], [riser], [2 * riser]]) * np.ones(3), atol=0.01)


@walking
def test_a_terrain_seed_that_is_none_is_refused(name: str) -> None:
    sim = next(sim for sim in SIMULATORS if is_installed(sim))
    for wrong in (-1, 1.5, "a", True):
        with pytest.raises(ConfigError, match=r"terrain_seed.* must be a whole number"):
            made(name, sim, num_envs=1, terrain_seed=wrong)


@every_sim
def test_a_state_saved_on_another_terrain_is_refused_with_its_seed(sim: str) -> None:
    saved = walk("go1-rough-terrain-walk", sim, terrain_seed=7).get_state()
    with pytest.raises(EnvironmentFailed, match="terrain_seed=7"):
        walk("go1-rough-terrain-walk", sim).set_state(saved)


def test_the_sizes_are_those_of_the_facts_page() -> None:
    specs = catalog()
    assert [specs[f"go1-{kind}-terrain-walk"].obs_dim for kind in ("rough", "stairs")] == [48, 60]
