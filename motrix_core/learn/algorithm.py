"""PPO as the fused engine means it, without a backend: hyperparameters, formulas in float64, mini-batch order.

What is here is the reference that both backends are tested against. `docs/algorithm.md` gives every formula with its
source, and every deviation from skrl's PyTorch agent with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from motrix_core.config.schema import PPOCfg
from motrix_core.errors import ConfigError, Problem

ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8
"""Kingma and Ba, 2015, arXiv:1412.6980, algorithm 1, with the values recommended there."""

ADVANTAGE_EPSILON = 1e-8
GRAD_NORM_EPSILON = 1e-6
SCALER_EPSILON, SCALER_CLIP = 1e-8, 5.0
MIN_LOG_STD, MAX_LOG_STD = -20.0, 2.0
KL_FACTOR, LEARNING_RATE_FACTOR = 2.0, 1.5
MIN_LEARNING_RATE, MAX_LEARNING_RATE = 1e-6, 1e-2
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
GAUSSIAN_ENTROPY = 0.5 + HALF_LOG_2PI
"""Entropy of a normal distribution of standard deviation 1, in nats."""

ADJUSTABLE = ("learning_rate", "entropy_loss_scale", "ratio_clip")
"""What a run may change between two updates."""


@dataclass(frozen=True)
class PPOHyperparameters:
    """What an update depends on, under the names of `PPOCfg`, which documents and bounds each."""

    learning_epochs: int = 2
    mini_batches: int = 32
    discount_factor: float = 0.99
    lambda_param: float = 0.95
    learning_rate: float = 1e-3
    learning_rate_scheduler_kl_threshold: float = 0.008
    grad_norm_clip: float = 1.0
    time_limit_bootstrap: bool = True
    ratio_clip: float = 0.2
    value_clip: float = 0.2
    clip_predicted_values: bool = True
    entropy_loss_scale: float = 0.0
    value_loss_scale: float = 2.0
    kl_threshold: float = 0.0
    rewards_shaper_scale: float = 1.0

    @classmethod
    def of(cls, ppo: PPOCfg) -> PPOHyperparameters:
        """Those of a run's configuration."""
        return cls(**{field.name: getattr(ppo, field.name) for field in fields(cls)})

    @property
    def value_bound(self) -> float:
        """How far a predicted value may move from the rollout's; infinite if values are not clipped."""
        clips = self.clip_predicted_values and self.value_clip > 0
        return self.value_clip if clips else math.inf

    @property
    def norm_bound(self) -> float:
        """The longest gradient that a step may follow; infinite if gradients are not clipped."""
        return self.grad_norm_clip if self.grad_norm_clip > 0 else math.inf

    @property
    def kl_bound(self) -> float:
        """The KL divergence that ends an epoch; infinite if none does."""
        return self.kl_threshold if self.kl_threshold > 0 else math.inf

    def adjusted(self, **changes: float) -> PPOHyperparameters:
        """A copy with some of `ADJUSTABLE` changed, in the middle of a run.

        Raises:
            ConfigError: every name that cannot be changed and every value out of bounds.
        """
        problems = []
        for name, value in changes.items():
            if name not in ADJUSTABLE:
                problems.append(Problem(name, value, "cannot change during a run", f"try {', '.join(ADJUSTABLE)}"))
            elif not math.isfinite(value) or value < 0 or (value == 0 and name != "entropy_loss_scale"):
                problems.append(Problem(name, value, "must be a positive finite number"))
        if problems:
            raise ConfigError(problems)
        return replace(self, **changes)

    def mini_batch_size(self, samples: int) -> int:
        """Samples in one mini-batch of a rollout of `samples`.

        Raises:
            ConfigError: the rollout cannot be cut into equal mini-batches of at least two samples; the observation
                scaler takes a variance of each.
        """
        size, rest = divmod(samples, self.mini_batches)
        if rest or size < 2:
            rule = f"must divide rollouts*num_envs={samples} into parts of at least 2 samples"
            raise ConfigError([Problem("ppo.mini_batches", self.mini_batches, rule, "lower it")])
        return size


@dataclass(frozen=True)
class UpdateMetrics:
    """What one update reports. Losses and gradient norm are means over the gradient steps that were made.

    policy_kl and clip_fraction are means over the mini-batches that were looked at, including those that early
    stopping refused. std and entropy (nats, summed over action dimensions) are those of a Gaussian policy after the
    update; a categorical one has no std, and its entropy is a mean as policy_kl is, because it depends on observations.
    explained_variance is 1 - Var(return - value) / Var(return), NaN if all returns are equal. grad_norm is the length
    before clipping. steps counts gradient steps.
    """

    policy_loss: float
    value_loss: float
    entropy_loss: float
    kl: float
    clip_fraction: float
    std: float | None
    entropy: float
    explained_variance: float
    grad_norm: float
    learning_rate: float
    steps: int

    def named(self) -> dict[str, float | None]:
        """Under the names of the event stream's `metrics`."""
        return {
            "loss/policy": self.policy_loss,
            "loss/value": self.value_loss,
            "loss/entropy": self.entropy_loss,
            "policy/kl": self.kl,
            "policy/clip_fraction": self.clip_fraction,
            "policy/std": self.std,
            "policy/entropy": self.entropy,
            "value/explained_variance": self.explained_variance,
            "optim/grad_norm": self.grad_norm,
            "optim/learning_rate": self.learning_rate,
        }


MINI_BATCH_COLUMNS = (
    "kl", "policy", "value", "clipped", "entropy_loss", "entropy", "grad_norm", "seen", "stepped"
)  # fmt: skip
"""What both backends note of every mini-batch. `seen` and `stepped` are 0 or 1; an unseen one's row is not read."""


def summary(
    mini_batches: np.ndarray, log_std: np.ndarray | None, explained_variance: float, learning_rate: float
) -> UpdateMetrics:
    """An update's metrics.

    Args:
        mini_batches: a row for each, columns as in `MINI_BATCH_COLUMNS`.
        log_std: the policy's after the update, shape (act_dim,); None if it is categorical.
    """
    column = dict(zip(MINI_BATCH_COLUMNS, np.asarray(mini_batches, np.float64).T, strict=True))
    seen, stepped = column["seen"] > 0, column["stepped"] > 0

    def mean(name: str, rows: np.ndarray) -> float:
        return float(column[name][rows].mean()) if rows.any() else math.nan

    std, entropy = None, mean("entropy", seen)
    if log_std is not None:
        std = float(np.exp(log_std, dtype=np.float64).mean())
        entropy = float(np.sum(log_std, dtype=np.float64) + log_std.size * GAUSSIAN_ENTROPY)
    return UpdateMetrics(
        policy_loss=mean("policy", stepped),
        value_loss=mean("value", stepped),
        entropy_loss=mean("entropy_loss", stepped),
        kl=mean("kl", seen),
        clip_fraction=mean("clipped", seen),
        std=std,
        entropy=entropy,
        explained_variance=float(explained_variance),
        grad_norm=mean("grad_norm", stepped),
        learning_rate=float(learning_rate),
        steps=int(stepped.sum()),
    )


def gae(
    rewards: np.ndarray,
    values: np.ndarray,
    next_values: np.ndarray,
    ended: np.ndarray,
    discount_factor: float,
    lambda_param: float,
) -> np.ndarray:
    """Generalized advantage estimates (Schulman et al., 2016, arXiv:1506.02438, equations 11, 12 and 16), float64.

    Args:
        rewards, values: of step t, shape (T, N).
        next_values: value of what step t led to, shape (T, N): of the next observation; 0 where the episode
            terminated; of the observation that the episode ended in where a time limit cut it (Pardo et al., 2018,
            arXiv:1712.00378, equation 6).
        ended: whether step t was its episode's last, shape (T, N); no advantage passes from one episode to the one
            before.
    """
    rewards, values, next_values = (np.asarray(array, np.float64) for array in (rewards, values, next_values))
    advantages = np.zeros_like(rewards)
    advantage = np.zeros(rewards.shape[1])
    for step in reversed(range(len(rewards))):
        delta = rewards[step] + discount_factor * next_values[step] - values[step]
        advantage = delta + discount_factor * lambda_param * ~ended[step] * advantage
        advantages[step] = advantage
    return advantages


def kl_adaptive(learning_rate: float, kl: float, threshold: float) -> float:
    """The next epoch's learning rate, from the mean KL divergence of this epoch's mini-batches.

    Lower after more than twice `threshold`, higher after less than half of it (the rule that Schulman et al., 2017,
    section 4, give for the penalty coefficient, applied to the step size; as in rl_games and skrl). 0 never changes it.
    """
    if threshold <= 0:
        return learning_rate
    if kl > threshold * KL_FACTOR:
        return max(learning_rate / LEARNING_RATE_FACTOR, MIN_LEARNING_RATE)
    if kl < threshold / KL_FACTOR:
        return min(learning_rate * LEARNING_RATE_FACTOR, MAX_LEARNING_RATE)
    return learning_rate


def draw_permutations(rng: np.random.Generator, epochs: int, samples: int) -> np.ndarray:
    """The order in which each epoch visits the samples, shape (epochs, samples), int32.

    Drawn by NumPy on the host, so that both backends see one order and a resumed run restores one generator.
    """
    order = np.tile(np.arange(samples, dtype=np.int32), (epochs, 1))
    return rng.permuted(order, axis=1, out=order)


def checked_permutations(permutations: np.ndarray | None, epochs: int, samples: int) -> np.ndarray:
    """`permutations` as (epochs, samples) int32; None is the order of storage in every epoch.

    Raises:
        ValueError: another shape or type than (epochs, samples) of integers.
    """
    if permutations is None:
        return np.tile(np.arange(samples, dtype=np.int32), (epochs, 1))
    if permutations.shape != (epochs, samples) or permutations.dtype.kind not in "iu":
        found = f"{permutations.shape} {permutations.dtype}"
        raise ValueError(f"permutations are {found}; an update needs ({epochs}, {samples}) int32")
    return np.ascontiguousarray(permutations, np.int32)
