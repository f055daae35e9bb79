"""Walk as commanded where the ground is not flat: Unitree's Go1 on bumps and on stairs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.base import BoolArray, FloatArray
from motrix_core.envs.options import number_problems
from motrix_core.envs.spec import EnvSpec
from motrix_core.envs.tasks.quadruped import GO1, BaseMotion, heading
from motrix_core.envs.tasks.quadruped_walk import QuadrupedWalk
from motrix_core.envs.tasks.terrain import Terrain, rough_terrain, stairs_terrain, write_model
from motrix_core.errors import EnvironmentFailed, Problem

# Nobody can stand beyond the edge of the terrain, so an episode ends this far, m, before it.
_MARGIN_M = 0.5
# Episodes begin within this of the middle, m, from where the edge is far.
_START_M = 9.0
# The ground around the robot must not reach into its feet when it is put there.
_FOOTPRINT_M = 0.4


class TerrainWalk(QuadrupedWalk):
    """`QuadrupedWalk` on a terrain, where leaning costs a fifth.

    All environments share the terrain that `terrain_seed` gives, which is apart from the seed of the episodes, so that
    a saved state fits. An episode also ends at the terrain's edge.
    """

    robot = GO1
    model = GO1.model
    sensors = ("trunk_touch", *GO1.foot_sensors)
    lean_cost = 1.0

    def __init__(
        self,
        spec: EnvSpec,
        *,
        num_envs: int,
        rng: np.random.Generator,
        sim: str,
        episode_s: float | None = None,
        vary: float = 0.0,
        push_speed: float = 0.0,
        model: str = "own",
        terrain_seed: int = 0,
    ) -> None:
        self.terrain_seed = int(terrain_seed)
        self.terrain = self.make_terrain(self.terrain_seed)
        super().__init__(
            spec,
            num_envs=num_envs,
            rng=rng,
            sim=sim,
            episode_s=episode_s,
            vary=vary,
            push_speed=push_speed,
            model=model,
        )

    @classmethod
    def option_problems(cls, spec: EnvSpec, options: Mapping[str, Any]) -> list[Problem]:
        rule = "must be a whole number of 0 or more"
        return super().option_problems(spec, options) + number_problems(
            options, "terrain_seed", rule, example=0, whole=True
        )

    def build_model(self, model: str, folder: Path) -> Path:
        source = super().build_model(model, folder)
        target = folder / f"terrain_{self.robot.model}"
        write_model(source, self.terrain, target)
        return target

    @abstractmethod
    def make_terrain(self, seed: int) -> Terrain:
        """The terrain of this seed."""

    def base_height(self) -> FloatArray:
        dof_pos = self.physics.dof_pos
        return dof_pos[:, 2] - self.terrain.height(dof_pos[:, 0], dof_pos[:, 1])

    def ended(self, motion: BaseMotion) -> BoolArray:
        far = np.abs(self.physics.dof_pos[:, :2]).max(axis=1)
        return self.fallen(motion) | (far > self.terrain.half_m - _MARGIN_M)

    def starts(self, count: int) -> FloatArray:
        places = self.rng.uniform(-_START_M, _START_M, (count, 2)).astype(np.float32)
        return self._on_ground(places)

    def _on_ground(self, places: FloatArray) -> FloatArray:
        """x, y and a height that clears the ground around, (rows, 3)."""
        ground = self.terrain.highest(places[:, 0], places[:, 1], _FOOTPRINT_M)
        return np.column_stack([places, ground]).astype(np.float32)

    def get_task_state(self) -> dict[str, NDArray]:
        return {**super().get_task_state(), "terrain_seed": np.array([self.terrain_seed], np.int64)}

    def set_task_state(self, state: Mapping[str, NDArray]) -> None:
        saved = state.get("terrain_seed")
        if saved is not None and int(saved[0]) != self.terrain_seed:
            raise EnvironmentFailed(
                f"the saved state belongs to the terrain of seed {int(saved[0])}, not {self.terrain_seed}",
                mend=f"make the environment with the option terrain_seed={int(saved[0])}",
            )
        super().set_task_state(state)


class Go1RoughWalk(TerrainWalk):
    """Bumps of up to 8 cm. Observations, actions and rewards are those of `QuadrupedWalk`, leaning costs a fifth."""

    def make_terrain(self, seed: int) -> Terrain:
        return rough_terrain(seed)


# Where the ground's height is felt, m forward and left of the base.
_SCAN = np.array([(forward, left) for forward in (-0.3, 0.0, 0.3, 0.6) for left in (-0.2, 0.0, 0.2)], np.float32)


class Go1StairsWalk(TerrainWalk):
    """Flights of six steps of 4 to 12 cm, up and down; episodes begin on their landings.

    obs, 60 numbers: the 48 of `QuadrupedWalk`, then the height of the base above the ground less that at which the
    robot stands, m, within ±1, at 12 points: 0.3 m behind the base, below it, 0.3 and 0.6 m before it, each 0.2 m to
    the right, in the middle and 0.2 m to the left. Actions and rewards are those of `QuadrupedWalk`, leaning costs a
    fifth.
    """

    def make_terrain(self, seed: int) -> Terrain:
        stairs = stairs_terrain(seed)
        near = np.abs(stairs.landings[:, :2]).max(axis=1) <= _START_M
        self._landings = stairs.landings[near]
        return stairs.terrain

    def starts(self, count: int) -> FloatArray:
        landings = self._landings[self.rng.integers(len(self._landings), size=count)]
        return self._on_ground(landings[:, :2] + self.rng.uniform(-0.4, 0.4, (count, 2)).astype(np.float32))

    def observe(
        self, rows: NDArray[np.intp] | slice, dof_pos: FloatArray, dof_vel: FloatArray, motion: BaseMotion
    ) -> FloatArray:
        obs = super().observe(rows, dof_pos, dof_vel, motion)
        facing = heading(dof_pos[:, 3:7])[:, None]
        cos, sin = np.cos(facing), np.sin(facing)
        x = dof_pos[:, 0:1] + cos * _SCAN[:, 0] - sin * _SCAN[:, 1]
        y = dof_pos[:, 1:2] + sin * _SCAN[:, 0] + cos * _SCAN[:, 1]
        above = dof_pos[:, 2:3] - np.float32(self.robot.height) - self.terrain.height(x, y)
        np.clip(above, -1.0, 1.0, out=obs[:, 48:])
        return obs
