"""The networks of the fused engine in PyTorch: forward pass, PPO loss and its gradient, written out by hand.

Autograd allocates every intermediate result and runs mini-batches as wide as they come. The gradient of an MLP under
the PPO loss is short enough to write down: every result goes to memory that is allocated once, and mini-batches are
cut into pieces whose activations stay in cache.

Activations are row-major, (rows, width). What comes after the heads is feature-major, (policy_outputs + 1, rows),
because there the feature dimension is too short to vectorise over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from motrix_core.learn.algorithm import SCALER_CLIP
from motrix_core.learn.spec import ModelSpec
from motrix_core.learn.torch.fused_policies import Policy

_ALIGNMENT = 16
"""In floats: the 64 bytes of a cache line."""
_NARROW = 64
_LOG2_E = math.log2(math.e)
_PIECE_ROWS, _PIECE_FLOATS = 1536, 688_128
_elu_backward = torch.ops.aten.elu_backward.grad_input


@dataclass(frozen=True)
class Tower:
    """Hidden layers and the rows of the outputs that their head gives: the policy's, the value, or both.

    Attributes:
        layers: (weight, bias) of each layer, shapes (out, in) and (out,).
        head_weight, head_bias: shapes (outputs, in) and (outputs, 1).
        outputs: which rows of the (policy_outputs + 1, rows) outputs.
    """

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    outputs: slice


class FlatParameters:
    """Every parameter as a view of one vector, so that Adam and the gradient's norm are a few operations.

    Used for parameters, gradients and Adam's moments alike.
    """

    def __init__(self, spec: ModelSpec, device: torch.device) -> None:
        self.spec = spec
        shapes, offsets, size = spec.shapes(), {}, 0
        head = spec.policy_head
        for name in _storage_order(shapes, head):
            offsets[name] = size
            size += math.prod(shapes[name])
            if name not in (f"{head}.weight", f"{head}.bias"):  # the value's head follows without a gap
                size += -size % _ALIGNMENT
        self.flat = torch.zeros(size, device=device)
        self.views = {name: self._view(name, offsets[name], shape) for name, shape in shapes.items()}
        self.log_std = self.flat[:0].view(0, 1) if spec.discrete else self.views["policy.log_std"].unsqueeze(1)
        """Shape (act_dim, 1); a categorical policy has none, shape (0, 1)."""
        self.towers = self._towers(offsets)
        """One with a shared trunk, else the policy's and the value's; the last gives the value."""

    def _view(self, name: str, offset: int, shape: tuple[int, ...]) -> torch.Tensor:
        """A layer with few inputs is stored (in, out): MKL then computes its gradient twice as fast."""
        part = self.flat[offset : offset + math.prod(shape)]
        if name.endswith(".weight") and ".layers." in name and shape[1] < min(shape[0], _NARROW):
            return part.view(shape[1], shape[0]).t()
        return part.view(shape)

    def _towers(self, offsets: Mapping[str, int]) -> tuple[Tower, ...]:
        head, outputs = self.spec.policy_head, self.spec.policy_outputs
        if not self.spec.shared:
            policy = self._tower("policy", head, slice(0, outputs), offsets)
            return policy, self._tower("value", "value.out", slice(outputs, outputs + 1), offsets)
        return (self._tower("trunk", head, slice(0, outputs + 1), offsets),)

    def _tower(self, stack: str, head: str, outputs: slice, offsets: Mapping[str, int]) -> Tower:
        hidden = self.spec.value_hidden if stack == "value" else self.spec.policy_hidden
        names = [f"{stack}.layers.{index}" for index in range(len(hidden))]
        rows, width = outputs.stop - outputs.start, hidden[-1]
        start, bias = offsets[f"{head}.weight"], offsets[f"{head}.bias"]
        return Tower(
            layers=tuple((self.views[f"{name}.weight"], self.views[f"{name}.bias"]) for name in names),
            head_weight=self.flat[start : start + rows * width].view(rows, width),
            head_bias=self.flat[bias : bias + rows].view(rows, 1),
            outputs=outputs,
        )

    def load(self, arrays: Mapping[str, np.ndarray], prefix: str = "") -> None:
        for name, view in self.views.items():
            view.copy_(torch.from_numpy(np.array(arrays[prefix + name], np.float32)))

    def arrays(self) -> dict[str, np.ndarray]:
        """Copies on the host under neutral names, weights (out, in) and contiguous."""
        return {name: np.array(view.cpu().numpy(), order="C") for name, view in self.views.items()}


def _storage_order(shapes: Mapping[str, tuple[int, ...]], head: str) -> list[str]:
    heads = [f"{head}.weight", "value.out.weight", f"{head}.bias", "value.out.bias", "policy.log_std"]
    return [name for name in shapes if name not in heads] + [name for name in heads if name in shapes]


@dataclass(frozen=True)
class LossScales:
    """What a mini-batch's loss depends on besides samples and networks.

    Attributes:
        policy: what turns the policy's outputs into probabilities.
        mini_batch: samples in the mini-batch, of which a piece is a part.
    """

    policy: Policy
    mini_batch: int
    ratio_clip: float
    value_bound: float
    value_loss_scale: float


def piece_rows(spec: ModelSpec) -> int:
    """Rows whose activations stay in cache, but not fewer than matrix products need to be efficient (measured)."""
    widths = sum(spec.policy_hidden) + (0 if spec.shared else sum(spec.value_hidden))
    return max(_PIECE_ROWS, _PIECE_FLOATS // widths)


class Workspace:
    """One worker's memory for pieces of up to `rows` rows, its share of the gradient, and what it does with them."""

    def __init__(self, spec: ModelSpec, rows: int, device: torch.device) -> None:
        self.spec, self.rows, self.device = spec, rows, device
        self.gradient = FlatParameters(spec, device)
        self._terms = 5 if spec.discrete else 4
        self.sums = torch.zeros(self._terms, device=device)
        """Of KL, surrogate, squared value error, clipped ratios and a categorical policy's entropy, over the samples
        since `reset`."""
        widest = max(*spec.policy_hidden, *spec.value_hidden)
        self._spare = torch.empty(rows * widest, device=device)
        hidden = [spec.policy_hidden] if spec.shared else [spec.policy_hidden, spec.value_hidden]
        self._hidden = [[torch.empty(rows, width, device=device) for width in widths] for widths in hidden]
        self._backward = [[torch.empty(rows, width, device=device) for width in widths] for widths in hidden]
        outputs, columns = spec.policy_outputs, spec.act_dim + 4
        self._samples = torch.empty(rows, spec.obs_dim + columns, device=device)
        # Flat, because a piece narrower than `rows` must be contiguous too.
        self._by_feature = [
            torch.empty(n * rows, device=device) for n in (outputs + 1, columns, outputs, outputs, self._terms)
        ]

    def reset(self) -> None:
        self.gradient.flat.zero_()
        self.sums.zero_()

    def forward(self, network: FlatParameters, obs: torch.Tensor, towers: slice) -> torch.Tensor:
        """The policy's outputs and the value, one under the other, shape (policy_outputs + 1, rows); only `towers`'
        rows are set.

        Args:
            obs: standardised, shape (rows, obs_dim).
        """
        count = len(obs)
        outputs = self._features(0, self.spec.policy_outputs + 1, count)
        for tower, hidden in zip(network.towers[towers], self._hidden[towers], strict=True):
            below = obs
            for (weight, bias), memory in zip(tower.layers, hidden, strict=True):
                below = torch.addmm(bias, below, weight.t(), out=memory[:count])
                self._elu_(below)
            torch.addmm(tower.head_bias, tower.head_weight, below.t(), out=outputs[tower.outputs])
        return outputs

    def accumulate(
        self,
        network: FlatParameters,
        samples: torch.Tensor,
        index: torch.Tensor,
        scaler: tuple[torch.Tensor, torch.Tensor] | None,
        scales: LossScales,
    ) -> None:
        """Add the loss and the gradient of one piece of a mini-batch to `sums` and `gradient`.

        Args:
            samples: columns as `pack_samples` lays them out, shape (T * N, obs_dim + act_dim + 4).
            index: which rows, int32, shape (rows,).
            scaler: mean and divisor for observations that are not standardised yet.
        """
        count, actions = len(index), self.spec.act_dim
        rows = torch.index_select(samples, 0, index, out=self._samples[:count])
        obs = rows[:, : self.spec.obs_dim]
        if scaler is not None:
            standardise_(obs, *scaler)
        columns = self._features(1, actions + 4, count)
        columns.copy_(rows[:, self.spec.obs_dim :].t())
        outputs = self.forward(network, obs, slice(None))
        self._loss(outputs, columns, scales)
        self._backpropagate(network, obs, outputs)

    def _loss(self, outputs: torch.Tensor, columns: torch.Tensor, scales: LossScales) -> None:
        """Add to `sums` and to the gradient of log_std; replace `outputs` by the loss's gradient in them."""
        width, count = self.spec.policy_outputs, outputs.shape[1]
        actions = columns[: self.spec.act_dim]
        log_prob, old_values, returns, advantages = columns[self.spec.act_dim :]
        terms = self._features(4, self._terms, count)
        spare = (self._features(2, width, count), self._features(3, width, count))

        log_ratio = scales.policy.log_ratio(outputs[:width], actions, log_prob, spare, terms[4:])
        ratio = torch.exp(log_ratio)
        distance = ratio - 1
        torch.sub(distance, log_ratio, out=terms[0])
        surrogate = ratio * advantages
        clipped = ratio.clamp_(1 - scales.ratio_clip, 1 + scales.ratio_clip).mul_(advantages)
        torch.minimum(surrogate, clipped, out=terms[1])
        torch.gt(distance.abs_(), scales.ratio_clip, out=terms[3])

        # d loss / d log_prob: the gradient flows where the clipped surrogate is not the smaller one.
        pull = surrogate.mul_(surrogate <= clipped).mul_(-1 / scales.mini_batch)
        scales.policy.replace_by_gradient_(outputs[:width], actions, pull, spare, self.gradient)

        change = outputs[width] - old_values
        bounded = change.clamp(-scales.value_bound, scales.value_bound)
        inside = change == bounded
        error = bounded.add_(old_values).sub_(returns)
        torch.mul(error, error, out=terms[2])
        torch.mul(error.mul_(inside), 2 * scales.value_loss_scale / scales.mini_batch, out=outputs[width])
        self.sums.add_(terms.sum(1))

    def _backpropagate(self, network: FlatParameters, obs: torch.Tensor, d_outputs: torch.Tensor) -> None:
        count = len(obs)
        memories = zip(network.towers, self.gradient.towers, self._hidden, self._backward, strict=True)
        for tower, gradient, hidden, backward in memories:
            d_head = d_outputs[tower.outputs]
            inputs = [obs, *(memory[:count] for memory in hidden)]
            gradient.head_weight.addmm_(d_head, inputs[-1])
            gradient.head_bias.add_(d_head.sum(1, keepdim=True))
            d_hidden = torch.mm(d_head.t(), tower.head_weight, out=backward[-1][:count])
            for level in reversed(range(len(hidden))):
                _elu_backward(d_hidden, 1.0, 1.0, 1.0, True, inputs[level + 1], grad_input=d_hidden)
                weight, bias = gradient.layers[level]
                weight.addmm_(d_hidden.t(), inputs[level])
                bias.add_(d_hidden.sum(0))
                if level:
                    d_hidden = torch.mm(d_hidden, tower.layers[level][0], out=backward[level - 1][:count])

    def _elu_(self, x: torch.Tensor) -> None:
        """ELU in place as max(x, 2^(min(x, 0) · log2 e) - 1): half the time of PyTorch's own, within 1e-7 of it."""
        below = self._spare[: x.numel()].view_as(x)
        torch.clamp(x, max=0, out=below).mul_(_LOG2_E).exp2_().sub_(1)
        torch.maximum(x, below, out=x)

    def _features(self, memory: int, features: int, count: int) -> torch.Tensor:
        return self._by_feature[memory][: features * count].view(features, count)


def standardise_(obs: torch.Tensor, mean: torch.Tensor, divisor: torch.Tensor) -> torch.Tensor:
    """skrl's running standard scaler, in place."""
    return obs.sub_(mean).div_(divisor).clamp_(-SCALER_CLIP, SCALER_CLIP)
