"""What a backend provides, and what it reports."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from motrix_core.errors import TrainingFailed
from motrix_core.learn.metrics import Metrics, finite_or_none
from motrix_core.learn.spec import AgentState, Arrays, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motrix_core.config.schema import RunConfig
    from motrix_core.learn.algorithm import PPOHyperparameters
    from motrix_core.learn.session import TrainSession

LOG_STD_LIMITS = (-20.0, 2.0)
"""skrl's, for Gaussian policies."""

_ENGINES = {"fused": "fused_trainer", "stock": "trainer"}
"""Engine → module of a backend's package that has `build_trainer`."""

_METRICS = {
    "loss_policy": "loss/policy",
    "loss_value": "loss/value",
    "loss_entropy": "loss/entropy",
    "kl": "policy/kl",
    "clip_fraction": "policy/clip_fraction",
    "std": "policy/std",
    "entropy": "policy/entropy",
    "explained_variance": "value/explained_variance",
    "learning_rate": "optim/learning_rate",
    "grad_norm": "optim/grad_norm",
}


@dataclass(frozen=True)
class UpdateReport:
    """What an update did. None is what the engine cannot tell without extra work.

    kl: mean over the update's mini-batches of (r - 1) - log r, with r the ratio of new to old probability of the
        sampled actions (Schulman, 2020, "Approximating KL divergence"), nats.
    clip_fraction: share of samples whose ratio was outside 1 ± ratio_clip.
    std, entropy: the policy's after the update; std is the mean over action dimensions, entropy their sum, nats.
    explained_variance: 1 - Var(returns - values) / Var(returns) over the rollout, in unscaled units.
    grad_norm: mean norm of all gradients before clipping.
    """

    loss_policy: float | None
    loss_value: float | None
    loss_entropy: float | None
    kl: float | None
    clip_fraction: float | None
    std: float | None
    entropy: float | None
    explained_variance: float | None
    learning_rate: float
    grad_norm: float | None

    def metrics(self) -> Metrics:
        """The report under the names of a `metrics` event."""
        return {_METRICS[field.name]: finite_or_none(getattr(self, field.name)) for field in fields(self)}

    def broken(self) -> str | None:
        """The name of a number that is NaN or infinite though learning cannot go on from that, or None."""
        for name in ("loss_policy", "loss_value", "std", "grad_norm"):
            value = getattr(self, name)
            if value is not None and finite_or_none(value) is None:
                return _METRICS[name]
        return None


class StopTraining(Exception):
    """Leaves a trainer's loop from inside of skrl; caught by the trainer, never an error."""


def gaussian_entropy(log_std: np.ndarray) -> float:
    """Entropy of a diagonal Gaussian in nats, summed over dimensions. `log_std` is clipped as skrl's policies do."""
    return float(np.sum(0.5 + 0.5 * math.log(2.0 * math.pi) + np.clip(log_std, *LOG_STD_LIMITS), dtype=np.float64))


def adjustment_arrays(hyper: PPOHyperparameters) -> Arrays:
    """What may have been changed since the run began, as `AgentState.arrays` holds it; see `adjustments`."""
    return {
        f"hyper.{name}": np.asarray(getattr(hyper, name), np.float64) for name in ("entropy_loss_scale", "ratio_clip")
    }


def adjustments(arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """What `adjustment_arrays` put into `arrays`, for `Trainer.adjust`; empty if it was never there."""
    return {name.removeprefix("hyper."): float(array) for name, array in arrays.items() if name.startswith("hyper.")}


class Trainer(Protocol):
    """A backend's networks and optimiser, and the loop that trains them."""

    spec: ModelSpec
    device: str
    """What the networks run on, as people write it, for example "cpu" or "cuda:0"."""

    def train(self) -> None:
        """Train until `session.finished` or `session.should_stop`, reporting every step and update to the session."""
        ...

    def capture(self) -> AgentState:
        """A copy of the agent's state, valid between two updates."""
        ...

    def mean_actions(self, observations: np.ndarray) -> np.ndarray:
        """What the policy does without noise: (N, obs_dim) float32 → (N, act_dim) float32."""
        ...

    def restore(self, state: AgentState) -> None:
        """Continue from `state`.

        Raises:
            CheckpointError: it belongs to networks of other sizes.
        """
        ...

    def adjust(self, **changes: float) -> None:
        """Change `learning_rate`, `entropy_loss_scale` or `ratio_clip` from the next update on.

        Raises:
            ConfigError: another name, or a value out of bounds; nothing has changed then.
        """
        ...


def build_trainer(config: RunConfig, env: Any, session: TrainSession) -> Trainer:
    """Build the trainer of `config.backend` and `config.train.engine`. Imports the backend.

    Raises:
        BackendUnusable: the device asked for is not there.
        TrainingFailed: the backend was not chosen, or it has no such engine.
    """
    backend, engine = config.backend, config.train.engine
    if backend not in ("jax", "torch") or engine not in _ENGINES:
        raise TrainingFailed(
            f"backend {backend!r} with engine {engine!r} cannot be trained; backends: jax, torch; "
            f"engines: {', '.join(_ENGINES)}"
        )
    module = importlib.import_module(f"motrix_core.learn.{backend}.{_ENGINES[engine]}")
    return module.build_trainer(config, env, session)
