"""What is known about an environment without making it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

from motrix_core.envs.names import ENV_RULE, check_env_name
from motrix_core.errors import EnvironmentFailed

_LARGEST_ACTION = 3.4028234663852886e38
"""float32's, as `numpy.finfo` gives it."""


@dataclass(frozen=True)
class EnvSpec:
    """One line of the catalog.

    Actions are `act_dim` numbers in [act_low, act_high], or, where `n_actions` is not None, one of that many choices:
    a single whole number, so `act_dim` is 1, `act_low` 0 and `act_high` n_actions - 1. Sizes are whole numbers of 1 or
    more, and 0 < `sim_dt_s` ≤ `ctrl_dt_s` ≤ `episode_s`; `name` is one that `check_env_name` takes, and what describes
    is text. Anything else raises `EnvironmentFailed`. Actions are float32, so a bound beyond its largest number is
    none, and becomes infinite.

    `entry` is "module:Class", the `NpEnv` to make. `sims` are the simulators that it runs on, the preferred one first;
    empty when it needs none. `success` says in words when a policy counts as having learned the task, and
    `success_return` is the mean undiscounted episode return from which on it does. `error` is None unless what an
    installed plugin or a user brings could not be read; then the sizes are 0 and `error` says why.
    """

    name: str
    title: str
    description: str
    obs_dim: int
    act_dim: int
    act_low: float
    act_high: float
    sims: tuple[str, ...]
    episode_s: float
    ctrl_dt_s: float
    sim_dt_s: float
    success: str
    success_return: float | None
    entry: str
    origin: str = "motrix-tui"
    error: str | None = None
    n_actions: int | None = None

    def __post_init__(self) -> None:
        if self.error is None:
            self._check()
        for name in ("act_low", "act_high"):
            if abs(bound := getattr(self, name)) > _LARGEST_ACTION:
                object.__setattr__(self, name, math.copysign(math.inf, bound))
        if self.n_actions is None:
            return
        if not _is_whole(self.n_actions, 2):
            raise EnvironmentFailed(f"{self.name} has n_actions={self.n_actions!r:.80}, but a choice needs at least 2")
        if (self.act_dim, self.act_low, self.act_high) != (1, 0, self.n_actions - 1):
            raise EnvironmentFailed(
                f"{self.name} has n_actions={self.n_actions} with act_dim={self.act_dim} and bounds "
                f"[{self.act_low:g}, {self.act_high:g}]",
                mend=f"discrete actions have act_dim=1, act_low=0 and act_high={self.n_actions - 1}",
            )

    def _check(self) -> None:
        for name in ("name", "title", "description", "success", "entry", "origin"):
            if not isinstance(getattr(self, name), str):
                raise self._wrong(name, "must be a text")
        try:
            check_env_name(self.name)
        except ValueError:
            raise self._wrong("name", ENV_RULE) from None
        for name in ("obs_dim", "act_dim"):
            if not _is_whole(getattr(self, name), 1):
                raise self._wrong(name, "must be a whole number of 1 or more")
        for name in ("act_low", "act_high", "episode_s", "ctrl_dt_s", "sim_dt_s"):
            if not _is_number(getattr(self, name)):
                raise self._wrong(name, "must be a number")
        if self.success_return is not None and not (
            _is_number(self.success_return) and math.isfinite(self.success_return)
        ):
            raise self._wrong("success_return", "must be a finite number, or None where it is not known")
        # The bounds of choices follow from their number, which is looked at by itself.
        if self.n_actions is None and not self.act_low < self.act_high:
            raise self._wrong("act_low", f"must be below act_high={self.act_high:g}")
        if not 0.0 < self.sim_dt_s <= self.ctrl_dt_s:
            raise self._wrong("sim_dt_s", f"must be above 0 and at most ctrl_dt_s={self.ctrl_dt_s:g}")
        if not self.ctrl_dt_s <= self.episode_s < math.inf:
            raise self._wrong("episode_s", f"must be finite and at least ctrl_dt_s={self.ctrl_dt_s:g}")
        if not isinstance(self.sims, (tuple, list)) or not all(isinstance(sim, str) for sim in self.sims):
            raise self._wrong("sims", 'must be a tuple of simulators, such as ("mujoco",), or () if it needs none')

    def _wrong(self, field: str, rule: str) -> EnvironmentFailed:
        return EnvironmentFailed(f"EnvSpec {self.name!r:.80} has {field}={getattr(self, field)!r:.80}, which {rule}")

    @classmethod
    def unusable(cls, name: str, origin: str, error: str) -> EnvSpec:
        """What stands in a list for the environment `name` of `origin`, which `error` keeps from being used."""
        return cls(
            name=name,
            title=name,
            description=f"cannot be used: {error}",
            obs_dim=0,
            act_dim=0,
            act_low=0.0,
            act_high=0.0,
            sims=(),
            episode_s=0.0,
            ctrl_dt_s=0.0,
            sim_dt_s=0.0,
            success="",
            success_return=None,
            entry="",
            origin=origin,
            error=error,
        )

    @property
    def actions(self) -> str:
        """What an action is, in few words: "6 in [-1, 1]" or "3 discrete"."""
        if self.n_actions is not None:
            return f"{self.n_actions} discrete"
        return f"{self.act_dim} in [{self.act_low:g}, {self.act_high:g}]"

    @property
    def substeps(self) -> int:
        """Simulation steps in a control step."""
        return round(self.ctrl_dt_s / self.sim_dt_s)

    @property
    def max_episode_steps(self) -> int:
        """Control steps after which an episode is truncated."""
        return round(self.episode_s / self.ctrl_dt_s)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)
