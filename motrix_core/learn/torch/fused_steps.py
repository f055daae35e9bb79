"""The steps of an update around its mini-batches, in PyTorch: scalers, advantages, learning rate.

Nothing here reads a tensor on the host, so a GPU is never waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from motrix_core.learn.algorithm import (
    ADVANTAGE_EPSILON,
    KL_FACTOR,
    LEARNING_RATE_FACTOR,
    MAX_LEARNING_RATE,
    MIN_LEARNING_RATE,
    SCALER_CLIP,
    SCALER_EPSILON,
)


@dataclass(frozen=True)
class Scaler:
    """A running standard scaler's statistics, float64: mean and variance of shape (n,), count of shape ()."""

    mean: torch.Tensor
    variance: torch.Tensor
    count: torch.Tensor

    def merged(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> Scaler:
        """With a batch's moments, by Chan, Golub and LeVeque's parallel algorithm (1979, equations 2.1)."""
        delta = mean - self.mean
        total = self.count + count
        squares = self.variance * self.count + variance * count + delta**2 * self.count * count / total
        return Scaler(self.mean + delta * count / total, squares / total, total)

    def trained(self, batch: torch.Tensor) -> Scaler:
        """After all of `batch`, shape (samples, n)."""
        return self.merged(batch.mean(0), batch.var(0), len(batch))

    def trajectory(self, batches: torch.Tensor) -> Scaler:
        """After each of `batches`, shape (M, samples, n), one after the other; every field gains a first dimension M.

        The observation scaler learns from mini-batch after mini-batch, whatever the networks do, so its way is
        known before the first gradient step.
        """
        states, state = [], self
        for mean, variance in zip(batches.mean(1), batches.var(1), strict=True):
            state = state.merged(mean, variance, batches.shape[1])
            states.append(state)
        return Scaler(*(torch.stack([getattr(state, name) for state in states]) for name in self.__dict__))

    def at(self, index: torch.Tensor | int) -> Scaler:
        """One state of a trajectory."""
        return Scaler(self.mean[index], self.variance[index], self.count[index])

    def divisor(self) -> torch.Tensor:
        return torch.sqrt(self.variance.float()) + SCALER_EPSILON

    def standardised(self, x: torch.Tensor) -> torch.Tensor:
        return ((x - self.mean.float()) / self.divisor()).clamp(-SCALER_CLIP, SCALER_CLIP)

    def unscaled(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(self.variance.float()) * x.clamp(-SCALER_CLIP, SCALER_CLIP) + self.mean.float()


def next_values(
    values: torch.Tensor,
    last_values: torch.Tensor,
    final_values: torch.Tensor,
    final_index: torch.Tensor,
    ended: torch.Tensor,
) -> torch.Tensor:
    """The value of what each step led to, as `algorithm.gae` wants it, shape (T, N).

    Args:
        values: of the observations acted on, shape (T, N).
        last_values: of the observations after the last step, shape (N,).
        final_values: to bootstrap from where a time limit cut an episode, shape (K,).
        final_index: where those are, as t * N + n, shape (K,).
        ended: whether a step was its episode's last, shape (T, N).
    """
    following = torch.cat((values[1:], last_values.unsqueeze(0)))
    following.masked_fill_(ended, 0.0)
    following.view(-1).index_copy_(0, final_index, final_values)
    return following


def gae(
    rewards: torch.Tensor,
    values: torch.Tensor,
    following: torch.Tensor,
    ended: torch.Tensor,
    discount_factor: float,
    lambda_param: float,
) -> torch.Tensor:
    """`algorithm.gae`: summed in float64, given in float32, shape (T, N)."""
    rewards, following, values = rewards.double(), following.double(), values.double()
    advantages = torch.add(rewards, following, alpha=discount_factor).sub_(values)
    decay = ended.logical_not().double() * (discount_factor * lambda_param)
    for step in reversed(range(len(advantages) - 1)):
        advantages[step].addcmul_(decay[step], advantages[step + 1])
    return advantages.float()


def normalised(advantages: torch.Tensor) -> torch.Tensor:
    """Mean 0 and standard deviation 1 over the whole rollout, with Bessel's correction."""
    return (advantages - advantages.mean()) / (advantages.std() + ADVANTAGE_EPSILON)


def explained_variance(values: torch.Tensor, returns: torch.Tensor) -> torch.Tensor:
    """1 - Var(return - value) / Var(return), NaN if all returns are equal."""
    variance = returns.var()
    return torch.where(variance > 0, 1 - (returns - values).var() / variance, torch.nan)


def kl_adaptive_(learning_rate: torch.Tensor, kl: torch.Tensor, threshold: float) -> None:
    """`algorithm.kl_adaptive`, in place."""
    if threshold <= 0:
        return
    lower = (learning_rate / LEARNING_RATE_FACTOR).clamp(min=MIN_LEARNING_RATE)
    higher = (learning_rate * LEARNING_RATE_FACTOR).clamp(max=MAX_LEARNING_RATE)
    unless_high = torch.where(kl < threshold / KL_FACTOR, higher, learning_rate)
    learning_rate.copy_(torch.where(kl > threshold * KL_FACTOR, lower, unless_high))
