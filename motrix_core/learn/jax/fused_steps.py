"""The steps of an update around the networks, in JAX: scalers, advantages, Adam, learning rate.

They are traced with 64-bit types on: scalers and learning rate are float64, as in PyTorch, and everything else is
float32, which scalars must be cast to before they meet an array.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

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
)
from motrix_core.learn.jax.fused_network import Parameters


class Scaler(NamedTuple):
    """A running standard scaler's statistics, float64: mean and variance of shape (n,), count of shape ()."""

    mean: jax.Array
    variance: jax.Array
    total: jax.Array

    def merged(self, mean: jax.Array, variance: jax.Array, count: int) -> Scaler:
        """With a batch's moments, by Chan, Golub and LeVeque's parallel algorithm (1979, equations 2.1)."""
        delta = mean - self.mean
        total = self.total + count
        squares = self.variance * self.total + variance * count + delta**2 * self.total * count / total
        return Scaler(self.mean + delta * count / total, squares / total, total)

    def trained(self, batch: jax.Array) -> Scaler:
        """After all of `batch`, shape (samples, n)."""
        return self.merged(batch.mean(0), batch.var(0, ddof=1), len(batch))

    def trajectory(self, batches: jax.Array) -> Scaler:
        """After each of `batches`, shape (M, samples, n), one after the other; every field gains a first dimension M.

        The observation scaler learns from mini-batch after mini-batch, whatever the networks do, so its way is
        known before the first gradient step.
        """

        def step(state: Scaler, moments: tuple[jax.Array, jax.Array]) -> tuple[Scaler, Scaler]:
            state = state.merged(*moments, batches.shape[1])
            return state, state

        return lax.scan(step, self, (batches.mean(1), batches.var(1, ddof=1)))[1]

    def at(self, index: jax.Array) -> Scaler:
        """One state of a trajectory."""
        return Scaler(*(field[index] for field in self))

    def divisor(self) -> jax.Array:
        return jnp.sqrt(self.variance.astype(jnp.float32)) + SCALER_EPSILON

    def standardised(self, x: jax.Array) -> jax.Array:
        return standardised(x, self.mean.astype(jnp.float32), self.divisor())

    def unscaled(self, x: jax.Array) -> jax.Array:
        scale = jnp.sqrt(self.variance.astype(jnp.float32))
        return scale * jnp.clip(x, -SCALER_CLIP, SCALER_CLIP) + self.mean.astype(jnp.float32)


def standardised(x: jax.Array, mean: jax.Array, divisor: jax.Array) -> jax.Array:
    """skrl's running standard scaler."""
    return jnp.clip((x - mean) / divisor, -SCALER_CLIP, SCALER_CLIP)


def next_values(
    values: jax.Array, last_values: jax.Array, final_values: jax.Array, final_index: jax.Array, ended: jax.Array
) -> jax.Array:
    """The value of what each step led to, as `algorithm.gae` wants it, shape (T, N).

    Args:
        values: of the observations acted on, shape (T, N).
        last_values: of the observations after the last step, shape (N,).
        final_values: to bootstrap from where a time limit cut an episode, shape (capacity,).
        final_index: where those are, as t * N + n, shape (capacity,); T * N for those that are not used.
        ended: whether a step was its episode's last, shape (T, N).
    """
    following = jnp.concatenate((values[1:], last_values[None]))
    following = jnp.where(ended, 0.0, following).astype(jnp.float32)
    return following.reshape(-1).at[final_index].set(final_values, mode="drop").reshape(values.shape)


def gae(
    rewards: jax.Array,
    values: jax.Array,
    following: jax.Array,
    ended: jax.Array,
    discount_factor: float,
    lambda_param: float,
) -> jax.Array:
    """`algorithm.gae`: summed in float64, given in float32, shape (T, N)."""
    rewards, following, values = (array.astype(jnp.float64) for array in (rewards, following, values))
    deltas = rewards + discount_factor * following - values
    decay = jnp.where(ended, 0.0, discount_factor * lambda_param)

    def step(advantage: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        advantage = row[0] + row[1] * advantage
        return advantage, advantage

    return lax.scan(step, jnp.zeros_like(deltas[0]), (deltas, decay), reverse=True)[1].astype(jnp.float32)


def normalised(advantages: jax.Array) -> jax.Array:
    """Mean 0 and standard deviation 1 over the whole rollout, with Bessel's correction."""
    return (advantages - advantages.mean()) / (advantages.std(ddof=1) + ADVANTAGE_EPSILON)


def explained_variance(values: jax.Array, returns: jax.Array) -> jax.Array:
    """1 - Var(return - value) / Var(return), NaN if all returns are equal."""
    variance = returns.var(ddof=1)
    return jnp.where(variance > 0, 1 - (returns - values).var(ddof=1) / variance, jnp.nan)


class Adam(NamedTuple):
    """Adam's moments, its step count (shape (), float64) and its learning rate (shape (), float64).

    The moments are named like parameters between updates, and one vector each within an update.
    """

    m: Parameters | jax.Array
    v: Parameters | jax.Array
    step: jax.Array
    learning_rate: jax.Array


def clip_norm(gradient: jax.Array, bound: float) -> tuple[jax.Array, jax.Array]:
    """The joint gradient of all parameters, scaled to at most `bound`, and its length before, shape ()."""
    norm = jnp.sqrt(jnp.vdot(gradient, gradient))
    return gradient * jnp.minimum(bound / (norm + GRAD_NORM_EPSILON), 1.0), norm


def adam_step(parameters: jax.Array, gradient: jax.Array, adam: Adam) -> tuple[jax.Array, Adam]:
    """One step of Kingma and Ba's algorithm 1."""
    step = adam.step + 1
    rate = (adam.learning_rate / (1 - ADAM_BETA1**step)).astype(jnp.float32)
    root = jnp.sqrt(1 - ADAM_BETA2**step).astype(jnp.float32)
    m = adam.m + (1 - ADAM_BETA1) * (gradient - adam.m)
    v = adam.v + (1 - ADAM_BETA2) * (gradient * gradient - adam.v)
    parameters = parameters - m / (jnp.sqrt(v) / root + ADAM_EPSILON) * rate
    return parameters, Adam(m, v, step, adam.learning_rate)


def kl_adaptive(learning_rate: jax.Array, kl: jax.Array, threshold: float) -> jax.Array:
    """`algorithm.kl_adaptive`."""
    if threshold <= 0:
        return learning_rate
    lower = jnp.maximum(learning_rate / LEARNING_RATE_FACTOR, MIN_LEARNING_RATE)
    higher = jnp.minimum(learning_rate * LEARNING_RATE_FACTOR, MAX_LEARNING_RATE)
    unless_high = jnp.where(kl < threshold / KL_FACTOR, higher, learning_rate)
    return jnp.where(kl > threshold * KL_FACTOR, lower, unless_high)
