"""What MuJoCo's films and windows show of a model whose file does not say."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.sim.mujoco_looks import followed_body, load_model

TASKS = Path(__file__).parents[2] / "motrix_core" / "envs" / "tasks"
MODELS = sorted(path for path in TASKS.glob("*.xml") if path.name != "panda.xml")
LOOKS = ("geom_rgba", "geom_matid", "site_rgba", "tex_", "mat_", "light_", "body_light", "ntex", "nmat", "nlight")
BOOKKEEPING = ("_", "name", "nname", "nbuffer", "npaths", "signature")

every_model = pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)


def scene(tmp_path: Path, text: str) -> mujoco.MjModel:
    path = tmp_path / "scene.xml"
    path.write_text(f"<mujoco>{text}</mujoco>")
    return load_model(path)


def half_seen_m(model: mujoco.MjModel) -> float:
    """How far from its middle MuJoCo's own camera sees, upwards, when it has just been opened."""
    camera = mujoco.MjvCamera()
    mujoco.mjv_defaultFreeCamera(model, camera)
    return float(camera.distance * np.tan(np.radians(model.vis.global_.fovy) / 2))


def largest_m(model: mujoco.MjModel) -> float:
    """From the followed body's middle to the farthest point of what moves."""
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    moving = model.body_weldid[model.geom_bodyid] != 0
    away = np.linalg.norm(data.geom_xpos[moving] - data.subtree_com[followed_body(model)], axis=1)
    return float((away + model.geom_rbound[moving]).max())


@every_model
def test_the_camera_stands_where_what_moves_fills_the_picture(path: Path) -> None:
    model = load_model(path)
    assert 1.0 < half_seen_m(model) / largest_m(model) < 1.5


def test_the_size_of_rough_ground_keeps_no_camera_away() -> None:
    env = make("go1-rough-terrain-walk", num_envs=1, sim="mujoco", seed=0)
    model = env.physics.model  # type: ignore[attr-defined]
    env.close()
    assert half_seen_m(model) < 1.0


@every_model
def test_what_moves_has_another_colour_than_the_ground_and_what_stands(path: Path) -> None:
    model = load_model(path)
    moves = model.body_weldid[model.geom_bodyid] != 0
    standing = {tuple(rgba) for rgba in model.geom_rgba[~moves]}
    assert standing.isdisjoint(tuple(rgba) for rgba in model.geom_rgba[moves])


@pytest.mark.parametrize(
    ("name", "thing", "robot"),
    [
        ("reacher.xml", "target", "finger"),
        ("franka_lift_cube.xml", "cube", "hand"),
        ("bounce_ball.xml", "ball", "paddle"),
    ],
)
def test_a_thing_is_told_from_the_robot_by_its_colour(name: str, thing: str, robot: str) -> None:
    model = load_model(TASKS / name)
    hues = [model.geom(geom).rgba[:3] / model.geom(geom).rgba[:3].max() for geom in (thing, robot)]
    assert np.abs(hues[0] - hues[1]).max() > 0.3


@every_model
def test_looks_change_nothing_of_how_a_model_moves(path: Path) -> None:
    ours, plain = load_model(path), mujoco.MjModel.from_xml_path(str(path))
    compared = 0
    for name in dir(plain):
        value = getattr(plain, name)
        if isinstance(value, np.ndarray | int) and not name.startswith(LOOKS + BOOKKEEPING):
            np.testing.assert_array_equal(getattr(ours, name), value, err_msg=name)
            compared += 1
    assert compared > 300
    ends = []
    for model in (ours, plain):
        data = mujoco.MjData(model)
        data.ctrl[:] = 0.1
        mujoco.mj_step(model, data, 50)
        ends.append(data.qpos.copy())
    np.testing.assert_array_equal(ends[0], ends[1])


def test_colours_light_and_distance_of_a_file_are_kept(tmp_path: Path) -> None:
    model = scene(
        tmp_path,
        """
        <statistic extent="7" center="1 2 3"/>
        <visual><headlight ambient="0.2 0.2 0.2"/><global elevation="-10"/></visual>
        <asset><texture name="sky" type="skybox" builtin="flat" rgb1="1 0 0" width="8" height="8"/>
          <material name="wood" rgba="0.6 0.4 0.2 1"/></asset>
        <worldbody><light name="lamp" pos="0 0 3"/><geom name="floor" type="plane" size="9 9 1" rgba="0 0 1 1"/>
          <body><freejoint/><geom name="box" type="box" size="1 1 1" material="wood"/>
            <site name="goal" size="0.1" rgba="0 1 0 1"/></body></worldbody>
        """,
    )
    assert (model.stat.extent, model.stat.center.tolist()) == (7.0, [1.0, 2.0, 3.0])
    assert (model.ntex, model.nmat, model.nlight) == (1, 1, 1)
    assert model.vis.headlight.ambient[0] == pytest.approx(0.2) and model.vis.global_.elevation == -10.0
    np.testing.assert_array_equal(model.geom("floor").rgba, [0, 0, 1, 1])
    assert model.geom("box").matid[0] == 0
    np.testing.assert_array_equal(model.site("goal").rgba, [0, 1, 0, 1])


def test_marks_of_sensors_hide_no_robot() -> None:
    model = load_model(TASKS / "go1.xml")
    assert not model.site_rgba[:, 3].any()


@pytest.mark.parametrize(
    "text",
    [
        "<worldbody/>",
        "<worldbody><geom type='plane' size='1 1 1'/></worldbody>",
        "<worldbody><body><joint/><inertial pos='0 0 0' mass='1' diaginertia='1 1 1'/></body></worldbody>",
        "<compiler discardvisual='true'/><worldbody><geom type='plane' size='1 1 1'/><body><freejoint/>"
        "<geom size='1'/></body></worldbody>",
    ],
    ids=["nothing", "ground alone", "no shapes", "without what is only seen"],
)
def test_any_model_that_mujoco_reads_can_be_loaded(tmp_path: Path, text: str) -> None:
    assert np.isfinite(scene(tmp_path, text).stat.extent)


def test_what_mujoco_warns_of_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scene(tmp_path, "<compiler settotalmass='3'/><worldbody><body><freejoint/><geom size='1'/></body></worldbody>")
    assert "settotalmass" in caplog.text


def test_the_light_goes_where_the_robot_goes() -> None:
    model = load_model(TASKS / "go1.xml")
    body, data = followed_body(model), mujoco.MjData(model)
    offsets = []
    for place in (0.0, 30.0):
        data.qpos[0] = place
        mujoco.mj_forward(model, data)
        offsets.append(data.light_xpos[0] - data.subtree_com[body])
    np.testing.assert_allclose(offsets[0], offsets[1], atol=1e-9)
