"""What is known about an environment without making it."""

from __future__ import annotations

from dataclasses import dataclass

from motrix_core.errors import EnvironmentFailed


@dataclass(frozen=True)
class EnvSpec:
    """One line of the catalog.

    Actions are `act_dim` numbers in [act_low, act_high], or, where `n_actions` is not None, one of that many choices:
    a single whole number, so `act_dim` is 1, `act_low` 0 and `act_high` n_actions - 1; anything else raises
    `EnvironmentFailed`.

    `entry` is "module:Class", the `NpEnv` to make. `sims` are the simulators that it runs on, the preferred one first;
    empty when it needs none. `success` says in words when a policy counts as having learned the task, and
    `success_return` is the mean undiscounted episode return from which on it does. `error` is None unless an
    installed plugin could not be read; then the sizes are 0 and `error` says why.
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
        if self.n_actions is None:
            return
        if self.n_actions < 2:
            raise EnvironmentFailed(f"{self.name} has n_actions={self.n_actions}, but a choice needs at least 2")
        if (self.act_dim, self.act_low, self.act_high) != (1, 0, self.n_actions - 1):
            raise EnvironmentFailed(
                f"{self.name} has n_actions={self.n_actions} with act_dim={self.act_dim} and bounds "
                f"[{self.act_low:g}, {self.act_high:g}]",
                mend=f"discrete actions have act_dim=1, act_low=0 and act_high={self.n_actions - 1}",
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
