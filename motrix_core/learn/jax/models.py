"""The networks: a policy and a deterministic value function.

The policy is Gaussian with a state-independent standard deviation, or categorical where actions are choices.

Modules are named so that a parameter's path in Flax's tree follows from its neutral name; see `flax_path`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from skrl.models.jax import CategoricalMixin, DeterministicMixin, GaussianMixin, Model

from motrix_core.learn.spec import Arrays, ModelSpec

Inputs = dict[str, jax.Array]


def layers(x: jax.Array, prefix: str, hidden: tuple[int, ...]) -> jax.Array:
    """Hidden layers with ELU after each. To be called in a Flax module's compact method."""
    for index, size in enumerate(hidden):
        x = nn.elu(nn.Dense(size, name=f"{prefix}layers_{index}")(x))
    return x


def policy_head(module: nn.Module, x: jax.Array, prefix: str, actions: int) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Mean and log standard deviation of the actions."""
    log_std = module.param(f"{prefix}log_std", lambda _: jnp.zeros(actions))
    return nn.Dense(actions, name=f"{prefix}mean")(x), {"log_std": log_std}


def logits_head(x: jax.Array, prefix: str, actions: int) -> tuple[jax.Array, dict[str, jax.Array]]:
    """A logit for each choice."""
    return nn.Dense(actions, name=f"{prefix}logits")(x), {}


def value_head(x: jax.Array, prefix: str) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The value of a state."""
    return nn.Dense(1, name=f"{prefix}out")(x), {}


class Policy(GaussianMixin, Model):
    """observations (N, obs_dim) → mean actions (N, act_dim)."""

    spec: ModelSpec | None = None

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.spec = spec
        GaussianMixin.__init__(self)

    @nn.compact
    def __call__(self, inputs: Inputs, role: str = "") -> tuple[jax.Array, dict[str, jax.Array]]:
        x = layers(inputs["observations"], "", self.spec.policy_hidden)
        return policy_head(self, x, "", self.spec.act_dim)


class EntropyMixin(CategoricalMixin):
    """skrl's categorical policy, which gives the entropy that the agent asks for.

    skrl's agent asks for the entropy of `outputs["stddev"]`, which skrl's own categorical policy fills with NaN. So
    that output is the entropy of each row in nats, (N, 1), and `get_entropy` hands it back.
    """

    def act(self, inputs: Inputs, *, role: str = "", params: Any = None) -> tuple[jax.Array, dict[str, Any]]:
        actions, outputs = super().act(inputs, role=role, params=params)
        log_probs = jax.nn.log_softmax(outputs["net_output"])
        outputs["stddev"] = -(jnp.exp(log_probs) * log_probs).sum(-1, keepdims=True)
        return actions, outputs

    def get_entropy(self, stddev: jax.Array, *, role: str = "") -> jax.Array:
        return stddev


class CategoricalPolicy(EntropyMixin, Model):
    """observations (N, obs_dim) → logits (N, n_actions)."""

    spec: ModelSpec | None = None

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.spec = spec
        EntropyMixin.__init__(self)

    @nn.compact
    def __call__(self, inputs: Inputs, role: str = "") -> tuple[jax.Array, dict[str, jax.Array]]:
        x = layers(inputs["observations"], "", self.spec.policy_hidden)
        return logits_head(x, "", self.spec.policy_outputs)


class Value(DeterministicMixin, Model):
    """observations (N, obs_dim) → values (N, 1)."""

    spec: ModelSpec | None = None

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.spec = spec
        DeterministicMixin.__init__(self)

    @nn.compact
    def __call__(self, inputs: Inputs, role: str = "") -> tuple[jax.Array, dict[str, jax.Array]]:
        x = layers(inputs["observations"], "", self.spec.value_hidden)
        return value_head(x, "")


class PolicyValue(GaussianMixin, Model):
    """Policy and value on one trunk, in both of skrl's roles.

    skrl's JAX agent does not know that both roles are one model: in every mini-batch its policy optimiser steps trunk
    and policy, then its value optimiser steps trunk and value, each clipping its own gradient. (On PyTorch, skrl steps
    once along the joint gradient.) The parameters that a role does not use have gradient 0 and so stay put.
    """

    spec: ModelSpec | None = None

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.spec = spec
        # skrl's DeterministicMixin cannot come too: either mixin's __init__ freezes the module for the other's.
        GaussianMixin.__init__(self)

    def act(self, inputs: Inputs, *, role: str = "", params: Any = None) -> tuple[jax.Array, dict[str, Any]]:
        if role == "policy":
            return GaussianMixin.act(self, inputs, role=role, params=params)
        return self.apply(self.state_dict.params if params is None else params, inputs, role)

    @nn.compact
    def __call__(self, inputs: Inputs, role: str = "") -> tuple[jax.Array, dict[str, jax.Array]]:
        features = layers(inputs["observations"], "trunk_", self.spec.policy_hidden)
        mean, outputs = policy_head(self, features, "policy_", self.spec.act_dim)
        value, _ = value_head(features, "value_")
        return (mean, outputs) if role == "policy" else (value, {})


class CategoricalPolicyValue(EntropyMixin, Model):
    """`PolicyValue` with a categorical policy."""

    spec: ModelSpec | None = None

    def __init__(self, spec: ModelSpec, **spaces: Any) -> None:
        Model.__init__(self, **spaces)
        self.spec = spec
        EntropyMixin.__init__(self)

    def act(self, inputs: Inputs, *, role: str = "", params: Any = None) -> tuple[jax.Array, dict[str, Any]]:
        if role == "policy":
            return EntropyMixin.act(self, inputs, role=role, params=params)
        return self.apply(self.state_dict.params if params is None else params, inputs, role)

    @nn.compact
    def __call__(self, inputs: Inputs, role: str = "") -> tuple[jax.Array, dict[str, jax.Array]]:
        features = layers(inputs["observations"], "trunk_", self.spec.policy_hidden)
        logits, _ = logits_head(features, "policy_", self.spec.policy_outputs)
        value, _ = value_head(features, "value_")
        return (logits, {}) if role == "policy" else (value, {})


def build_models(spec: ModelSpec, spaces: dict[str, Any]) -> dict[str, Model]:
    """skrl's "policy" and "value". `spaces` has observation_space, action_space and device."""
    if spec.shared:
        model = (CategoricalPolicyValue if spec.discrete else PolicyValue)(spec, **spaces)
        models = {"policy": model, "value": model}
    else:
        policy = CategoricalPolicy if spec.discrete else Policy
        models = {"policy": policy(spec, **spaces), "value": Value(spec, **spaces)}
    for role, model in models.items():
        model.init_state_dict({"observations": jnp.zeros((1, spec.obs_dim))}, role=role)
    return models


def get_draws(policy: Model) -> tuple[np.ndarray, int]:
    """What skrl draws a policy's next actions from: a key, and how many draws were made of it."""
    prefix = _draws_prefix(policy)
    return np.array(getattr(policy, f"{prefix}_key")), getattr(policy, f"{prefix}_i")


def set_draws(policy: Model, key: jax.Array | None, draws: int) -> None:
    """Continue from `get_draws`; without `key` from the one that is there."""
    prefix = _draws_prefix(policy)
    if key is not None:
        setattr(policy, f"{prefix}_key", key)
    setattr(policy, f"{prefix}_i", draws)


def _draws_prefix(policy: Model) -> str:
    return "_c" if isinstance(policy, CategoricalMixin) else "_g"


def flax_path(name: str, spec: ModelSpec) -> tuple[str, tuple[str, ...]]:
    """The role and the path in that role's parameter tree of the parameter called `name`.

    With separate networks "policy.layers.0.weight" is ("policy", ("params", "layers_0", "kernel")); with a shared
    trunk "trunk.layers.0.weight" is ("policy", ("params", "trunk_layers_0", "kernel")).
    """
    role = "value" if name.startswith("value.") else "policy"
    parts = name.split(".") if spec.shared else name.split(".")[1:]
    leaf = {"weight": "kernel", "bias": "bias"}.get(parts[-1])
    if leaf is None:
        return role, ("params", "_".join(parts))
    return role, ("params", "_".join(parts[:-1]), leaf)


def get_leaf(tree: Mapping[str, Any], name: str, spec: ModelSpec) -> np.ndarray:
    """A copy of `name`'s array in `tree`, a tree of the shape of its role's parameters, as (out, in)."""
    leaf: Any = tree
    for key in flax_path(name, spec)[1]:
        leaf = leaf[key]
    array = np.array(leaf, np.float32)
    return np.ascontiguousarray(array.T) if name.endswith(".weight") else array


def build_tree(arrays: Mapping[str, np.ndarray], role: str, spec: ModelSpec, device: jax.Device) -> dict[str, Any]:
    """A tree of the shape of `role`'s parameters; what `arrays` (by neutral name, (out, in)) lacks is 0."""
    tree: dict[str, Any] = {}
    for name, shape in spec.shapes().items():
        owner, path = flax_path(name, spec)
        if owner != role and not spec.shared:
            continue
        array = np.asarray(arrays[name] if name in arrays else np.zeros(shape), np.float32)
        branch = tree
        for key in path[:-1]:
            branch = branch.setdefault(key, {})
        branch[path[-1]] = jax.device_put(np.array(array.T if name.endswith(".weight") else array, order="C"), device)
    return tree


def get_parameters(models: dict[str, Model], spec: ModelSpec) -> Arrays:
    """Copies of all parameters, float32, under their neutral names."""
    return {name: get_leaf(models[flax_path(name, spec)[0]].state_dict.params, name, spec) for name in spec.shapes()}


def set_parameters(models: dict[str, Model], spec: ModelSpec, arrays: Mapping[str, np.ndarray]) -> None:
    """Replace all parameters by those of `arrays`."""
    for role, model in models.items():
        model.state_dict = model.state_dict.replace(params=build_tree(arrays, role, spec, model.device))
