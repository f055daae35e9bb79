from __future__ import annotations

from dataclasses import dataclass

from motrix_rl.registry import rlcfg


@dataclass
class PPOCfg:
    seed: int | None = None
    num_envs: int = 2048
    max_env_steps: int = 20480000
    rollouts: int = 32
    mini_batches: int = 32
    learning_rate: float = 1e-3
    kl_threshold: float = 0
    policy_hidden_layer_sizes: tuple[int, ...] = (256, 128, 64)
    value_hidden_layer_sizes: tuple[int, ...] = (256, 128, 64)
    lr_scheduler_type: str | None = "kl_adaptive"
    compile_model: bool = True

    @property
    def max_batch_env_steps(self) -> int:
        return self.max_env_steps // self.num_envs


@rlcfg("sled", backend="jax")
@dataclass
class SledJax(PPOCfg):
    seed: int | None = 42
    num_envs: int = 8
    rollouts: int = 16
    mini_batches: int = 4


@rlcfg("sled", backend="torch")
@dataclass
class SledTorch(SledJax):
    learning_rate: float = 2e-4
    lr_scheduler_type: str | None = None
