"""skrl's own agent files as portable checkpoints: `agent_*.pt` of PyTorch, `agent_*.pickle` of JAX.

Both hold modules by name: `policy`, `value`, `optimizer` (`policy_optimizer` and `value_optimizer` on JAX),
`value_preprocessor`, and `observation_preprocessor`, which was `state_preprocessor` before skrl 2. What they do not
hold (the activation function, on JAX the learning rate and Adam's moments) is assumed, and the assumption is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from motrix_core.errors import CheckpointError
from motrix_core.learn.foreign_jax import read_jax
from motrix_core.learn.foreign_networks import Networks, flat_flax, read_networks, same_arrays
from motrix_core.learn.foreign_torch import read_torch
from motrix_core.learn.spec import Arrays, ModelSpec, adam_arrays, scaler_arrays
from motrix_core.runs.files import read_regular
from motrix_core.runs.text import plain

MAX_BYTES = 512 << 20
_SHOWN = 12

_OBSERVATION_SCALERS = ("observation_preprocessor", "state_preprocessor")
_VALUE_SCALER = ("value", "value_preprocessor", 1)
_STATISTICS = ("running_mean", "running_variance", "current_count")


@dataclass(frozen=True)
class Imported:
    """An agent of skrl's.

    Attributes:
        backend: the backend that it was trained on, "torch" or "jax".
        arrays: as in `AgentState`, complete for `spec`.
        learning_rate: Adam's step size; None where the file has none.
        notes: what was assumed or left out, in sentences.
    """

    backend: str
    spec: ModelSpec
    arrays: Arrays
    learning_rate: float | None
    notes: tuple[str, ...]


def read_agent(path: Path) -> Imported:
    """The agent in the file `path`. Nothing in the file is executed, whatever it holds.

    Raises:
        CheckpointError: it cannot be read, is damaged, asks for code, or is not an agent that this project can hold.
        MissingExtra: a library that its format needs is not installed.
    """
    try:
        data = read_regular(path.resolve(), max_bytes=MAX_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        # By content: a name proves nothing.
        return _from_torch(read_torch(data)) if data.startswith(b"PK") else _from_jax(read_jax(data))
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error.message}", mend=error.mend) from error


def _from_torch(modules: Any) -> Imported:
    policy, value = (_flat(_module(modules, role)) for role in ("policy", "value"))
    networks = read_networks(policy, value)
    names = [("policy", name) for name in policy]
    if not same_arrays(policy, value):
        names += [("value", name) for name in value]
    notes = _Notes(modules, networks.spec)
    adam, learning_rate = _torch_adam(modules.get("optimizer"), names, networks, notes)
    arrays = {**networks.parameters, **adam, **_scalers(modules, networks.spec, notes)}
    return Imported("torch", networks.spec, arrays, learning_rate, tuple(notes))


def _from_jax(modules: Any) -> Imported:
    policy, value = (flat_flax(_module(modules, role)) for role in ("policy", "value"))
    networks = read_networks(policy, value)
    notes = _Notes(modules, networks.spec)
    adam = _jax_adam(modules, networks, notes)
    arrays = {**networks.parameters, **adam, **_scalers(modules, networks.spec, notes)}
    return Imported("jax", networks.spec, arrays, None, tuple(notes))


class _Notes(list[str]):
    """What the user should know, in sentences."""

    def __init__(self, modules: Mapping[Any, Any], spec: ModelSpec) -> None:
        super().__init__(["ELU is assumed after every hidden layer: the file does not say which function it is"])
        if spec.discrete:
            self.append(f"its {spec.n_actions} outputs are taken for logits, since it has no log standard deviation")
        known = {"policy", "value", "optimizer", "policy_optimizer", "value_optimizer", "value_preprocessor"}
        unused = [plain(name, limit=40) for name in modules if name not in known | set(_OBSERVATION_SCALERS)]
        if unused:
            self.append(f"left out: {', '.join(unused[:_SHOWN])}")


def _module(modules: Any, name: str) -> Mapping[Any, Any]:
    if not isinstance(modules, dict):
        raise CheckpointError(
            f"it holds a {type(modules).__name__}, not the modules of a skrl agent",
            mend="convert takes agent_*.pt (of PyTorch 1.6 or newer) and agent_*.pickle",
        )
    module = modules.get(name)
    if not isinstance(module, dict) or not module:
        found = ", ".join(plain(key, limit=40) for key in list(modules)[:_SHOWN]) or "nothing"
        raise CheckpointError(f"it has no module {name!r}: it holds {found}", mend="use skrl's whole agent_* file")
    return module


def _flat(module: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    return {str(name): array for name, array in module.items() if isinstance(array, np.ndarray)}


def _torch_adam(
    optimizer: Any, names: list[tuple[str, str]], networks: Networks, notes: list[str]
) -> tuple[Arrays, float | None]:
    """Adam's arrays and the learning rate. PyTorch numbers parameters in the order in which models list them."""
    match optimizer:
        case {"state": dict(state), "param_groups": [dict(group)]}:
            pass
        case _:
            notes.append("the file has no optimizer: Adam starts anew")
            return _no_moments(networks), None
    if group.get("params") != list(range(len(names))):
        raise CheckpointError("its optimizer does not list as many parameters as its networks have")
    learning_rate = _positive(group.get("lr"))
    if not state:
        notes.append("its optimizer has made no step yet: Adam starts anew")
        return _no_moments(networks), learning_rate
    moments: dict[str, Arrays] = {}
    steps: set[int] = set()
    for kind in ("exp_avg", "exp_avg_sq"):
        by_role: dict[str, dict[str, Any]] = {"policy": {}, "value": {}}
        for index, (role, name) in enumerate(names):
            entry = state.get(index)
            by_role[role][name] = entry.get(kind) if isinstance(entry, dict) else None
            steps.add(_count(entry.get("step") if isinstance(entry, dict) else None))
        # One model in both roles is listed once, as the policy.
        value = by_role["value"] or by_role["policy"]
        moments[kind] = {**networks.renamed("value", value), **networks.renamed("policy", by_role["policy"])}
    if len(steps) != 1:
        raise CheckpointError("its optimizer has taken different numbers of steps for different parameters")
    return adam_arrays(moments["exp_avg"], moments["exp_avg_sq"], steps.pop()), learning_rate


def _jax_adam(modules: Mapping[Any, Any], networks: Networks, notes: list[str]) -> Arrays:
    found = {role: _adam_state(modules.get(f"{role}_optimizer")) for role in ("value", "policy")}
    states = {role: state for role, state in found.items() if state is not None}
    # skrl's JAX agents save the optimizer that they began with, not the one that they have stepped.
    if len(states) < 2 or not any(_count(state["count"]) for state in states.values()):
        notes.append("the file has no moments of Adam (skrl does not save them on JAX): Adam starts anew")
        return _no_moments(networks)
    moments: dict[str, Arrays] = {"mu": {}, "nu": {}}
    for role, state in states.items():
        for kind, arrays in moments.items():
            # The policy's come last: with a shared trunk they are the ones that both backends know.
            arrays.update(networks.renamed(role, flat_flax(state[kind])))
    return adam_arrays(moments["mu"], moments["nu"], _count(states["policy"]["count"]))


def _adam_state(tree: Any) -> Mapping[str, Any] | None:
    """Where optax keeps Adam's count and moments: within chains of transformations, at any depth."""
    if not isinstance(tree, dict):
        return None
    if {"count", "mu", "nu"} <= tree.keys():
        return tree
    return next((state for state in map(_adam_state, tree.values()) if state is not None), None)


def _no_moments(networks: Networks) -> Arrays:
    zeros = {name: np.zeros_like(array) for name, array in networks.parameters.items()}
    return adam_arrays(zeros, zeros, 0)


def _scalers(modules: Mapping[Any, Any], spec: ModelSpec, notes: list[str]) -> Arrays:
    present = [name for name in _OBSERVATION_SCALERS if not _missing(modules, name)]
    if len(present) > 1:
        notes.append("left out: state_preprocessor; its states are no observations of this policy")
    arrays: Arrays = {}
    for scaler, name, size in (("observation", present[0] if present else "", spec.obs_dim), _VALUE_SCALER):
        if _missing(modules, name):
            notes.append(f"the file has no scaler of {scaler}s: from now on they are scaled, and clipped to ±5")
            arrays |= scaler_arrays(scaler, np.zeros(size), np.ones(size), 1)
        else:
            arrays |= _scaler(scaler, name, modules[name], size)
    return arrays


def _missing(modules: Mapping[Any, Any], name: str) -> bool:
    return modules.get(name) is None or (isinstance(modules[name], dict) and not modules[name])


def _scaler(scaler: str, name: str, module: Any, size: int) -> Arrays:
    parts = [module.get(part) if isinstance(module, dict) else None for part in _STATISTICS]
    shapes = [part.shape if isinstance(part, np.ndarray) and part.dtype.kind == "f" else None for part in parts]
    if shapes[:2] != [(size,)] * 2 or shapes[2] not in ((), (1,)):
        raise CheckpointError(f"its {name} does not hold a mean, a variance and a count for {size} numbers")
    mean, variance, count = (np.asarray(part, np.float64) for part in parts)
    finite = all(np.isfinite(part).all() for part in (mean, variance, count))
    if not finite or (variance < 0).any() or (count < 1).any():
        raise CheckpointError(f"its {name} holds statistics that no data has")
    return scaler_arrays(scaler, mean, variance, count)


def _count(value: Any) -> int:
    number = _number(value)
    if number is None or number < 0 or number != int(number):
        raise CheckpointError("its optimizer's number of steps is not a number")
    return int(number)


def _positive(value: Any) -> float:
    number = _number(value)
    if number is None or number <= 0:
        raise CheckpointError("its learning rate is not a positive number")
    return number


def _number(value: Any) -> float | None:
    """A finite number from a number or an array of one."""
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu":
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # An integer from a file may be too large for a float.
    return float(value) if abs(value) <= 2**53 else None
