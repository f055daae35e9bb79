"""What the fused engine in PyTorch does with one piece of a mini-batch, as functions that run without Python.

A piece takes dozens of operations of some ten microseconds each. Called from Python by several threads, each of them
waits for the interpreter's lock. TorchScript runs a whole piece without it, and spends less on each operation
(measured in docs/benchmarks.md). The functions are ordinary Python that TorchScript can read: only tensors, numbers,
lists and named tuples. Operations and their order, so every bit, are the same either way.

Activations are row-major, (rows, width). What comes after the heads is feature-major, (policy_outputs + 1, rows),
because there the feature dimension is too short to vectorise over.
"""

# Without `from __future__ import annotations`: TorchScript reads the annotations of named tuples.
import math
import warnings
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch

from motrix_core.learn.algorithm import ADAM_BETA1, ADAM_BETA2, ADAM_EPSILON, GRAD_NORM_EPSILON, SCALER_CLIP

_Kernel = TypeVar("_Kernel", bound=Callable)


class Tower(NamedTuple):
    """Hidden layers and the rows of the outputs that their head gives; of parameters or of gradients.

    Weights have the shapes (out, in), biases (out,); the head's are (outputs, in) and (outputs, 1). `first` and `stop`
    are the rows of the (policy_outputs + 1, rows) outputs: the policy's, the value's, or both.
    """

    weights: list[torch.Tensor]
    biases: list[torch.Tensor]
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    first: int
    stop: int


class Memory(NamedTuple):
    """A worker's memory for pieces of up to so many rows, allocated once.

    `hidden` and `backward` have a list for each tower and in it (rows, width) for each layer; `spare` is as large as
    the largest of them; `samples` holds a piece's rows; the others are flat, because a piece narrower than the memory
    must be contiguous too.
    """

    hidden: list[list[torch.Tensor]]
    backward: list[list[torch.Tensor]]
    spare: torch.Tensor
    samples: torch.Tensor
    outputs: torch.Tensor
    columns: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    terms: torch.Tensor


class Loss(NamedTuple):
    """What a mini-batch's step depends on besides samples and networks.

    `mini_batch` is the number of its samples, of which a piece has a part. Of a Gaussian policy, as it is before the
    step: `log_std`, clamped as skrl does, and `inverse_std`, both (act_dim, 1), and `log_normaliser`, the sum of log
    standard deviations + act_dim/2 · log(2π), shape (). A categorical one has none, shape (0, 1).
    """

    discrete: bool
    log_std: torch.Tensor
    inverse_std: torch.Tensor
    log_normaliser: torch.Tensor
    obs_dim: int
    mini_batch: int
    ratio_clip: float
    value_bound: float
    value_scale: float
    entropy_scale: float
    kl_bound: float
    norm_bound: float


class Adam(NamedTuple):
    """Adam's moments of all parameters as one vector, its step count and its learning rate (both (), float64)."""

    m: torch.Tensor
    v: torch.Tensor
    step: torch.Tensor
    learning_rate: torch.Tensor


def kernel(function: _Kernel) -> _Kernel:
    """`function` as TorchScript."""
    with warnings.catch_warnings():
        # Its successors need a compiler for C++ on the machine that trains.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return torch.jit.script(function)  # type: ignore[return-value]


@kernel
def standardise_(
    obs: torch.Tensor, mean: torch.Tensor, divisor: torch.Tensor, clip: float = SCALER_CLIP
) -> torch.Tensor:
    """skrl's running standard scaler, in place."""
    return obs.sub_(mean).div_(divisor).clamp_(-clip, clip)


@kernel
def _features(memory: torch.Tensor, features: int, count: int) -> torch.Tensor:
    return memory[: features * count].view(features, count)


@kernel
def _elu_(x: torch.Tensor, spare: torch.Tensor, log2_e: float = math.log2(math.e)) -> None:
    """ELU in place as max(x, 2^(min(x, 0) · log2 e) - 1): half the time of PyTorch's own, within 1e-7 of it."""
    below = spare[: x.numel()].view_as(x)
    torch.clamp(x, max=0.0, out=below).mul_(log2_e).exp2_().sub_(1.0)
    torch.maximum(x, below, out=x)


@kernel
def forward(towers: list[Tower], obs: torch.Tensor, memory: Memory, skipped: int, outputs: torch.Tensor) -> None:
    """Write the policy's outputs and the value, one under the other, to `outputs`, (policy_outputs + 1, rows).

    Args:
        obs: standardised, shape (rows, obs_dim).
        skipped: the first towers of the memory that are not among `towers`; their rows are left alone.
    """
    count = obs.size(0)
    for number, tower in enumerate(towers):
        below = obs
        for level, weight in enumerate(tower.weights):
            above = memory.hidden[number + skipped][level][:count]
            torch.addmm(tower.biases[level], below, weight.t(), out=above)
            _elu_(above, memory.spare)
            below = above
        torch.addmm(tower.head_bias, tower.head_weight, below.t(), out=outputs[tower.first : tower.stop])


@kernel
def evaluate(
    towers: list[Tower],
    obs: torch.Tensor,
    mean: torch.Tensor,
    divisor: torch.Tensor,
    memory: Memory,
    skipped: int,
    height: int,
    first: int,
    into: torch.Tensor,
) -> None:
    """Outputs `first` and on for observations as they were given, (rows, obs_dim), to `into`, (rows, outputs wanted).

    `height` is the number of all outputs, the value among them.
    """
    count = obs.size(0)
    outputs = _features(memory.outputs, height, count)
    standardised = memory.samples[:count, : obs.size(1)]
    standardised.copy_(obs)
    forward(towers, standardise_(standardised, mean, divisor), memory, skipped, outputs)
    into.copy_(outputs[first : first + into.size(1)].t())


@kernel
def log_ratio(
    outputs: torch.Tensor,
    actions: torch.Tensor,
    old_log_prob: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    entropy: torch.Tensor,
    loss: Loss,
) -> torch.Tensor:
    """How much likelier the actions have become, as a logarithm, shape (rows,).

    `first` and `second`, of the shape of `outputs`, are kept for `replace_by_gradient_`. A categorical policy writes
    the entropy of each row, -Σ p log p in nats, to `entropy`, shape (1, rows).
    """
    if loss.discrete:
        torch.sub(outputs, outputs.logsumexp(0), out=first)
        torch.exp(first, out=second).mul_(first)
        torch.sum(second, [0], True, out=entropy).neg_()
        return first.gather(0, actions.long()).squeeze(0).sub_(old_log_prob)
    torch.sub(actions, outputs, out=first)
    first.mul_(loss.inverse_std)
    torch.mul(first, first, out=second)
    return second.sum(0).mul_(-0.5).sub_(old_log_prob).sub_(loss.log_normaliser)


@kernel
def replace_by_gradient_(
    outputs: torch.Tensor,
    actions: torch.Tensor,
    pull: torch.Tensor,
    first: torch.Tensor,
    second: torch.Tensor,
    log_std_gradient: torch.Tensor,
    loss: Loss,
) -> None:
    """Replace `outputs` by the loss's gradient in them, and add to that in log_std.

    `pull` is the loss's gradient in the log probability of each row's action, shape (rows,). In logit j, log p of
    action a has the gradient [j = a] - p_j, and the entropy H has -p_j · (log p_j + H).
    """
    if loss.discrete:
        torch.exp(first, out=outputs)
        # p_j · (log p_j + H), where p_j · log p_j is there already, and H is minus its sum.
        second.sub_(outputs * second.sum(0)).mul_(loss.entropy_scale / loss.mini_batch)
        outputs.mul_(-pull).add_(second)
        outputs.scatter_add_(0, actions.long(), pull.unsqueeze(0))
    else:
        log_std_gradient.add_(second.mul_(pull).sum(1, keepdim=True)).sub_(pull.sum())
        torch.mul(first.mul_(loss.inverse_std), pull, out=outputs)


@kernel
def _lose(
    outputs: torch.Tensor,
    columns: torch.Tensor,
    memory: Memory,
    log_std_gradient: torch.Tensor,
    sums: torch.Tensor,
    loss: Loss,
) -> None:
    """Add to `sums` and to the gradient of log_std; replace `outputs` by the loss's gradient in them."""
    width, count = outputs.size(0) - 1, outputs.size(1)
    chosen = columns.size(0) - 4
    actions, log_prob = columns[:chosen], columns[chosen]
    old_values, returns, advantages = columns[chosen + 1], columns[chosen + 2], columns[chosen + 3]
    terms = _features(memory.terms, sums.size(0), count)
    first, second = _features(memory.first, width, count), _features(memory.second, width, count)

    change = log_ratio(outputs[:width], actions, log_prob, first, second, terms[4:], loss)
    ratio = torch.exp(change)
    distance = ratio - 1.0
    torch.sub(distance, change, out=terms[0])
    surrogate = ratio * advantages
    clipped = ratio.clamp_(1.0 - loss.ratio_clip, 1.0 + loss.ratio_clip).mul_(advantages)
    torch.minimum(surrogate, clipped, out=terms[1])
    torch.gt(distance.abs_(), loss.ratio_clip, out=terms[3])

    # d loss / d log_prob: the gradient flows where the clipped surrogate is not the smaller one.
    pull = surrogate.mul_(surrogate <= clipped).mul_(-1.0 / loss.mini_batch)
    replace_by_gradient_(outputs[:width], actions, pull, first, second, log_std_gradient, loss)

    moved = outputs[width] - old_values
    bounded = moved.clamp(-loss.value_bound, loss.value_bound)
    inside = moved == bounded
    error = bounded.add_(old_values).sub_(returns)
    torch.mul(error, error, out=terms[2])
    torch.mul(error.mul_(inside), 2.0 * loss.value_scale / loss.mini_batch, out=outputs[width])
    sums.add_(terms.sum(1))


@kernel
def _backpropagate(
    towers: list[Tower], gradients: list[Tower], obs: torch.Tensor, d_outputs: torch.Tensor, memory: Memory
) -> None:
    """Add to `gradients` what follows from the loss's gradient in the outputs, `d_outputs`."""
    count = obs.size(0)
    for number, tower in enumerate(towers):
        gradient, hidden, backward = gradients[number], memory.hidden[number], memory.backward[number]
        top = len(hidden) - 1
        d_head = d_outputs[tower.first : tower.stop]
        gradient.head_weight.addmm_(d_head, hidden[top][:count])
        gradient.head_bias.add_(d_head.sum(1, keepdim=True))
        d_hidden = torch.mm(d_head.t(), tower.head_weight, out=backward[top][:count])
        for step in range(top + 1):
            level = top - step
            torch.ops.aten.elu_backward(d_hidden, 1.0, 1.0, 1.0, True, hidden[level][:count], grad_input=d_hidden)
            below = hidden[level - 1][:count] if level > 0 else obs
            gradient.weights[level].addmm_(d_hidden.t(), below)
            gradient.biases[level].add_(d_hidden.sum(0))
            if level > 0:
                d_hidden = torch.mm(d_hidden, tower.weights[level], out=backward[level - 1][:count])


@kernel
def accumulate(
    towers: list[Tower],
    samples: torch.Tensor,
    index: torch.Tensor,
    scaler: list[torch.Tensor],
    memory: Memory,
    gradients: list[Tower],
    log_std_gradient: torch.Tensor,
    sums: torch.Tensor,
    loss: Loss,
) -> None:
    """Add the loss and the gradient of one piece of a mini-batch to `sums` and `gradients`.

    Args:
        samples: a row of observation, action, log probability, value, return and advantage for each, shape
            (T * N, obs_dim + act_dim + 4).
        index: which rows, int32, shape (rows,).
        scaler: mean and divisor, both (obs_dim,), for observations that are not standardised yet; else empty.
    """
    count = index.size(0)
    rows = torch.index_select(samples, 0, index, out=memory.samples[:count])
    obs = rows[:, : loss.obs_dim]
    if len(scaler) == 2:
        standardise_(obs, scaler[0], scaler[1])
    columns = _features(memory.columns, rows.size(1) - loss.obs_dim, count)
    columns.copy_(rows[:, loss.obs_dim :].t())
    outputs = _features(memory.outputs, towers[len(towers) - 1].stop, count)
    forward(towers, obs, memory, 0, outputs)
    _lose(outputs, columns, memory, log_std_gradient, sums, loss)
    _backpropagate(towers, gradients, obs, outputs, memory)


@kernel
def _adam_step_(
    parameters: torch.Tensor,
    gradient: torch.Tensor,
    adam: Adam,
    going: torch.Tensor,
    beta1: float = ADAM_BETA1,
    beta2: float = ADAM_BETA2,
    epsilon: float = ADAM_EPSILON,
) -> None:
    """One step of Kingma and Ba's algorithm 1; nothing happens where `going`, shape (), bool, is false."""
    if gradient.is_cpu:
        # A tensor's value is at hand there; a GPU goes through the motions instead.
        if not bool(going):
            return
    else:
        gradient.masked_fill_(~going, 0.0)
    step = adam.step.add_(going)
    moved = going.float()
    m = adam.m.lerp_(gradient, (1.0 - beta1) * moved)
    v = adam.v.lerp_(gradient.square(), (1.0 - beta2) * moved)
    # A first step that does not happen has a step count of 0, whose bias correction would divide by 0.
    bias1, bias2 = 1.0 - torch.pow(beta1, step) + ~going, 1.0 - torch.pow(beta2, step) + ~going
    divisor = v.sqrt().div_(bias2.sqrt()).add_(epsilon)
    parameters.sub_(torch.div(m, divisor, out=divisor).mul_(adam.learning_rate / bias1 * going))


@kernel
def conclude(
    parameters: torch.Tensor,
    log_std: torch.Tensor,
    gradient: torch.Tensor,
    log_std_gradient: torch.Tensor,
    sums: torch.Tensor,
    adam: Adam,
    going: torch.Tensor,
    loss: Loss,
    row: torch.Tensor,
    epsilon: float = GRAD_NORM_EPSILON,
) -> torch.Tensor:
    """Follow the gradient of a mini-batch, if `going`, and write `row` of the table of an update.

    Args:
        parameters: as one vector, of which `log_std`, shape (act_dim, 1), is a part; `gradient` likewise.
        sums: over all samples of the mini-batch.

    Returns:
        Whether the epoch goes on, shape (), bool.
    """
    means = sums / loss.mini_batch
    if loss.discrete:
        entropy = means[4]
    else:
        # What does not depend on samples: the entropy's part, and none where log_std is beyond its clamp.
        log_std_gradient.sub_(loss.entropy_scale)
        log_std_gradient.mul_(loss.log_std == log_std)
        entropy = loss.log_normaliser + 0.5 * log_std.numel()
    stays = going & ~(means[0] > loss.kl_bound)
    norm = torch.linalg.vector_norm(gradient)
    gradient.mul_((loss.norm_bound / (norm + epsilon)).clamp(max=1.0))
    _adam_step_(parameters, gradient, adam, stays)
    terms = [means[0], -means[1], loss.value_scale * means[2], means[3], -loss.entropy_scale * entropy, entropy]
    terms.extend([norm, going.float(), stays.float()])
    torch.stack(terms, out=row)
    return stays
