from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EnvCfg:
    model_file: str | None = None
    sim_dt: float = 0.1
    ctrl_dt: float = 0.1
    max_episode_seconds: float | None = None

    @property
    def max_episode_steps(self) -> int | None:
        return None if self.max_episode_seconds is None else int(self.max_episode_seconds / self.ctrl_dt)

    @property
    def sim_substeps(self) -> int:
        return round(self.ctrl_dt / self.sim_dt)

    def validate(self) -> None:
        if self.sim_dt > self.ctrl_dt:
            raise ValueError("sim_dt is above ctrl_dt")
