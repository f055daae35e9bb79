"""The policies of the fused engine in PyTorch: what one mini-batch needs of the policy as it is before its step.

Threads share it. Probabilities of samples and their gradients are in `fused_kernels`.
"""

from __future__ import annotations

import torch

from motrix_core.learn.algorithm import HALF_LOG_2PI, MAX_LOG_STD, MIN_LOG_STD, PPOHyperparameters
from motrix_core.learn.torch.fused_kernels import Loss
from motrix_core.learn.torch.fused_network import FlatParameters


def loss_of(network: FlatParameters, hyper: PPOHyperparameters, mini_batch: int) -> Loss:
    """The loss of a mini-batch of `mini_batch` samples."""
    log_std = clamped_log_std(network)
    return Loss(
        discrete=network.spec.discrete,
        log_std=log_std,
        inverse_std=(-log_std).exp(),
        log_normaliser=log_normaliser(log_std),
        obs_dim=network.spec.obs_dim,
        mini_batch=mini_batch,
        ratio_clip=hyper.ratio_clip,
        value_bound=hyper.value_bound,
        value_scale=hyper.value_loss_scale,
        entropy_scale=hyper.entropy_loss_scale,
        kl_bound=hyper.kl_bound,
        norm_bound=hyper.norm_bound,
    )


def clamped_log_std(network: FlatParameters) -> torch.Tensor:
    """As skrl's Gaussian policy clamps it, shape (act_dim, 1); of shape (0, 1) where the policy is categorical."""
    return network.log_std.clamp(MIN_LOG_STD, MAX_LOG_STD)


def log_normaliser(log_std: torch.Tensor) -> torch.Tensor:
    return log_std.sum() + log_std.numel() * HALF_LOG_2PI
