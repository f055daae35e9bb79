"""Default hyperparameters of the environments that come with this project.

Those of MotrixLab's demos are MotrixLab's.
"""

from __future__ import annotations

from motrix_core.config.registry import rlcfg
from motrix_core.config.schema import PPOCfg


@rlcfg("cartpole")
class CartPolePPO(PPOCfg):
    max_env_steps: int = 10_000_000
    policy_hidden_layer_sizes: tuple[int, ...] = (32, 32)
    value_hidden_layer_sizes: tuple[int, ...] = (32, 32)
    learning_epochs: int = 5
    mini_batches: int = 4


@rlcfg("pendulum")
class PendulumPPO(PPOCfg):
    max_env_steps: int = 2_000_000
    num_envs: int = 256
    policy_hidden_layer_sizes: tuple[int, ...] = (64, 64)
    value_hidden_layer_sizes: tuple[int, ...] = (64, 64)
    learning_epochs: int = 5
    mini_batches: int = 8
    discount_factor: float = 0.95


@rlcfg("mountain-car")
class MountainCarPPO(PPOCfg):
    max_env_steps: int = 1_000_000
    num_envs: int = 256
    policy_hidden_layer_sizes: tuple[int, ...] = (64, 64)
    value_hidden_layer_sizes: tuple[int, ...] = (64, 64)
    learning_epochs: int = 5
    mini_batches: int = 8


@rlcfg("acrobot")
class AcrobotPPO(MountainCarPPO):
    entropy_loss_scale: float = 0.01


class _PlanarWalkerPPO(PPOCfg):
    seed: int | None = 42
    max_env_steps: int = 40_960_000
    rollouts: int = 24
    learning_epochs: int = 4
    learning_rate: float = 2e-4


@rlcfg("dm-stander", backend="jax")
@rlcfg("dm-walker", backend="jax")
@rlcfg("dm-runner", backend="jax")
class PlanarWalkerJaxPPO(_PlanarWalkerPPO):
    mini_batches: int = 4


@rlcfg("dm-stander", backend="torch")
@rlcfg("dm-walker", backend="torch")
class PlanarWalkerTorchPPO(_PlanarWalkerPPO):
    mini_batches: int = 32


@rlcfg("dm-runner", backend="torch")
class RunnerTorchPPO(PlanarWalkerTorchPPO):
    learning_epochs: int = 2


@rlcfg("dm-cheetah")
class CheetahPPO(_PlanarWalkerPPO):
    pass


@rlcfg("dm-hopper-stand")
@rlcfg("dm-hopper-hop")
class HopperPPO(_PlanarWalkerPPO):
    learning_epochs: int = 5
    policy_hidden_layer_sizes: tuple[int, ...] = (32, 32, 32)
    value_hidden_layer_sizes: tuple[int, ...] = (32, 32, 32)


@rlcfg("dm-reacher", backend="jax")
class ReacherJaxPPO(_PlanarWalkerPPO):
    policy_hidden_layer_sizes: tuple[int, ...] = (32, 32, 32)
    value_hidden_layer_sizes: tuple[int, ...] = (32, 32, 32)


@rlcfg("dm-reacher", backend="torch")
class ReacherTorchPPO(_PlanarWalkerPPO):
    pass


@rlcfg("bounce_ball")
class BounceBallPPO(PPOCfg):
    max_env_steps: int = 50_000_000
    num_envs: int = 1024
    policy_hidden_layer_sizes: tuple[int, ...] = (512, 512, 512)
    value_hidden_layer_sizes: tuple[int, ...] = (512, 512, 512)
    rollouts: int = 128
    learning_epochs: int = 15
    mini_batches: int = 16
    learning_rate: float = 2e-4


@rlcfg("go1-flat-terrain-walk")
@rlcfg("go2-flat-terrain-walk")
class QuadrupedWalkPPO(PPOCfg):
    seed: int | None = 42
    max_env_steps: int = 61_440_000
    share_policy_value_features: bool = False
    rollouts: int = 24
    learning_epochs: int = 5
    mini_batches: int = 3
    learning_rate: float = 3e-4


@rlcfg("go1-rough-terrain-walk")
@rlcfg("go1-stairs-terrain-walk")
class QuadrupedTerrainPPO(QuadrupedWalkPPO):
    policy_hidden_layer_sizes: tuple[int, ...] = (512, 256, 128)
    value_hidden_layer_sizes: tuple[int, ...] = (512, 256, 128)


@rlcfg("anymal_c_navigation_flat")
class AnymalNavigationPPO(PPOCfg):
    seed: int | None = 42
    max_env_steps: int = 100_000_000
    rollouts: int = 48
    learning_epochs: int = 6
    learning_rate: float = 3e-4


@rlcfg("franka-lift-cube")
class FrankaLiftCubePPO(PPOCfg):
    seed: int | None = 42
    max_env_steps: int = 204_800_000
    rollouts: int = 24
    learning_epochs: int = 8
    mini_batches: int = 4
    learning_rate: float = 3e-4
    learning_rate_scheduler_kl_threshold: float = 0.01
    entropy_loss_scale: float = 1e-3
    rewards_shaper_scale: float = 0.01


@rlcfg("franka-open-cabinet")
class FrankaOpenCabinetPPO(PPOCfg):
    seed: int | None = 64
    max_env_steps: int = 49_152_000
    share_policy_value_features: bool = False
    rollouts: int = 16
    learning_epochs: int = 5
    learning_rate: float = 3e-4
    entropy_loss_scale: float = 1e-3
    rewards_shaper_scale: float = 0.1
