"""The networks: a policy and a deterministic value function.

The policy is Gaussian with a state-independent standard deviation, or categorical where actions are choices.

Attributes are named so that `state_dict()` gives the neutral names of `spec.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from skrl.models.torch import CategoricalMixin, DeterministicMixin, GaussianMixin, Model
from torch import nn

from motrix_core.learn.spec import Arrays, ModelSpec

Inputs = dict[str, torch.Tensor]


def make_layers(inputs: int, hidden: tuple[int, ...]) -> nn.ModuleList:
    """Hidden layers, of `hidden` units each."""
    return nn.ModuleList(nn.Linear(size, outputs) for size, outputs in zip((inputs, *hidden), hidden, strict=False))


def run_layers(x: torch.Tensor, layers: nn.ModuleList) -> torch.Tensor:
    """Hidden layers with ELU after each."""
    for layer in layers:
        x = nn.functional.elu(layer(x))
    return x


class Policy(GaussianMixin, Model):
    """observations (N, obs_dim) → mean actions (N, act_dim)."""

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        GaussianMixin.__init__(self)
        self.layers = make_layers(spec.obs_dim, spec.policy_hidden)
        self.mean = nn.Linear(spec.policy_hidden[-1], spec.act_dim)
        self.log_std = nn.Parameter(torch.zeros(spec.act_dim))

    def compute(self, inputs: Inputs, role: str = "") -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        x = run_layers(inputs["observations"], self.layers)
        return self.mean(x), {"log_std": self.log_std}


class CategoricalPolicy(CategoricalMixin, Model):
    """observations (N, obs_dim) → logits (N, n_actions)."""

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        CategoricalMixin.__init__(self)
        self.layers = make_layers(spec.obs_dim, spec.policy_hidden)
        self.logits = nn.Linear(spec.policy_hidden[-1], spec.policy_outputs)

    def compute(self, inputs: Inputs, role: str = "") -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.logits(run_layers(inputs["observations"], self.layers)), {}


class Value(DeterministicMixin, Model):
    """observations (N, obs_dim) → values (N, 1)."""

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.layers = make_layers(spec.obs_dim, spec.value_hidden)
        self.out = nn.Linear(spec.value_hidden[-1], 1)

    def compute(self, inputs: Inputs, role: str = "") -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        x = run_layers(inputs["observations"], self.layers)
        return self.out(x), {}


class SharedTrunk(DeterministicMixin, Model):
    """Policy and value on one trunk, in both of skrl's roles.

    skrl sees that both roles are one model and steps it by one optimiser along the joint gradient.
    """

    policy_mixin: type
    """skrl's for the kind of policy that a subclass adds."""

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.policy_mixin.__init__(self)
        DeterministicMixin.__init__(self)
        self.trunk, self.policy, self.value = nn.Module(), nn.Module(), nn.Module()
        self.trunk.layers = make_layers(spec.obs_dim, spec.policy_hidden)
        self.add_policy_head(spec)
        self.value.out = nn.Linear(spec.value_hidden[-1], 1)
        self._features: tuple[torch.Tensor, torch.Tensor] | None = None

    def add_policy_head(self, spec: ModelSpec) -> None:
        raise NotImplementedError

    def policy_head(self, features: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        raise NotImplementedError

    def act(self, inputs: Inputs, *, role: str = "") -> tuple[torch.Tensor, dict[str, Any]]:
        mixin = self.policy_mixin if role == "policy" else DeterministicMixin
        return mixin.act(self, inputs, role=role)

    def compute(self, inputs: Inputs, role: str = "") -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        observations = inputs["observations"]
        if role == "policy":
            features = run_layers(observations, self.trunk.layers)
            self._features = (observations, features)
            return self.policy_head(features)
        # skrl asks for the value right after the policy: the same observations need not go through the trunk twice.
        known, self._features = self._features, None
        if known is not None and known[0] is observations:
            return self.value.out(known[1]), {}
        return self.value.out(run_layers(observations, self.trunk.layers)), {}


class PolicyValue(SharedTrunk, GaussianMixin):
    """A Gaussian policy on a shared trunk."""

    policy_mixin = GaussianMixin

    def add_policy_head(self, spec: ModelSpec) -> None:
        self.policy.mean = nn.Linear(spec.policy_hidden[-1], spec.act_dim)
        self.policy.log_std = nn.Parameter(torch.zeros(spec.act_dim))

    def policy_head(self, features: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.policy.mean(features), {"log_std": self.policy.log_std}


class CategoricalPolicyValue(SharedTrunk, CategoricalMixin):
    """A categorical policy on a shared trunk."""

    policy_mixin = CategoricalMixin

    def add_policy_head(self, spec: ModelSpec) -> None:
        self.policy.logits = nn.Linear(spec.policy_hidden[-1], spec.policy_outputs)

    def policy_head(self, features: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.policy.logits(features), {}


def build_models(spec: ModelSpec, spaces: dict[str, Any]) -> dict[str, Model]:
    """skrl's "policy" and "value". `spaces` has observation_space, action_space and device."""
    if spec.shared:
        model = (CategoricalPolicyValue if spec.discrete else PolicyValue)(spec, **spaces)
        return {"policy": model, "value": model}
    policy = CategoricalPolicy if spec.discrete else Policy
    return {"policy": policy(spec, **spaces), "value": Value(spec, **spaces)}


def named_parameters(models: dict[str, Model]) -> dict[str, nn.Parameter]:
    """Neutral name → live parameter."""
    policy, value = models["policy"], models["value"]
    if policy is value:
        return dict(policy.named_parameters())
    return {
        f"{role}.{name}": parameter for role, model in models.items() for name, parameter in model.named_parameters()
    }


def get_parameters(models: dict[str, Model], spec: ModelSpec) -> Arrays:
    """Copies of all parameters, float32, under their neutral names."""
    parameters = named_parameters(models)
    return {name: parameters[name].detach().cpu().numpy().copy() for name in spec.shapes()}


def set_parameters(models: dict[str, Model], spec: ModelSpec, arrays: Mapping[str, np.ndarray]) -> None:
    """Replace all parameters by those of `arrays`."""
    parameters = named_parameters(models)
    with torch.no_grad():
        for name in spec.shapes():
            parameters[name].copy_(torch.tensor(arrays[name]))
