"""The networks of the fused engine in PyTorch: their parameters, and the memory that pieces of a mini-batch go through.

Autograd allocates every intermediate result and runs mini-batches as wide as they come. The gradient of an MLP under
the PPO loss is short enough to write down (`fused_kernels`): every result goes to memory that is allocated once, and
mini-batches are cut into pieces whose activations stay in cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch

from motrix_core.learn.spec import ModelSpec
from motrix_core.learn.torch.fused_kernels import Loss, Memory, Tower, accumulate, evaluate

_ALIGNMENT = 16
"""In floats: the 64 bytes of a cache line."""
_NARROW = 64
_PIECE_ROWS, _PIECE_FLOATS, _LEAST_FLOATS = 1536, 688_128, 131_072


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

    def _towers(self, offsets: Mapping[str, int]) -> list[Tower]:
        head, outputs = self.spec.policy_head, self.spec.policy_outputs
        if not self.spec.shared:
            policy = self._tower("policy", head, slice(0, outputs), offsets)
            return [policy, self._tower("value", "value.out", slice(outputs, outputs + 1), offsets)]
        return [self._tower("trunk", head, slice(0, outputs + 1), offsets)]

    def _tower(self, stack: str, head: str, outputs: slice, offsets: Mapping[str, int]) -> Tower:
        hidden = self.spec.value_hidden if stack == "value" else self.spec.policy_hidden
        names = [f"{stack}.layers.{index}" for index in range(len(hidden))]
        rows, width = outputs.stop - outputs.start, hidden[-1]
        start, bias = offsets[f"{head}.weight"], offsets[f"{head}.bias"]
        return Tower(
            weights=[self.views[f"{name}.weight"] for name in names],
            biases=[self.views[f"{name}.bias"] for name in names],
            head_weight=self.flat[start : start + rows * width].view(rows, width),
            head_bias=self.flat[bias : bias + rows].view(rows, 1),
            first=outputs.start,
            stop=outputs.stop,
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


def piece_rows(spec: ModelSpec) -> int:
    """Rows whose activations stay in cache, but not fewer than matrix products need to be efficient (measured)."""
    return max(_PIECE_ROWS, _PIECE_FLOATS // _activations(spec))


def least_rows(spec: ModelSpec) -> int:
    """Rows from which on another thread gains more than it takes to wake it (measured)."""
    return -(-_LEAST_FLOATS // _activations(spec))


def _activations(spec: ModelSpec) -> int:
    return sum(spec.policy_hidden) + (0 if spec.shared else sum(spec.value_hidden))


class Workspace:
    """One worker's memory for pieces of up to `rows` rows, its share of the gradient, and what it does with them."""

    def __init__(self, spec: ModelSpec, rows: int, device: torch.device) -> None:
        self.spec = spec
        self.gradient = FlatParameters(spec, device)
        terms = 5 if spec.discrete else 4
        self.sums = torch.zeros(terms, device=device)
        """Of KL, surrogate, squared value error, clipped ratios and a categorical policy's entropy, over the samples
        since `reset`."""
        hidden = [spec.policy_hidden] if spec.shared else [spec.policy_hidden, spec.value_hidden]
        outputs, columns = spec.policy_outputs, spec.act_dim + 4

        def room(*shape: int) -> torch.Tensor:
            return torch.empty(shape, device=device)

        self._memory = Memory(
            hidden=[[room(rows, width) for width in widths] for widths in hidden],
            backward=[[room(rows, width) for width in widths] for widths in hidden],
            spare=room(rows * max(*spec.policy_hidden, *spec.value_hidden)),
            samples=room(rows, spec.obs_dim + columns),
            outputs=room((outputs + 1) * rows),
            columns=room(columns * rows),
            first=room(outputs * rows),
            second=room(outputs * rows),
            terms=room(terms * rows),
        )

    def reset(self) -> None:
        self.gradient.flat.zero_()
        self.sums.zero_()

    def evaluate(
        self,
        network: FlatParameters,
        obs: torch.Tensor,
        scaler: tuple[torch.Tensor, torch.Tensor],
        towers: slice,
        first_output: int,
        into: torch.Tensor,
    ) -> None:
        """Write outputs of the networks, from `first_output` on, for observations as they were given, (rows, obs_dim).

        Args:
            scaler: the observations' mean and divisor, both (obs_dim,).
            towers: those that give these outputs.
            into: shape (rows, outputs wanted).
        """
        height = self.spec.policy_outputs + 1
        evaluate(network.towers[towers], obs, *scaler, self._memory, towers.start, height, first_output, into)

    def accumulate(
        self,
        network: FlatParameters,
        samples: torch.Tensor,
        index: torch.Tensor,
        scaler: tuple[torch.Tensor, torch.Tensor] | None,
        loss: Loss,
    ) -> None:
        """Add the loss and the gradient of one piece of a mini-batch to `sums` and `gradient`; arguments as
        `fused_kernels.accumulate` has them."""
        gradient = self.gradient
        accumulate(
            network.towers,
            samples,
            index,
            list(scaler or ()),
            self._memory,
            gradient.towers,
            gradient.log_std,
            self.sums,
            loss,
        )
