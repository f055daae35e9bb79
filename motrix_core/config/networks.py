"""How large the networks of a configuration are, without making them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

Role = Literal["policy", "value", "shared"]


def network_parameters(role: Role, hidden: Sequence[int], *, observations: int, outputs: int, gaussian: bool) -> int:
    """Numbers that training adjusts in a network with the `hidden` layers: weights, biases and, where the policy is
    `gaussian`, its log standard deviations.

    `outputs` is the policy's: action dimensions, or choices. "shared" is a policy and a value function on one trunk.
    """
    layers = [observations, *hidden]
    count = sum((inputs + 1) * units for inputs, units in pairwise(layers))
    if role in ("policy", "shared"):
        count += (layers[-1] + 1) * outputs + (outputs if gaussian else 0)
    if role in ("value", "shared"):
        count += layers[-1] + 1
    return count
