"""Which of our parameters each parameter of a foreign network is, told by names and shapes.

Understood are a numbered stack of linear layers ("layers.0", "net.0", "net.2", "Dense_0", …), in which the last one is
the output unless an output of its own is named, and a policy's log standard deviation. A policy without one is
categorical, if it has more than one output. Anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from motrix_core.errors import CheckpointError
from motrix_core.learn.spec import Arrays, ModelSpec
from motrix_core.runs.text import plain

_OUTPUTS = {
    "policy": ("mean", "mean_layer", "policy_mean", "policy_layer", "mu", "logits", "logits_layer", "policy_logits"),
    "value": ("out", "value_out", "value_layer", "value"),
}
_LOG_STD = re.compile(r"(?:.*_)?log_std(?:_parameter)?")
_NUMBERED = re.compile(r"(.*?)_?(\d{1,4})")
_SHOWN = 12


@dataclass(frozen=True)
class Networks:
    """The networks of an agent.

    Attributes:
        spec: their sizes.
        parameters: under neutral names, float32.
        names: role → foreign name → neutral name.
    """

    spec: ModelSpec
    parameters: Arrays
    names: dict[str, dict[str, str]]

    def renamed(self, role: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
        """`arrays`, by the foreign names of `role`, under neutral names; those of no use are left out.

        Raises:
            CheckpointError: one is missing or has another shape than its parameter.
        """
        found: Arrays = {}
        for foreign, neutral in self.names[role].items():
            array = arrays.get(foreign)
            if not isinstance(array, np.ndarray) or array.shape != self.parameters[neutral].shape:
                raise CheckpointError(f"its optimizer does not fit its networks at {plain(foreign, limit=80)}")
            found[neutral] = _float32(neutral, array)
        return found


def flat_flax(tree: Any) -> dict[str, np.ndarray]:
    """A tree of Flax parameters as one level of names as PyTorch has them, weights as (out, in)."""
    flat: dict[str, np.ndarray] = {}

    def add(branch: Mapping[Any, Any], path: tuple[str, ...]) -> None:
        for key, entry in branch.items():
            if isinstance(entry, dict):
                add(entry, (*path, str(key)))
            elif isinstance(entry, np.ndarray):
                name = "weight" if key == "kernel" else str(key)
                flat[".".join((*path, name))] = entry.T if key == "kernel" and entry.ndim == 2 else entry

    inner = tree.get("params", tree) if isinstance(tree, dict) else {}
    add(inner if isinstance(inner, dict) else {}, ())
    return flat


def read_networks(policy: Mapping[str, np.ndarray], value: Mapping[str, np.ndarray]) -> Networks:
    """The networks whose parameters are `policy` and `value`, by foreign names, weights as (out, in).

    Raises:
        CheckpointError: they are built in another way than this project's; the message has the names found.
    """
    parts = {"policy": _parts("policy", policy), "value": _parts("value", value)}
    layers = {role: [part for part in found if part.startswith("layers.")] for role, found in parts.items()}
    shared = same_arrays(policy, value) and layers["policy"] == layers["value"]
    names: dict[str, dict[str, str]] = {"policy": {}, "value": {}}
    parameters: Arrays = {}
    for role, arrays in (("policy", policy), ("value", value)):
        for part, foreign in parts[role].items():
            stem = "trunk" if shared and part.startswith("layers.") else role
            names[role][foreign] = neutral = f"{stem}.{part}"
            parameters[neutral] = _float32(neutral, arrays[foreign])
    spec = _spec(parameters, {role: len(found) // 2 for role, found in layers.items()}, shared)
    return Networks(spec, {name: parameters[name] for name in spec.shapes()}, names)


def same_arrays(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether both are one model, which skrl saves once for each of its roles."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def _parts(role: str, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Our name within the role ("layers.0.weight", "mean.bias", "log_std", "logits.bias") → the foreign name."""
    stacks: dict[str, dict[int, str]] = {}
    outputs: list[str] = []
    log_std: list[str] = []
    for name in arrays:
        stem, _, kind = str(name).rpartition(".")
        key = stem.replace(".", "_")
        if _LOG_STD.fullmatch(str(name).replace(".", "_")):
            log_std.append(name)
        elif kind == "weight" and (numbered := _NUMBERED.fullmatch(key)):
            stacks.setdefault(numbered[1], {})[int(numbered[2])] = stem
        elif kind == "weight" and key in _OUTPUTS[role]:
            outputs.append(stem)
        elif kind not in ("weight", "bias") or (kind == "weight" and key not in _all_outputs()):
            raise _unknown(role, arrays)
    if len(stacks) != 1 or len(outputs) > 1 or (role == "policy" and len(log_std) > 1):
        raise _unknown(role, arrays)
    (stack,) = stacks.values()
    hidden = [stack[index] for index in sorted(stack)]
    output = outputs[0] if outputs else hidden.pop()
    if not hidden:
        raise _unknown(role, arrays)
    head = "out" if role == "value" else "mean" if log_std else "logits"
    ours = [*(f"layers.{index}" for index in range(len(hidden))), head]
    linear = zip(ours, [*hidden, output], strict=True)
    found = {f"{our}.{kind}": f"{stem}.{kind}" for our, stem in linear for kind in ("weight", "bias")}
    if role == "policy" and log_std:
        found["log_std"] = log_std[0]
    if any(foreign not in arrays for foreign in found.values()):
        raise _unknown(role, arrays)
    if head == "logits" and arrays[found["logits.bias"]].size < 2:
        raise _unknown(role, arrays)
    return found


def _all_outputs() -> tuple[str, ...]:
    # A model in both roles has the other role's output too.
    return _OUTPUTS["policy"] + _OUTPUTS["value"]


def _spec(parameters: Arrays, counts: Mapping[str, int], shared: bool) -> ModelSpec:
    stems = {"policy": "trunk", "value": "trunk"} if shared else {"policy": "policy", "value": "value"}
    weights = {
        role: [parameters[f"{stem}.layers.{index}.weight"] for index in range(counts[role])]
        for role, stem in stems.items()
    }
    if any(weight.ndim != 2 for role in weights for weight in weights[role]):
        raise CheckpointError("its networks have layers that are not linear, which this project's cannot hold")
    hidden = {role: tuple(weight.shape[0] for weight in found) for role, found in weights.items()}
    logits = parameters.get("policy.logits.bias")
    spec = ModelSpec(
        obs_dim=weights["policy"][0].shape[1],
        act_dim=parameters["policy.log_std"].size if logits is None else 1,
        policy_hidden=hidden["policy"],
        value_hidden=hidden["value"],
        shared=shared,
        n_actions=None if logits is None else logits.size,
    )
    for name, shape in spec.shapes().items():
        if parameters[name].shape != shape:
            raise CheckpointError(
                f"its networks are not plain stacks of layers over the same observations: {name} would be {shape}, "
                f"but is {parameters[name].shape}"
            )
    return spec


def _float32(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f" or not np.isfinite(array).all():
        raise CheckpointError(f"its {name} holds something else than finite numbers")
    return np.ascontiguousarray(array, np.float32).reshape(array.shape)


def _unknown(role: str, names: Iterable[Any]) -> CheckpointError:
    found = [plain(name, limit=60) for name in names]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    listed = ", ".join(found[:_SHOWN]) or "nothing"
    return CheckpointError(
        f"its {role} is not built of one numbered stack of linear layers: it has {listed}{more}",
        mend=f"rename them before saving, for example layers.0.weight and {_OUTPUTS[role][0]}.weight",
    )
