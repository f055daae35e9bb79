"""A sled that is pushed along a line. It ends when it leaves the line, or is over with its time."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np

from motrix_envs import registry
from motrix_envs.base import EnvCfg
from motrix_envs.np.env import NpEnv, NpEnvState


@registry.envcfg("sled")
@dataclass
class SledCfg(EnvCfg):
    max_episode_seconds: float | None = 2.0
    edge: float = 1.0
    spoil_at: float = np.inf


@registry.envcfg("cartpole")
@dataclass
class CartpoleCfg(SledCfg):
    """A name that others have too."""


class SledData:
    def __init__(self, place: np.ndarray, push: np.ndarray) -> None:
        self.place, self.push = place, push
        self.whole: SledData | None = None
        self.mask: np.ndarray | None = None

    def __getitem__(self, mask: np.ndarray) -> SledData:
        part = SledData(self.place[mask], self.push[mask])
        part.whole, part.mask = self, mask
        return part

    def put(self, place: np.ndarray) -> None:
        assert self.whole is not None
        self.whole.place[self.mask] = place

    def step(self) -> None:
        self.place += 0.1 * self.push


@registry.env("sled", "np")
@registry.env("cartpole", "np")
class Sled(NpEnv):
    _cfg: SledCfg

    @property
    def observation_space(self) -> gym.spaces.Box:
        return gym.spaces.Box(-np.inf, np.inf, (2,), dtype=np.float32)

    @property
    def action_space(self) -> gym.spaces.Box:
        return gym.spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)

    def new_data(self) -> SledData:
        return SledData(np.zeros(self._num_envs), np.zeros(self._num_envs))

    def apply_action(self, actions: np.ndarray, state: NpEnvState) -> NpEnvState:
        state.data.push = actions[:, 0].astype(np.float64)
        return state

    def update_state(self, state: NpEnvState) -> NpEnvState:
        place = state.data.place
        state.obs = np.stack([place, state.data.push], axis=1).astype(np.float32)
        state.obs[place > self._cfg.spoil_at] = np.nan
        state.reward = (1.0 - np.abs(place)).astype(np.float32)
        state.terminated = np.abs(place) > self._cfg.edge
        state.info["Reward"] = {"middle": state.reward.copy()}
        state.info["metrics"] = {"place": place.astype(np.float32)}
        return state

    def reset(self, data: SledData) -> tuple[np.ndarray, dict]:
        place = np.random.uniform(-0.1, 0.1, len(data.place))
        data.put(place)
        return np.stack([place, np.zeros_like(place)], axis=1), {"Reward": {"middle": np.zeros(len(place))}}
