"""The trainings that are measured: the tasks and sizes of issue and design, and how long each is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.catalog import catalog

WARM_UP = 2
"""Updates left out at the beginning of each training: imports, compilation, first touches of memory."""


@dataclass(frozen=True)
class Case:
    """A task with settings of its own, and the updates it is trained for, `WARM_UP` included."""

    env: str
    updates: int
    settings: Mapping[str, str] = field(default_factory=dict)

    def sets(self) -> list[str]:
        """The settings as `--set` takes them. Evaluation is off: plain skrl has none."""
        return [f"{key}={value}" for key, value in {**self.settings, "train.eval_every_updates": "0"}.items()]

    def config(self, backend: str, sim: str) -> RunConfig:
        """The effective configuration on `backend` ("jax" or "torch") and `sim`. Raises ConfigError."""
        sets = [*self.sets(), f"ppo.max_env_steps={self.updates}"]
        config = ConfigSources(sets=sets, environ={}).build(self.env, backend, sim).config
        samples = config.ppo.rollouts * config.ppo.num_envs
        ppo = config.ppo.model_copy(update={"max_env_steps": self.updates * samples})
        return config.model_copy(update={"ppo": ppo})

    def sim(self, wanted: str) -> str:
        """The simulator it runs on where `wanted` is what was asked for: "auto" is the first of the catalog's."""
        sims = catalog()[self.env].sims
        if not sims:
            return "none"
        return sims[0] if wanted == "auto" else wanted


CASES: dict[str, Case] = {
    "cartpole": Case("cartpole", 24),
    "dm-walker-4": Case("dm-walker", 8, {"ppo.mini_batches": "4"}),
    "dm-walker-32": Case("dm-walker", 8, {"ppo.mini_batches": "32"}),
    "quadruped": Case(
        "go1-flat-terrain-walk",
        5,
        {"ppo.policy_hidden_layer_sizes": "512-256-128", "ppo.value_hidden_layer_sizes": "512-256-128"},
    ),
}
"""cartpole 32², dm-walker 256-128-64 with 4 and with 32 mini-batches, 48 observations → 12 actions with 512-256-128."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))
