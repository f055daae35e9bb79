"""The deterministic policy in NumPy: what a trained agent does, without JAX or PyTorch.

    observations → standardise and clip (skrl's RunningStandardScaler) → linear layers with ELU → mean actions,
                                                                         or logits, of which the largest is chosen

It is the reference that an exported policy is checked against.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motrix_core.errors import CheckpointError
from motrix_core.learn.choices import likeliest_choices
from motrix_core.learn.spec import ModelSpec

if TYPE_CHECKING:
    from motrix_core.runs.checkpoints import Checkpoint

SCALER_EPSILON = 1e-8
SCALER_CLIP = 5.0
"""skrl's defaults, which both trainers use."""

Layer = tuple[np.ndarray, np.ndarray]
"""Weight (out, in) and bias (out,), float32."""


@dataclass(frozen=True)
class NumpyPolicy:
    """What a Gaussian or a categorical policy does without noise.

    Attributes:
        center: the scaler's running mean, (obs_dim,), float32.
        scale: its running standard deviation plus epsilon, (obs_dim,), float32.
        hidden: the layers that ELU follows, at least one.
        head: the last layer, which gives mean actions, or a logit for each choice.
        discrete: whether it gives logits.
    """

    center: np.ndarray
    scale: np.ndarray
    hidden: tuple[Layer, ...]
    head: Layer
    discrete: bool = False

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> NumpyPolicy:
        """The policy among `AgentState.arrays`.

        Raises:
            CheckpointError: an array is missing, has a shape that does not fit the others, or is not finite.
        """
        stem = "trunk" if "trunk.layers.0.weight" in arrays else "policy"
        count = 0
        while f"{stem}.layers.{count}.weight" in arrays:
            count += 1
        if count == 0:
            raise _unfit("it has neither policy.layers.0.weight nor trunk.layers.0.weight")
        names = [f"{stem}.layers.{index}" for index in range(count)]
        discrete = "policy.logits.weight" in arrays
        head = "policy.logits" if discrete else "policy.mean"
        layers = _chain([(name, _layer(arrays, name)) for name in [*names, head]])
        size = layers[0][0].shape[1]
        center, variance = (_scaler_part(arrays, part, size) for part in ("mean", "variance"))
        if (variance < 0).any():
            raise _unfit("scaler.observation.variance has negative entries")
        # In float32 from here on, as both backends compute it.
        scale = np.sqrt(variance.astype(np.float32)) + np.float32(SCALER_EPSILON)
        return cls(center.astype(np.float32), scale, tuple(layers[:-1]), layers[-1], discrete)

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> NumpyPolicy:
        """The policy of a loaded checkpoint. Raises CheckpointError, which names the checkpoint."""
        try:
            return cls.from_arrays(checkpoint.arrays.get("agent", {}))
        except CheckpointError as error:
            raise CheckpointError(f"checkpoint {checkpoint.path}: {error.message}", mend=error.mend) from None

    @property
    def obs_dim(self) -> int:
        return self.center.size

    @property
    def act_dim(self) -> int:
        return 1 if self.discrete else self.head[1].size

    @property
    def n_actions(self) -> int | None:
        """Choices of a categorical policy; None for a Gaussian one."""
        return self.head[1].size if self.discrete else None

    def mean_actions(self, observations: np.ndarray) -> np.ndarray:
        """(N, obs_dim) → (N, act_dim) float32: the mean actions, not clipped to the environment's bounds, or the
        likeliest choices.

        Raises:
            ValueError: `observations` has another shape.
        """
        outputs = self.outputs(observations)
        return likeliest_choices(outputs) if self.discrete else outputs

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """What the last layer gives for observations (N, obs_dim): mean actions (N, act_dim) or logits (N, n_actions).

        Raises:
            ValueError: `observations` has another shape.
        """
        x = np.asarray(observations, np.float32)
        if x.ndim != 2 or x.shape[1] != self.obs_dim:
            raise ValueError(f"observations have shape {x.shape}, this policy takes (N, {self.obs_dim})")
        # A dimension that never varied has a scale of epsilon: dividing by it may overflow, which the clip mends.
        with np.errstate(over="ignore"):
            x = np.clip((x - self.center) / self.scale, -SCALER_CLIP, SCALER_CLIP)
        for weight, bias in self.hidden:
            x = _elu(x @ weight.T + bias)
        weight, bias = self.head
        return x @ weight.T + bias


def spec_of(arrays: Mapping[str, np.ndarray]) -> ModelSpec:
    """The sizes of the networks whose parameters `arrays` holds under neutral names.

    Raises:
        CheckpointError: policy or value are incomplete.
    """

    def widths(stem: str) -> tuple[int, ...]:
        sizes: list[int] = []
        while (weight := arrays.get(f"{stem}.layers.{len(sizes)}.weight")) is not None:
            sizes.append(weight.shape[0])
        return tuple(sizes)

    policy = NumpyPolicy.from_arrays(arrays)
    shared = "trunk.layers.0.weight" in arrays
    policy_hidden = widths("trunk" if shared else "policy")
    value_hidden = policy_hidden if shared else widths("value")
    if not value_hidden:
        raise _unfit("it has no value.layers.0.weight")
    return ModelSpec(policy.obs_dim, policy.act_dim, policy_hidden, value_hidden, shared, policy.n_actions)


def _elu(x: np.ndarray) -> np.ndarray:
    # expm1 of a large positive number would overflow where it is not used.
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _layer(arrays: Mapping[str, np.ndarray], name: str) -> Layer:
    weight, bias = (_finite(arrays, f"{name}.{part}") for part in ("weight", "bias"))
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or 0 in weight.shape:
        raise _unfit(f"{name}.weight of shape {weight.shape} and {name}.bias of shape {bias.shape} are no layer")
    return weight.astype(np.float32), bias.astype(np.float32)


def _chain(layers: list[tuple[str, Layer]]) -> list[Layer]:
    for (before, (out, _)), (after, (into, _)) in itertools.pairwise(layers):
        if out.shape[0] != into.shape[1]:
            raise _unfit(f"{after} takes {into.shape[1]} inputs, but {before} gives {out.shape[0]}")
    return [layer for _, layer in layers]


def _scaler_part(arrays: Mapping[str, np.ndarray], part: str, size: int) -> np.ndarray:
    name = f"scaler.observation.{part}"
    array = _finite(arrays, name)
    if array.shape != (size,):
        raise _unfit(f"{name} has shape {array.shape}, not ({size},)")
    return array


def _finite(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays:
        raise _unfit(f"it has no {name}")
    array = np.asarray(arrays[name])
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise _unfit(f"{name} holds something else than finite numbers")
    return array


def _unfit(reason: str) -> CheckpointError:
    return CheckpointError(f"no policy can be made of it: {reason}", mend="use another checkpoint of the run")
