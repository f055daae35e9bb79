"""The policies of the fused engine in PyTorch: probability, entropy and their gradients, written out by hand.

Each is what one mini-batch needs of the policy as it is before that mini-batch's step; threads share it. Arrays are
feature-major, (features, rows), as in `fused_network`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from motrix_core.learn.algorithm import HALF_LOG_2PI, MAX_LOG_STD, MIN_LOG_STD

if TYPE_CHECKING:
    from motrix_core.learn.torch.fused_network import FlatParameters

Spare = tuple[torch.Tensor, torch.Tensor]
"""Memory of the shape of a policy's outputs, kept from `log_ratio` to `replace_by_gradient_`."""


@dataclass(frozen=True)
class Gaussian:
    """Normal densities around the means that the network gives, with standard deviations of their own.

    Attributes:
        log_std: clamped as skrl's Gaussian policy does, shape (act_dim, 1).
        inverse_std: shape (act_dim, 1).
        log_normaliser: sum of log standard deviations + act_dim/2 · log(2π), shape ().
    """

    log_std: torch.Tensor
    inverse_std: torch.Tensor
    log_normaliser: torch.Tensor

    def log_ratio(
        self, outputs: torch.Tensor, actions: torch.Tensor, old_log_prob: torch.Tensor, spare: Spare, _: object
    ) -> torch.Tensor:
        """How much likelier the actions (act_dim, rows) have become, as a logarithm, shape (rows,)."""
        z = torch.sub(actions, outputs, out=spare[0])
        z.mul_(self.inverse_std)
        squares = torch.mul(z, z, out=spare[1])
        return squares.sum(0).mul_(-0.5).sub_(old_log_prob).sub_(self.log_normaliser)

    def replace_by_gradient_(
        self,
        outputs: torch.Tensor,
        actions: torch.Tensor,
        pull: torch.Tensor,
        spare: Spare,
        gradient: FlatParameters,
    ) -> None:
        """Replace `outputs` by the loss's gradient in them, and add to that in log_std.

        Args:
            pull: the loss's gradient in the log probability of each row's action, shape (rows,).
        """
        z, squares = spare
        gradient.log_std.add_(squares.mul_(pull).sum(1, keepdim=True)).sub_(pull.sum())
        torch.mul(z.mul_(self.inverse_std), pull, out=outputs)

    def close_gradient_(self, network: FlatParameters, gradient: FlatParameters, entropy_loss_scale: float) -> None:
        """Add what does not depend on samples: the entropy's part, and none where log_std is beyond its clamp."""
        gradient.log_std.sub_(entropy_loss_scale)
        gradient.log_std.mul_(self.log_std == network.log_std)

    def entropy(self) -> torch.Tensor:
        """In nats, summed over dimensions, shape (): the log normaliser plus a half per dimension."""
        return self.log_normaliser + 0.5 * self.log_std.numel()


@dataclass(frozen=True)
class Categorical:
    """The softmax of the logits that the network gives.

    Attributes:
        entropy_weight: of a sample's entropy in the loss: `entropy_loss_scale` / mini-batch size.
    """

    entropy_weight: float

    def log_ratio(
        self,
        outputs: torch.Tensor,
        actions: torch.Tensor,
        old_log_prob: torch.Tensor,
        spare: Spare,
        entropy: torch.Tensor,
    ) -> torch.Tensor:
        """As `Gaussian`'s; writes the entropy of each row, -Σ p log p in nats, to `entropy`, shape (1, rows)."""
        log_probs, products = spare
        torch.sub(outputs, outputs.logsumexp(0), out=log_probs)
        torch.exp(log_probs, out=products).mul_(log_probs)
        torch.sum(products, 0, keepdim=True, out=entropy).neg_()
        return log_probs.gather(0, actions.long()).squeeze(0).sub_(old_log_prob)

    def replace_by_gradient_(
        self,
        outputs: torch.Tensor,
        actions: torch.Tensor,
        pull: torch.Tensor,
        spare: Spare,
        gradient: FlatParameters,
    ) -> None:
        """As `Gaussian`'s. In logit j, log p of action a has the gradient [j = a] - p_j, and the entropy H has
        -p_j · (log p_j + H).
        """
        log_probs, products = spare
        torch.exp(log_probs, out=outputs)
        # p_j · (log p_j + H), where p_j · log p_j is there already, and H is minus its sum.
        products.sub_(outputs * products.sum(0)).mul_(self.entropy_weight)
        outputs.mul_(-pull).add_(products)
        outputs.scatter_add_(0, actions.long(), pull.unsqueeze(0))

    def close_gradient_(self, network: FlatParameters, gradient: FlatParameters, entropy_loss_scale: float) -> None:
        """Nothing: everything depends on samples."""

    def entropy(self, mean: torch.Tensor) -> torch.Tensor:
        """That of the mini-batch's samples, whose mean `log_ratio` gave, in nats, shape ()."""
        return mean


Policy = Gaussian | Categorical


def policy_of(network: FlatParameters, mini_batch: int, entropy_loss_scale: float) -> Policy:
    """The policy of `network`, for a mini-batch of `mini_batch` samples."""
    if network.spec.discrete:
        return Categorical(entropy_loss_scale / mini_batch)
    log_std = clamped_log_std(network)
    return Gaussian(log_std, (-log_std).exp(), log_normaliser(log_std))


def clamped_log_std(network: FlatParameters) -> torch.Tensor:
    """As skrl's Gaussian policy clamps it, shape (act_dim, 1); of shape (0, 1) where the policy is categorical."""
    return network.log_std.clamp(MIN_LOG_STD, MAX_LOG_STD)


def log_normaliser(log_std: torch.Tensor) -> torch.Tensor:
    return log_std.sum() + log_std.numel() * HALF_LOG_2PI
