"""Discrete actions: how one is chosen from logits, in NumPy, so that both backends choose alike.

A backend computes the logits; what follows takes a few numbers per environment and one draw from the run's generator.
Actions are (N, 1) float32 of whole numbers, as a rollout keeps them.
"""

from __future__ import annotations

import numpy as np


def sample_choices(logits: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An action for every environment, by the inverse of the cumulative distribution (Devroye, 1986, "Non-Uniform
    Random Variate Generation", section III.2.1).

    Args:
        logits: shape (N, n_actions); their softmax is the distribution.
        uniform: in [0, 1), shape (N, 1), float64.

    Returns:
        Actions, shape (N, 1), float32, and the log of their probability, nats, shape (N,), float32: NaN where a logit
        is, which the guard against broken numbers then sees in the loss.
    """
    log_probs = log_softmax(logits)
    cumulative = np.cumsum(np.exp(log_probs), axis=1)
    # The last choice takes what is left, so that rounding cannot choose one that does not exist.
    passed = uniform * cumulative[:, -1:] >= cumulative[:, :-1]
    chosen = np.count_nonzero(passed, axis=1)[:, None]
    taken = np.take_along_axis(log_probs, chosen, axis=1)[:, 0]
    return chosen.astype(np.float32), taken.astype(np.float32)


def likeliest_choices(logits: np.ndarray) -> np.ndarray:
    """The action of the largest logit, the first of equal ones: (N, n_actions) → (N, 1) float32."""
    return np.argmax(logits, axis=1).astype(np.float32)[:, None]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities that `logits` (N, n_actions) mean, float64; NaN where a logit is infinite."""
    shifted = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted -= shifted.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def draw_noise(rng: np.random.Generator, count: int, act_dim: int, discrete: bool) -> np.ndarray:
    """What `count` environments' actions are sampled with, shape (count, act_dim): standard normal float32, or uniform
    in [0, 1) float64 for choices.
    """
    return rng.random((count, act_dim)) if discrete else rng.standard_normal((count, act_dim), np.float32)
