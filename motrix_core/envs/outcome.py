"""What a task makes of a step, and whether it is what the learner can take.

A shape that NumPy would broadcast, or a term that is a plain number, would otherwise show up far from the line that is
wrong, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.blame import place_of_code
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_MENDS = {
    "obs": "the spec has obs_dim numbers for each of num_envs environments",
    "term": "it is a number for each environment: np.full(self.num_envs, value, np.float32) if all have the same",
    "numbers": "make it an array of numbers, .astype(np.float32)",
    "ends": "make it a comparison, or .astype(bool)",
    "state": "give each a name and an array that is a copy, such as self.position.copy()",
}
_NUMBERS = "fiub"
_SAVED = "fiubc"
"""Kinds of NumPy's types: what a learner takes, and what a checkpoint holds."""


@dataclass
class Outcome:
    """What a task makes of the physics after a step; rows as in `NpEnvState`."""

    obs: FloatArray
    reward: FloatArray
    terminated: BoolArray
    reward_terms: dict[str, FloatArray] = field(default_factory=dict)
    metrics: dict[str, FloatArray] = field(default_factory=dict)
    truncated: BoolArray | None = None
    """Only where the task itself knows which episodes its time limit has ended; None leaves it to `cfg`."""


def check_outcome(outcome: object, spec: EnvSpec, num_envs: int, code: Callable[..., Any]) -> None:
    """Raise `EnvironmentFailed`, with the mend, unless `outcome`, which `code` gave, has arrays of the right kinds."""
    told = _Told(spec, code, "update_state()")
    if not isinstance(outcome, Outcome):
        raise told.wrong(f"a {type(outcome).__name__}", "an Outcome", "end it with return Outcome(obs=…, …)")
    rows = (num_envs,)
    told.check("obs", outcome.obs, (num_envs, spec.obs_dim), _MENDS["obs"])
    told.check("reward", outcome.reward, rows)
    told.check("terminated", outcome.terminated, rows, kinds="b")
    if outcome.truncated is not None:
        told.check("truncated", outcome.truncated, rows, kinds="b")
    for group, terms in (("reward_terms", outcome.reward_terms), ("metrics", outcome.metrics)):
        if not isinstance(terms, Mapping) or not all(isinstance(name, str) for name in terms):
            found = f"the keys {list(terms)!r:.80}" if isinstance(terms, Mapping) else f"a {type(terms).__name__}"
            raise told.wrong(f"{group} with {found}", "a dictionary of names and arrays", "name each term by a text")
        for name, values in terms.items():
            told.check(f"{group}[{name!r}]", values, rows, _MENDS["term"])


def check_first_obs(obs: object, spec: EnvSpec, count: int, code: Callable[..., Any]) -> None:
    """Raise `EnvironmentFailed` unless `obs`, which `code` gave, are what `reset` owes for `count` environments."""
    told = _Told(spec, code, "reset()")
    if not isinstance(obs, np.ndarray) or obs.shape != (count, spec.obs_dim):
        raise told.wrong(
            f"{_shown(obs)} for {count} environments",
            str((count, spec.obs_dim)),
            "return the observations of the environments in rows, obs_dim numbers for each",
        )
    told.check("obs", obs, obs.shape)


def check_task_state(state: object, spec: EnvSpec, code: Callable[..., Any]) -> None:
    """Raise `EnvironmentFailed` unless `state`, which `code` gave, is what a checkpoint can hold."""
    told = _Told(spec, code, "get_task_state()")
    if not isinstance(state, Mapping):
        raise told.wrong(f"a {type(state).__name__}", "a dictionary of names and arrays", _MENDS["state"])
    for name, values in state.items():
        if not isinstance(name, str) or np.asarray(values).dtype.kind not in _SAVED:
            kind = f"{values.dtype}" if isinstance(values, np.ndarray) else type(values).__name__
            raise told.wrong(f"{name!r:.80} of {kind}", "an array of numbers under a name", _MENDS["state"])


@dataclass(frozen=True)
class _Told:
    """What `method` of the environment `spec`, whose own code is `code`, gave: the errors about it."""

    spec: EnvSpec
    code: Callable[..., Any]
    method: str

    def check(
        self, name: str, found: Any, shape: tuple[int, ...], mend: str | None = None, *, kinds: str = _NUMBERS
    ) -> None:
        if not isinstance(found, np.ndarray) or found.shape != shape:
            raise self.wrong(f"{name} of {_shown(found)}", str(shape), mend)
        if found.dtype.kind not in kinds:
            needed, mend = ("bool is", _MENDS["ends"]) if kinds == "b" else ("numbers are", _MENDS["numbers"])
            raise self._error(f"{name} of {found.dtype}, but {needed} needed", mend)

    def wrong(self, found: str, needed: str, mend: str | None) -> EnvironmentFailed:
        return self._error(f"{found}, but {needed} is needed", mend)

    def _error(self, told: str, mend: str | None) -> EnvironmentFailed:
        # Of our own tasks and adapters the name says more than the place.
        place = place_of_code(self.code)
        where = f"{place}: " if place is not None else ""
        return EnvironmentFailed(f"{where}{self.spec.name}: {self.method} gave {told}", mend=mend)


def _shown(found: object) -> str:
    return f"shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
