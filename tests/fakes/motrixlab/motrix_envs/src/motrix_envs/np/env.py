from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np

from motrix_envs.base import EnvCfg


@dataclass
class NpEnvState:
    data: Any
    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    info: dict

    @property
    def done(self) -> np.ndarray:
        return self.terminated | self.truncated


class NpEnv(abc.ABC):
    def __init__(self, cfg: EnvCfg, num_envs: int = 1) -> None:
        self._cfg, self._num_envs = cfg, num_envs
        self._state: Any = None
        if cfg.model_file is not None:
            import motrixsim

            self._model = motrixsim.load_model(cfg.model_file)
            self._model.options.timestep = cfg.sim_dt

    @property
    def cfg(self) -> EnvCfg:
        return self._cfg

    @property
    def num_envs(self) -> int:
        return self._num_envs

    @property
    def model(self) -> Any:
        return self._model

    @property
    def state(self) -> NpEnvState:
        return self._state

    def new_data(self) -> Any:
        import motrixsim

        return motrixsim.SceneData(self._model, batch=[self._num_envs])

    @abc.abstractmethod
    def apply_action(self, actions: np.ndarray, state: NpEnvState) -> NpEnvState: ...

    @abc.abstractmethod
    def update_state(self, state: NpEnvState) -> NpEnvState: ...

    @abc.abstractmethod
    def reset(self, data: Any) -> tuple[np.ndarray, dict]: ...

    def physics_step(self) -> None:
        for _ in range(self._cfg.sim_substeps):
            if self._cfg.model_file is not None:
                self._model.step(self._state.data)
            else:
                self._state.data.step()

    def init_state(self) -> NpEnvState:
        count = self._num_envs
        obs = np.zeros((count, *self.observation_space.shape), np.float32)
        ended = np.ones(count, bool)
        info = {"steps": np.zeros(count, np.uint64)}
        self._state = NpEnvState(self.new_data(), obs, np.zeros(count, np.float32), ended, np.zeros(count, bool), info)
        self._reset_done_envs()
        return self._state

    def _reset_done_envs(self) -> None:
        state = self._state
        done = state.done
        if not done.any():
            return
        np.putmask(state.info["steps"], done, 0)
        obs, info = self.reset(state.data[done])
        state.obs[done] = obs
        for name, values in info.get("Reward", {}).items():
            state.info.setdefault("Reward", {}).setdefault(name, np.zeros(self._num_envs, np.float32))[done] = values

    def step(self, actions: np.ndarray) -> NpEnvState:
        if self._state is None:
            self.init_state()
        for array in (self._state.reward, self._state.terminated, self._state.truncated):
            array.fill(0)
        self._state = self.apply_action(actions, self._state)
        self.physics_step()
        self._state = self.update_state(self._state)
        self._state.info["steps"] += 1
        if self._cfg.max_episode_steps:
            self._state.truncated = self._state.info["steps"] >= self._cfg.max_episode_steps
        self._reset_done_envs()
        return self._state
