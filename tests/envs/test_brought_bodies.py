"""Environments that bring a simulator of their own are drawn from its models."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from counting_envs import Counting

from motrix_core.envs.registry import make
from motrix_core.envs.source import EnvSource
from motrix_core.view.scene import Scene

CHECKOUT = Path(__file__).parent.parent / "fakes" / "motrixlab"

MODEL = """
<mujoco><worldbody>
  <geom name="floor" type="plane" size="9 9 1"/>
  <body pos="0 0 0.5"><joint name="x" type="slide" axis="1 0 0"/>
    <geom name="box" type="box" size="0.2 0.2 0.2"/><geom name="ball" size="0.1" pos="0 0 0.5"/></body>
</worldbody></mujoco>
"""

# Stands two metres further right with every step, whatever the action is.
TROLLEY = """
from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from motrix_envs import registry
from motrix_envs.base import EnvCfg
from motrix_envs.np.env import NpEnv


@registry.envcfg("trolley")
@dataclass
class TrolleyCfg(EnvCfg):
    model_file: str = PATH
    max_episode_seconds: float | None = 2.0


@registry.env("trolley", "np")
class Trolley(NpEnv):
    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), dtype=np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)

    def apply_action(self, actions, state):
        return state

    def physics_step(self):
        data = self._state.data
        data.set_dof_pos(data.dof_pos + np.float32(2.0), self._model)
        self._model.forward_kinematic(data)

    def update_state(self, state):
        state.obs = state.data.dof_pos.astype(np.float32)
        state.reward = np.ones(self._num_envs, np.float32)
        return state

    def reset(self, data):
        data.reset(self._model)
        self._model.forward_kinematic(data)
        return data.dof_pos.astype(np.float32), {}
"""


class OnMujoco(Counting):
    """Has a world of its own, as Gymnasium's environments on MuJoCo have."""

    def __init__(self) -> None:
        super().__init__()
        self.model = mujoco.MjModel.from_xml_string(MODEL)
        self.data = mujoco.MjData(self.model)

    def step(self, action: np.ndarray) -> tuple:
        self.data.qpos[0] += 2.0 * (1 + action[0])
        mujoco.mj_forward(self.model, self.data)
        return super().step(action)


@pytest.fixture
def on_mujoco() -> Iterator[str]:
    gymnasium.register("OnMujoco-v0", OnMujoco)  # pyright: ignore
    yield "gym:OnMujoco-v0"
    del gymnasium.registry["OnMujoco-v0"]


def test_gymnasiums_environments_on_mujoco_are_drawn_where_they_are(on_mujoco: str) -> None:
    env = make(on_mujoco, num_envs=2, seed=0)
    env.init_state()
    env.step(np.array([[0.0], [1.0]], np.float32))
    assert [geom.moves for geom in env.bodies.geoms] == [False, True, True]  # type: ignore[attr-defined]
    places = env.bodies.geom_poses([1, 0]).positions  # type: ignore[attr-defined]
    np.testing.assert_allclose(places[:, 1], [[4.0, 0, 0.5], [2.0, 0, 0.5]])
    scene = Scene(env)
    assert scene.can_draw
    assert sum(bool(line.strip()) for line in scene.picture([0, 1], 60, 20)) > 8
    env.close()


def test_gymnasiums_other_environments_have_no_bodies() -> None:
    env = make("gym:Pendulum-v1", num_envs=1, seed=0)
    assert not Scene(env).can_draw
    env.close()


def test_motrixlabs_environments_are_drawn_where_they_are(tmp_path: Path) -> None:
    pytest.importorskip("motrixsim")
    lab = Path(shutil.copytree(CHECKOUT, tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__")))
    (tmp_path / "trolley.xml").write_text(MODEL)
    toys = lab / "motrix_envs" / "src" / "motrix_envs" / "toys"
    (toys / "trolley.py").write_text(TROLLEY.replace("PATH", repr(str(tmp_path / "trolley.xml"))))
    with (toys / "__init__.py").open("a") as names:
        names.write("from . import trolley as trolley\n")
    try:
        env = make("trolley", num_envs=3, seed=0, source=EnvSource(path=str(lab)))
        assert env.bodies is not None and not env.bodies.geoms[0].moves  # type: ignore[attr-defined]
        env.init_state()
        env.step(np.zeros((3, 1), np.float32))
        places = env.bodies.geom_poses([2]).positions  # type: ignore[attr-defined]
        np.testing.assert_allclose(places[0, 1], [2.0, 0, 0.5], atol=1e-5)
        scene = Scene(env)
        assert sum(bool(line.strip()) for line in scene.picture([0, 1], 60, 20)) > 8
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "motrix_envs"]:
            del sys.modules[name]
