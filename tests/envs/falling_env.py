"""A MuJoCo environment for Gymnasium's registry that MuJoCo warns of."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco as binding
import numpy as np
from counting_envs import Counting

mujoco: Any = binding  # its compiled part has no types
MODEL = "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"


class Falling(Counting):
    """Its physics has diverged in every step."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        model = mujoco.MjModel.from_xml_string(MODEL)
        data = mujoco.MjData(model)
        data.qpos[0] = np.nan
        mujoco.mj_step(model, data)
        return super().step(action)


gymnasium.register("Falling-v0", "falling_env:Falling")
