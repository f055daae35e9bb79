"""Published robot models in place of ours, with small stand-ins for what robot_descriptions would download."""

from __future__ import annotations

import sys
import types
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from env_cases import made, random_actions

from motrix_core.envs.sim_env import TASKS
from motrix_core.envs.tasks.panda import PandaTask
from motrix_core.envs.tasks.published import quadruped_model
from motrix_core.envs.tasks.quadruped import GO1, Quadruped
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra
from motrix_core.sim.loader import SIMULATORS, is_installed

every_sim = pytest.mark.parametrize(
    "sim",
    [
        pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
        for name in SIMULATORS
    ],
)

TETRAHEDRON = "v 0 0 0\nv 0.1 0 0\nv 0 0.1 0\nv 0 0 0.1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\n"

LEG = """
<body name="{leg}_hip" pos="{x} {y} 0">
  <inertial pos="0 0 0" mass="0.7" diaginertia="0.0007 0.0007 0.0007"/>
  <joint name="{leg}_hip_joint" axis="1 0 0" range="-0.8 0.8"/>
  <body name="{leg}_thigh" pos="0 {out} 0">
    <inertial pos="0 0 -0.03" mass="1.1" diaginertia="0.005 0.005 0.001"/>
    <joint name="{leg}_thigh_joint" range="-0.6 4.5"/>
    <body name="{leg}_calf" pos="0 0 -0.213">
      <inertial pos="0 0 -0.14" mass="0.2" diaginertia="0.0015 0.0015 0.00004"/>
      <joint name="{leg}_calf_joint" range="-2.8 -0.9"/>
      <geom class="visual" mesh="shell"/>
      <geom name="{leg}" class="foot"/>
    </body>
  </body>
</body>
"""
# As published files are: legs in another order, drives of another kind, an unnamed base, a mesh, what a viewer needs.
ROBOT = """
<mujoco model="stand_in">
  <compiler angle="radian" meshdir="assets" autolimits="true"/>
  <option timestep="0.002" cone="elliptic" impratio="100"/>
  <default>
    <default class="robot">
      <joint axis="0 1 0" damping="2" armature="0.01"/>
      <default class="visual"><geom type="mesh" contype="0" conaffinity="0"/></default>
      <default class="foot"><geom type="sphere" size="0.023" pos="0 0 -0.213"/></default>
    </default>
  </default>
  <asset><mesh name="shell" file="shell.obj"/></asset>
  <worldbody>
    <light pos="0 0 3"/>
    <body name="base" pos="0 0 0.4" childclass="robot">
      <freejoint/>
      <camera name="tracking" pos="0 -1 1"/>
      <inertial pos="0 0 0" mass="6.5" diaginertia="0.02 0.06 0.07"/>
      <geom type="box" size="0.15 0.05 0.05"/>
      <site name="imu" pos="0.1 0 0"/>
      {legs}
    </body>
  </worldbody>
  <contact><exclude body1="base" body2="FL_thigh"/></contact>
  <actuator><motor name="FL_hip" joint="FL_hip_joint"/></actuator>
  <keyframe><key name="home" qpos="0 0 0.27 1 0 0 0 0 0.9 -1.8 0 0.9 -1.8 0 0.9 -1.8 0 0.9 -1.8"/></keyframe>
</mujoco>
"""


def robot_text() -> str:
    places = {"FL": (0.19, 0.05), "FR": (0.19, -0.05), "RL": (-0.19, 0.05), "RR": (-0.19, -0.05)}
    legs = "".join(LEG.format(leg=leg, x=x, y=y, out=0.08 * np.sign(y)) for leg, (x, y) in places.items())
    return ROBOT.format(legs=legs)


def arm_text() -> str:
    """Our own arm as if it were published: other drives, weaker damping, a heavier hand, a mesh."""
    root = ElementTree.parse(TASKS / "panda.xml").getroot()
    root.find("compiler").set("meshdir", "assets")
    for joint in root.iter("joint"):
        joint.attrib.pop("armature", None)
        if "damping" in joint.attrib:
            joint.set("damping", "1")
    for drive in list(root.find("actuator")):
        drive.tag = "motor"
    for default in list(root.iter("default")):
        for drive in default.findall("position"):
            default.remove(drive)
    root.find(".//body[@name='hand']/inertial").set("mass", "0.9")
    asset = ElementTree.SubElement(root, "asset")
    ElementTree.SubElement(asset, "mesh", name="shell", file="shell.obj")
    shell = {"type": "mesh", "mesh": "shell", "contype": "0", "conaffinity": "0"}
    ElementTree.SubElement(root.find(".//body[@name='link7']"), "geom", shell)
    return ElementTree.tostring(root, encoding="unicode")


Publish = Callable[[str, str], Path]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Call it with a package's name and the text of its model, and robot_descriptions has them until the test ends."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "shell.obj").write_text(TETRAHEDRON)
    monkeypatch.setitem(sys.modules, "robot_descriptions", types.ModuleType("robot_descriptions"))

    def add(package: str, text: str) -> Path:
        path = tmp_path / f"{package}.xml"
        path.write_text(text)
        module = types.ModuleType(f"robot_descriptions.{package}")
        module.MJCF_PATH = str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return path

    return add


@every_sim
@pytest.mark.parametrize("name", ["go1-flat-terrain-walk", "go1-rough-terrain-walk"])
def test_a_published_robot_stands_on_its_feet_and_keeps_its_masses(name: str, sim: str, publish: Publish) -> None:
    publish("go1_mj_description", robot_text())
    env = made(name, sim, num_envs=4, model="menagerie")
    assert isinstance(env, Quadruped)
    env.init_state()
    still = np.zeros((4, 12), np.float32)
    for _ in range(100):
        state = env.step(still)
        assert not state.terminated.any()
    assert env.feet_down().all()
    assert env.physics.joints[:3] == ("FR_hip", "FR_thigh", "FR_calf"), "legs come in the order of ours"
    np.testing.assert_allclose(env.physics.dof_pos[:, 7:], np.tile(GO1.pose, (4, 1)), atol=0.25)
    env.physics.varied.vary("mass", ["trunk", "FR_calf"])
    np.testing.assert_allclose(env.physics.varied.values("mass")[0], [6.5, 0.2], rtol=1e-5)
    assert env.physics.timestep_s == pytest.approx(0.01), "the task's time step, not the file's"


def test_contacts_are_solved_as_a_published_robot_needs_it_in_the_time_step_of_the_task(
    publish: Publish, tmp_path: Path
) -> None:
    target = tmp_path / "made.xml"
    quadruped_model(
        publish("go1_mj_description", robot_text()),
        TASKS / GO1.model,
        legs=GO1.legs,
        damping=GO1.damping,
        torque_limits=GO1.torque_limits,
        target=target,
    )
    options = ElementTree.parse(target).getroot().findall("option")
    assert [option.attrib for option in options] == [{"timestep": "0.01", "cone": "elliptic", "impratio": "100"}]


@every_sim
def test_a_published_arm_is_driven_as_ours_is(sim: str, publish: Publish) -> None:
    publish("panda_mj_description", arm_text())
    script = None
    ends = []
    for model in ("own", "menagerie"):
        env = made("franka-lift-cube", sim, num_envs=4, model=model)
        assert isinstance(env, PandaTask)
        env.init_state()
        script = random_actions(env, 60) if script is None else script
        for actions in script:
            env.step(actions)
        ends.append(env.physics.dof_pos[:, :7].copy())
        env.physics.varied.vary("mass", ["hand"])
    np.testing.assert_allclose(env.physics.varied.values("mass"), 0.9, rtol=1e-5)
    assert not np.array_equal(ends[0], ends[1]), "the hand is heavier"
    np.testing.assert_allclose(ends[0], ends[1], atol=0.05)


def test_without_robot_descriptions_the_error_names_the_extra(hide: Callable[[str], None]) -> None:
    hide("robot_descriptions")
    with pytest.raises(MissingExtra, match=r"pip install 'motrix-tui\[menagerie\]'"):
        made("go2-flat-terrain-walk", "auto", num_envs=1, model="menagerie")


def test_a_download_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Offline(types.ModuleType):
        __path__: list[str] = []

    monkeypatch.setitem(sys.modules, "robot_descriptions", Offline("robot_descriptions"))
    with pytest.raises(EnvironmentFailed, match=r"go2_mj_description cannot be used: .*; it is downloaded once"):
        made("go2-flat-terrain-walk", "auto", num_envs=1, model="menagerie")


def test_a_published_robot_that_is_built_otherwise_is_refused(publish: Publish) -> None:
    publish("go1_mj_description", robot_text().replace("RR_", "back_"))
    with pytest.raises(EnvironmentFailed, match="has no leg RR at its base"):
        made("go1-flat-terrain-walk", "auto", num_envs=1, model="menagerie")
    publish("go1_mj_description", robot_text().replace("<freejoint/>", ""))
    with pytest.raises(EnvironmentFailed, match="has no floating base"):
        made("go1-flat-terrain-walk", "auto", num_envs=1, model="menagerie")
    publish("go1_mj_description", "<mujoco")
    with pytest.raises(EnvironmentFailed, match="cannot be read"):
        made("go1-flat-terrain-walk", "auto", num_envs=1, model="menagerie")


def test_another_model_is_refused_by_name() -> None:
    for name in ("go1-flat-terrain-walk", "franka-open-cabinet"):
        with pytest.raises(ConfigError, match="model=menagery must be own or menagerie; did you mean menagerie"):
            made(name, "auto", num_envs=1, model="menagery")
