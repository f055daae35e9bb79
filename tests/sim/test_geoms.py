"""Where the shapes of a model are, for drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from free_models import load_scene, random_states, rotation
from sim_engines import ENGINES, MODELS, load, place_all

from motrix_core.envs.registry import make
from motrix_core.sim.loader import SIMULATORS, is_installed, load_sim

every_engine = pytest.mark.parametrize("engine", ENGINES)


@every_engine
def test_geoms_have_the_shapes_and_sizes_of_the_file(engine: str) -> None:
    geoms = load(engine, "go1.xml").geoms
    assert [geom.name for geom in geoms[:5]] == ["floor", "trunk", "head", "FR_hip", "FR_thigh"]
    assert [geom.shape for geom in geoms[:5]] == ["plane", "box", "sphere", "sphere", "capsule"]
    np.testing.assert_allclose(geoms[1].size, [0.1881, 0.04675, 0.057], atol=1e-6)
    np.testing.assert_allclose(geoms[4].size[:2], [0.02, 0.1065], atol=1e-6)


@every_engine
def test_geoms_go_where_their_bodies_go(engine: str, tmp_path: Path) -> None:
    sim = load_scene(engine, tmp_path, num_envs=4)
    dof_pos, dof_vel = random_states(sim, 0, 3.0)
    place_all(sim, dof_pos, dof_vel)
    names = [geom.name for geom in sim.geoms]
    poses = sim.geom_poses([3, 1])
    assert poses.positions.shape == (2, len(names), 3)
    assert poses.quaternions.shape == (2, len(names), 4)
    trunk, ball = names.index("trunk"), names.index("ball")
    np.testing.assert_allclose(poses.positions[:, trunk], dof_pos[[3, 1], 1:4], atol=1e-5)
    np.testing.assert_allclose(poses.positions[:, ball], dof_pos[[3, 1], 10:13], atol=1e-5)
    turned = rotation(poses.quaternions[:, trunk])
    np.testing.assert_allclose(turned, rotation(dof_pos[[3, 1], 4:8]), atol=1e-5)


@every_engine
def test_looking_at_geoms_changes_nothing(engine: str, tmp_path: Path) -> None:
    looked, alone = (load_scene(engine, tmp_path, num_envs=2) for _ in range(2))
    start = random_states(looked, 0, 0.3)
    for sim in (looked, alone):
        place_all(sim, *start)
    for _ in range(40):
        looked.geom_poses([0])
        for sim in (looked, alone):
            sim.step(np.zeros((2, 2), np.float32), 1)
    np.testing.assert_array_equal(looked.dof_pos, alone.dof_pos)


@every_engine
def test_no_worlds_have_no_poses(engine: str) -> None:
    sim = load(engine)
    assert sim.geom_poses([]).positions.shape == (0, len(sim.geoms), 3)


@pytest.mark.parametrize("model", sorted(path.name for path in MODELS.glob("*.xml")))
def test_both_engines_put_every_geom_in_the_same_place(model: str) -> None:
    if not all(is_installed(name) for name in SIMULATORS):
        pytest.skip("compares two simulators")
    first, second = (load(name, model, num_envs=1) for name in SIMULATORS)
    assert [(geom.name, geom.shape, geom.moves) for geom in first.geoms] == [
        (geom.name, geom.shape, geom.moves) for geom in second.geoms
    ]
    one, other = first.geom_poses([0]), second.geom_poses([0])
    np.testing.assert_allclose(one.positions, other.positions, atol=1e-5)
    # A shape given by its ends may be turned about its axis, or upside down.
    axes = [np.abs(rotation(poses.quaternions[0])[:, :, 2]) for poses in (one, other)]
    np.testing.assert_allclose(axes[0], axes[1], atol=1e-5)


@every_engine
def test_only_the_worlds_own_shapes_do_not_move(engine: str) -> None:
    assert [geom.name for geom in load(engine, "go1.xml").geoms if not geom.moves] == ["floor"]


@every_engine
def test_a_body_that_no_joint_lets_go_of_the_world_does_not_move(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "arm.xml"
    path.write_text(
        "<mujoco><worldbody><body><geom name='stand' size='0.1'/><body><geom name='shelf' size='0.1'/>"
        "<body><joint name='hinge'/><geom name='arm' size='0.1'/><body><geom name='hand' size='0.1'/></body></body>"
        "</body></body><body pos='3 0 0'><freejoint/><geom name='ball' size='0.1'/><body><geom name='ear' size='0.1'/>"
        "</body></body></worldbody></mujoco>"
    )
    moves = {geom.name: geom.moves for geom in load_sim(engine, path, num_envs=1).geoms}
    assert moves == {"stand": False, "shelf": False, "arm": True, "hand": True, "ball": True, "ear": True}


@every_engine
def test_the_ground_of_a_height_field_is_known_in_metres(engine: str) -> None:
    env = make("go1-rough-terrain-walk", num_envs=1, sim=engine, seed=0)
    floor = env.physics.geoms[0]  # type: ignore[attr-defined]
    env.close()
    assert floor.ground is not None and floor.ground.half_size == (24.0, 24.0)
    np.testing.assert_allclose(floor.ground.heights, env.terrain.heights, atol=1e-5)  # type: ignore[attr-defined]
