"""An `NpEnv` as Stable-Baselines3's `VecEnv`, and its PPO's arguments; sbx has the same interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from benchmarks.peers.common import UPDATES, tell_update
from motrix_core.config.schema import RunConfig
from motrix_core.envs.base import NpEnv


class NpVecEnv(VecEnv):
    def __init__(self, env: NpEnv) -> None:
        super().__init__(env.num_envs, env.observation_space, env.action_space)
        self._env = env

    def reset(self) -> np.ndarray:
        return self._env.init_state().obs

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        state = self._env.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = state.terminated | state.truncated
        for row in np.flatnonzero(done):
            infos[row]["terminal_observation"] = state.info["final_obs"][row]
            infos[row]["TimeLimit.truncated"] = bool(state.truncated[row])
        return state.obs, state.reward, done, infos

    def close(self) -> None:
        self._env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


class Tell(BaseCallback):
    """Tells the end of every update: the beginning of the next rollout."""

    _begun = False

    def _on_rollout_start(self) -> None:
        if self._begun:
            tell_update()
        self._begun = True

    def _on_step(self) -> bool:
        return True


def train(ppo_class: Callable[..., Any], activation: Any, config: RunConfig, env: NpEnv, **extra: Any) -> None:
    ppo = config.ppo
    samples = ppo.rollouts * ppo.num_envs
    sizes = {"pi": list(ppo.policy_hidden_layer_sizes), "vf": list(ppo.value_hidden_layer_sizes)}
    agent = ppo_class(
        "MlpPolicy",
        VecNormalize(NpVecEnv(env), norm_reward=False),
        learning_rate=ppo.learning_rate,
        n_steps=ppo.rollouts,
        batch_size=samples // ppo.mini_batches,
        n_epochs=ppo.learning_epochs,
        gamma=ppo.discount_factor,
        gae_lambda=ppo.lambda_param,
        clip_range=ppo.ratio_clip,
        ent_coef=ppo.entropy_loss_scale,
        vf_coef=ppo.value_loss_scale,
        max_grad_norm=ppo.grad_norm_clip,
        policy_kwargs={"net_arch": sizes, "activation_fn": activation},
        seed=0,
        **extra,
    )
    agent.learn(UPDATES * samples, callback=Tell())
