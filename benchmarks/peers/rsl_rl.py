"""rsl_rl's PPO (PyTorch, on the CPU)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict

from benchmarks.peers.common import UPDATES, asked, environment, tell_update
from motrix_core.config.schema import RunConfig
from motrix_core.envs.base import NpEnv


class TensorEnv(VecEnv):
    def __init__(self, env: NpEnv) -> None:
        self._env = env
        self.num_envs, self.num_actions = env.num_envs, env.spec.act_dim
        self.max_episode_length = env.spec.max_episode_steps
        self.device, self.cfg = "cpu", {}
        self._obs = env.init_state().obs

    @property
    def episode_length_buf(self) -> torch.Tensor:
        return torch.from_numpy(np.asarray(self._env.state.info["steps"]))

    def get_observations(self) -> TensorDict:
        return TensorDict({"policy": torch.from_numpy(self._obs)}, batch_size=[self.num_envs])

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        state = self._env.step(actions.numpy())
        self._obs = state.obs
        done = torch.from_numpy(state.terminated | state.truncated)
        extras = {"time_outs": torch.from_numpy(state.truncated)}
        return self.get_observations(), torch.from_numpy(state.reward), done, extras


def settings(config: RunConfig) -> dict[str, Any]:
    ppo = config.ppo
    network = {"class_name": "MLPModel", "activation": "elu", "obs_normalization": True}
    noise = {"class_name": "GaussianDistribution", "init_std": 1.0}
    return {
        "num_steps_per_env": ppo.rollouts,
        "save_interval": UPDATES,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "actor": {**network, "hidden_dims": list(ppo.policy_hidden_layer_sizes), "distribution_cfg": noise},
        "critic": {**network, "hidden_dims": list(ppo.value_hidden_layer_sizes)},
        "algorithm": {
            "class_name": "PPO",
            "num_learning_epochs": ppo.learning_epochs,
            "num_mini_batches": ppo.mini_batches,
            "clip_param": ppo.ratio_clip,
            "gamma": ppo.discount_factor,
            "lam": ppo.lambda_param,
            "value_loss_coef": ppo.value_loss_scale,
            "entropy_coef": ppo.entropy_loss_scale,
            "learning_rate": ppo.learning_rate,
            "max_grad_norm": ppo.grad_norm_clip,
            "use_clipped_value_loss": ppo.clip_predicted_values,
            "schedule": "adaptive",
            "desired_kl": ppo.learning_rate_scheduler_kl_threshold,
            "rnd_cfg": None,
            "symmetry_cfg": None,
        },
    }


if __name__ == "__main__":
    asked_for = asked()
    runner = OnPolicyRunner(TensorEnv(environment(asked_for)), settings(asked_for), log_dir=None, device="cpu")
    # Called at the end of every update.
    runner.logger.log = lambda **_: tell_update()
    runner.learn(UPDATES)
