"""The demos' hyperparameters are MotrixLab's: what differs from the defaults of `PPOCfg`, and nothing else."""

from __future__ import annotations

import pytest

from motrix_core.config import PPOCfg, default_rl_cfg

SUITE = {"seed": 42, "max_env_steps": 40_960_000, "rollouts": 24, "learning_epochs": 4, "learning_rate": 2e-4}


def networks(*sizes: int) -> dict[str, tuple[int, ...]]:
    return {"policy_hidden_layer_sizes": sizes, "value_hidden_layer_sizes": sizes}


HOPPER = {**SUITE, "learning_epochs": 5, **networks(32, 32, 32)}
BOUNCE_BALL = {
    "max_env_steps": 50_000_000,
    "num_envs": 1024,
    "rollouts": 128,
    "learning_epochs": 15,
    "mini_batches": 16,
    "learning_rate": 2e-4,
    **networks(512, 512, 512),
}
FRANKA_LIFT = {
    "seed": 42,
    "max_env_steps": 204_800_000,
    "rollouts": 24,
    "learning_epochs": 8,
    "mini_batches": 4,
    "learning_rate": 3e-4,
    "learning_rate_scheduler_kl_threshold": 0.01,
    "entropy_loss_scale": 1e-3,
    "rewards_shaper_scale": 0.01,
}
FRANKA_CABINET = {
    "seed": 64,
    "max_env_steps": 49_152_000,
    "share_policy_value_features": False,
    "rollouts": 16,
    "learning_epochs": 5,
    "learning_rate": 3e-4,
    "entropy_loss_scale": 1e-3,
    "rewards_shaper_scale": 0.1,
}


@pytest.mark.parametrize(
    ("env", "backend", "overrides"),
    [
        ("dm-cheetah", "jax", SUITE),
        ("dm-cheetah", "torch", SUITE),
        ("dm-hopper-stand", "jax", HOPPER),
        ("dm-hopper-stand", "torch", HOPPER),
        ("dm-hopper-hop", "jax", HOPPER),
        ("dm-hopper-hop", "torch", HOPPER),
        ("dm-reacher", "jax", {**SUITE, **networks(32, 32, 32)}),
        ("dm-reacher", "torch", SUITE),
        ("bounce_ball", "jax", BOUNCE_BALL),
        ("bounce_ball", "torch", BOUNCE_BALL),
        ("franka-lift-cube", "jax", FRANKA_LIFT),
        ("franka-lift-cube", "torch", FRANKA_LIFT),
        ("franka-open-cabinet", "jax", FRANKA_CABINET),
        ("franka-open-cabinet", "torch", FRANKA_CABINET),
    ],
)
def test_a_demos_hyperparameters_are_those_of_the_facts_page(
    env: str, backend: str, overrides: dict[str, object]
) -> None:
    assert default_rl_cfg(env, "skrl", backend) == PPOCfg.model_validate(overrides)
