"""The steps of an update around the networks, in PyTorch: scalers, advantages, Adam, learning rate, metrics.

Nothing here reads a tensor on the host, so a GPU is never waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from motrix_core.learn.algorithm import (
    ADAM_BETA1,
    ADAM_BETA2,
    ADAM_EPSILON,
    ADVANTAGE_EPSILON,
    GRAD_NORM_EPSILON,
    KL_FACTOR,
    LEARNING_RATE_FACTOR,
    MAX_LEARNING_RATE,
    MIN_LEARNING_RATE,
    SCALER_CLIP,
    SCALER_EPSILON,
    PPOHyperparameters,
)
from motrix_core.learn.torch.fused_network import FlatParameters
from motrix_core.learn.torch.fused_policies import Policy


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


@dataclass(frozen=True)
class Adam:
    """Adam's moments, its step count (shape (), float64) and its learning rate (shape (), float64)."""

    m: FlatParameters
    v: FlatParameters
    step: torch.Tensor
    learning_rate: torch.Tensor


def clip_norm_(gradient: torch.Tensor, bound: float) -> torch.Tensor:
    """Scale the joint gradient of all parameters to at most `bound`; its length before, shape ()."""
    norm = torch.linalg.vector_norm(gradient)
    gradient.mul_((bound / (norm + GRAD_NORM_EPSILON)).clamp(max=1.0))
    return norm


def adam_step_(parameters: torch.Tensor, gradient: torch.Tensor, adam: Adam, going: torch.Tensor) -> None:
    """One step of Kingma and Ba's algorithm 1; nothing happens where `going`, shape (), bool, is false."""
    gradient.masked_fill_(~going, 0.0)
    step = adam.step.add_(going)
    m = adam.m.flat.lerp_(gradient, (1 - ADAM_BETA1) * going.float())
    v = adam.v.flat.lerp_(gradient.square(), (1 - ADAM_BETA2) * going.float())
    # A first step that does not happen has a step count of 0, whose bias correction would divide by 0.
    bias1, bias2 = (1 - beta**step + ~going for beta in (ADAM_BETA1, ADAM_BETA2))
    divisor = v.sqrt().div_(bias2.sqrt()).add_(ADAM_EPSILON)
    parameters.sub_(torch.div(m, divisor, out=divisor).mul_(adam.learning_rate / bias1 * going))


def kl_adaptive_(learning_rate: torch.Tensor, kl: torch.Tensor, threshold: float) -> None:
    """`algorithm.kl_adaptive`, in place."""
    if threshold <= 0:
        return
    lower = (learning_rate / LEARNING_RATE_FACTOR).clamp(min=MIN_LEARNING_RATE)
    higher = (learning_rate * LEARNING_RATE_FACTOR).clamp(max=MAX_LEARNING_RATE)
    unless_high = torch.where(kl < threshold / KL_FACTOR, higher, learning_rate)
    learning_rate.copy_(torch.where(kl > threshold * KL_FACTOR, lower, unless_high))


def loss_terms(sums: torch.Tensor, policy: Policy, mini_batch: int, hyper: PPOHyperparameters) -> torch.Tensor:
    """KL, policy loss, value loss, clip fraction, entropy loss and entropy of a mini-batch, shape (6,)."""
    kl, surrogate, squared_error, clipped, *rest = sums / mini_batch
    entropy = policy.entropy(*rest)
    value_loss, entropy_loss = hyper.value_loss_scale * squared_error, -hyper.entropy_loss_scale * entropy
    return torch.stack((kl, -surrogate, value_loss, clipped, entropy_loss, entropy))
