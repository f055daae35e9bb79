"""What is known about an environment without making it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EnvSpec:
    """One line of the catalog.

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

    @property
    def substeps(self) -> int:
        """Simulation steps in a control step."""
        return round(self.ctrl_dt_s / self.sim_dt_s)

    @property
    def max_episode_steps(self) -> int:
        """Control steps after which an episode is truncated."""
        return round(self.episode_s / self.ctrl_dt_s)
