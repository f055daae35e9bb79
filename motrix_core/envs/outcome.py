"""What a task makes of a step, and whether it is what the learner can take.

A shape that NumPy would broadcast, or a term that is a plain number, would otherwise show up far from the line that is
wrong, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import EnvironmentFailed

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_MENDS = {
    "obs": "the spec has obs_dim numbers for each of num_envs environments",
    "term": "it is a number for each environment: np.full(self.num_envs, value, np.float32) if all have the same",
}


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


def check_outcome(outcome: Outcome, spec: EnvSpec, num_envs: int) -> None:
    """Raise `EnvironmentFailed`, with the mend, for an array of `outcome` that is of another shape or kind."""
    rows = (num_envs,)
    _check("obs", outcome.obs, (num_envs, spec.obs_dim), spec, _MENDS["obs"])
    _check("reward", outcome.reward, rows, spec)
    ends = {"terminated": outcome.terminated}
    if outcome.truncated is not None:
        ends["truncated"] = outcome.truncated
    for name, ended in ends.items():
        _check(name, ended, rows, spec)
        if ended.dtype != np.bool_:
            raise EnvironmentFailed(
                f"{spec.name}: update_state() gave {name} of {ended.dtype}, but bool is needed",
                mend="make it a comparison, or .astype(bool)",
            )
    for group, terms in (("reward_terms", outcome.reward_terms), ("metrics", outcome.metrics)):
        for name, values in terms.items():
            _check(f"{group}[{name!r}]", values, rows, spec, _MENDS["term"])


def check_first_obs(obs: object, spec: EnvSpec, count: int) -> None:
    """Raise `EnvironmentFailed` unless `obs` are what `reset` owes for `count` environments."""
    if not isinstance(obs, np.ndarray) or obs.shape != (count, spec.obs_dim):
        raise EnvironmentFailed(
            f"{spec.name}: reset() gave {_shown(obs)} for {count} environments, but {(count, spec.obs_dim)} is needed",
            mend="return the observations of the environments in rows, obs_dim numbers for each",
        )


def _check(name: str, found: Any, shape: tuple[int, ...], spec: EnvSpec, mend: str | None = None) -> None:
    if not isinstance(found, np.ndarray) or found.shape != shape:
        raise EnvironmentFailed(
            f"{spec.name}: update_state() gave {name} of {_shown(found)}, but {shape} is needed", mend=mend
        )


def _shown(found: object) -> str:
    return f"shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
