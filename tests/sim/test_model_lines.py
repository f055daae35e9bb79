"""Where an engine does not say in which line of a model a name stands, we do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sim_engines import ENGINES

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim.loader import load_sim
from motrix_core.sim.model_lines import with_line

SCENE = """<mujoco model="scene">
  <!-- mesh="leg" was here,
       and file="leg.stl" -->
  <include file="parts.xml"/>
  <worldbody>
    <body name="ball" pos="0 0 1">
      <joint name="hinge" type="hinge"/>
      <geom class="legs" size="0.1"/>
    </body>
  </worldbody>
  <actuator>
    <motor joint="hing"/>
  </actuator>
</mujoco>
"""
PARTS = """<mujoco>
  <asset>
    <mesh name="leg" file="leg.stl"/>
  </asset>
</mujoco>
"""


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    (tmp_path / "parts.xml").write_text(PARTS)
    path = tmp_path / "scene.xml"
    path.write_text(SCENE)
    return path


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ("Joint name: 'hing' not found in the model", 'joint="hing" is in line 12 of scene.xml'),
        ("invalid class legs", 'class="legs" is in line 8 of scene.xml'),
        ('mesh asset not found: "mesh asset \\"hing\\" not loaded"', 'joint="hing" is in line 12 of scene.xml'),
        ("Error opening file 'assets/leg.stl'", 'file="leg.stl" is in line 3 of parts.xml'),
    ],
)
def test_the_line_of_the_name_is_added(scene: Path, message: str, where: str) -> None:
    assert with_line(message, scene) == f"{message}; {where}"


@pytest.mark.parametrize(
    "message",
    [
        "expected </worldbody> at line: 8",  # it says one itself
        "body 'ball' has no mass",  # given, used nowhere
        "out of memory",
        "",
    ],
)
def test_other_messages_stay_as_they_are(scene: Path, message: str) -> None:
    assert with_line(message, scene) == message


def test_a_model_that_cannot_be_read_or_includes_itself_adds_nothing(tmp_path: Path) -> None:
    assert with_line("invalid class legs", tmp_path / "gone.xml") == "invalid class legs"
    path = tmp_path / "circle.xml"
    path.write_text('<mujoco><include file="circle.xml"/></mujoco>')
    assert with_line("invalid class legs", path) == "invalid class legs"


@pytest.mark.parametrize("sim", ENGINES)
def test_a_missing_mesh_is_refused_with_its_line(sim: str, scene: Path) -> None:
    scene.write_text(SCENE.replace(' class="legs"', "").replace('"hing"', '"hinge"'))
    with pytest.raises(EnvironmentFailed, match=r'leg\.stl.*; file="leg\.stl" is in line 3 of parts\.xml'):
        load_sim(sim, scene, num_envs=1)
