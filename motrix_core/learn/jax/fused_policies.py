"""The policies of the fused engine in JAX: probability and entropy, differentiated by JAX.

Mirror image of `motrix_core.learn.torch.fused_policies`, but that the gradient of what depends on samples is JAX's.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from motrix_core.learn.algorithm import HALF_LOG_2PI, MAX_LOG_STD, MIN_LOG_STD
from motrix_core.learn.spec import ModelSpec

Parameters = dict[str, jax.Array]


def log_ratio(
    spec: ModelSpec, parameters: Parameters, outputs: jax.Array, actions: jax.Array, old_log_prob: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """How much likelier each action has become, as a logarithm, and what a categorical policy adds to a mini-batch's
    sums.

    Args:
        outputs: means or logits, shape (rows, policy_outputs).
        actions: shape (rows, act_dim).

    Returns:
        Shape (rows,); and the entropy of each row in nats, shape (rows,), if the policy is categorical.
    """
    if spec.discrete:
        log_probs = jax.nn.log_softmax(outputs)
        taken = jnp.take_along_axis(log_probs, actions.astype(jnp.int32), axis=1)[:, 0]
        return taken - old_log_prob, (-(jnp.exp(log_probs) * log_probs).sum(1),)
    log_std = clamped_log_std(parameters)
    z = (actions - outputs) * jnp.exp(-log_std)
    return -0.5 * (z * z).sum(1) - old_log_prob - log_normaliser(log_std), ()


def close_gradient(
    spec: ModelSpec, parameters: Parameters, gradient: Parameters, entropy_loss_scale: jax.Array
) -> Parameters:
    """With what does not depend on samples: the entropy's part, and none where log_std is beyond its clamp."""
    if spec.discrete:
        return gradient
    inside = clamped_log_std(parameters) == parameters["policy.log_std"]
    return {**gradient, "policy.log_std": (gradient["policy.log_std"] - entropy_loss_scale) * inside}


def entropy(spec: ModelSpec, parameters: Parameters, mean: tuple[jax.Array, ...]) -> jax.Array:
    """In nats, shape (): a Gaussian's log normaliser plus a half per dimension, or the samples' `mean`."""
    if spec.discrete:
        return mean[0]
    return log_normaliser(clamped_log_std(parameters)) + 0.5 * spec.act_dim


def clamped_log_std(parameters: Parameters) -> jax.Array:
    """As skrl's Gaussian policy clamps it, shape (act_dim,)."""
    return jnp.clip(parameters["policy.log_std"], MIN_LOG_STD, MAX_LOG_STD)


def log_normaliser(log_std: jax.Array) -> jax.Array:
    """The logarithm of what a normal density is divided by, shape ()."""
    return log_std.sum() + log_std.size * HALF_LOG_2PI
