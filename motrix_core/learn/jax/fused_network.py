"""The networks of the fused engine in JAX: forward pass and PPO loss.

Differentiated by JAX, except for ELU, whose gradient is taken from its output so that its input need not be kept.
Mini-batches are cut into pieces whose activations stay in cache.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from motrix_core.learn.jax.fused_policies import Parameters, log_ratio
from motrix_core.learn.spec import ModelSpec

_PIECE_ROWS, _PIECE_FLOATS = 768, 344_064


class LossScales(NamedTuple):
    """What a mini-batch's loss depends on besides samples and networks, each of shape ()."""

    ratio_clip: jax.Array
    value_bound: jax.Array
    value_loss_scale: jax.Array
    entropy_loss_scale: jax.Array


@jax.custom_vjp
def elu(x: jax.Array) -> jax.Array:
    """ELU as max(x, exp(min(x, 0)) - 1), within 1e-7 of the expm1 that XLA computes more slowly."""
    return jnp.maximum(x, jnp.exp(jnp.minimum(x, 0)) - 1)


def _elu_forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    y = elu(x)
    return y, y


def _elu_backward(y: jax.Array, cotangent: jax.Array) -> tuple[jax.Array]:
    return (cotangent * (jnp.minimum(y, 0) + 1),)


elu.defvjp(_elu_forward, _elu_backward)


def piece_rows(spec: ModelSpec) -> int:
    """Rows whose activations stay in cache, but not fewer than matrix products need to be efficient (measured)."""
    widths = sum(spec.policy_hidden) + (0 if spec.shared else sum(spec.value_hidden))
    return max(_PIECE_ROWS, _PIECE_FLOATS // widths)


def _layers(parameters: Parameters, stack: str, depth: int, x: jax.Array) -> jax.Array:
    for index in range(depth):
        name = f"{stack}.layers.{index}"
        x = elu(x @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"])
    return x


def _head(parameters: Parameters, name: str, x: jax.Array) -> jax.Array:
    return x @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]


def policy_outputs(spec: ModelSpec, parameters: Parameters, obs: jax.Array) -> jax.Array:
    """Means or logits, shape (rows, policy_outputs), for standardised observations, shape (rows, obs_dim)."""
    stack = "trunk" if spec.shared else "policy"
    return _head(parameters, spec.policy_head, _layers(parameters, stack, len(spec.policy_hidden), obs))


def values(spec: ModelSpec, parameters: Parameters, obs: jax.Array) -> jax.Array:
    """The value network's output, shape (rows,), for standardised observations, shape (rows, obs_dim)."""
    stack = "trunk" if spec.shared else "value"
    return _head(parameters, "value.out", _layers(parameters, stack, len(spec.value_hidden), obs))[:, 0]


def loss(
    parameters: Parameters,
    spec: ModelSpec,
    obs: jax.Array,
    columns: jax.Array,
    weights: jax.Array,
    scales: LossScales,
) -> tuple[jax.Array, jax.Array]:
    """The loss of one piece of a mini-batch, but for a Gaussian's entropy, and the sums that metrics are made of.

    Args:
        obs: standardised, shape (rows, obs_dim).
        columns: actions, log probability, value, return, advantage, shape (rows, act_dim + 4).
        weights: 1/mini-batch size for samples, 0 for padding, shape (rows,).

    Returns:
        The loss, shape (), and mean KL, surrogate, squared value error and clipped ratios, and of a categorical policy
        the mean entropy, shape (4,) or (5,).
    """
    actions = columns[:, : spec.act_dim]
    old_log_prob, old_values, returns, advantages = columns[:, spec.act_dim :].T
    change, entropy = log_ratio(spec, parameters, policy_outputs(spec, parameters, obs), actions, old_log_prob)
    ratio = jnp.exp(change)
    clipped = jnp.clip(ratio, 1 - scales.ratio_clip, 1 + scales.ratio_clip)
    surrogate = jnp.minimum(ratio * advantages, clipped * advantages)
    moved = values(spec, parameters, obs) - old_values
    error = old_values + jnp.clip(moved, -scales.value_bound, scales.value_bound) - returns
    distance = ratio - 1
    terms = (distance - change, surrogate, error * error, jnp.abs(distance) > scales.ratio_clip, *entropy)
    sums = jnp.stack([weights @ term.astype(jnp.float32) for term in terms])
    total = scales.value_loss_scale * sums[2] - sums[1]
    return (total - scales.entropy_loss_scale * sums[4] if spec.discrete else total), sums
