"""The trainings that are measured: tasks, sizes, and how many updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.catalog import catalog

WARM_UP = 2
"""Updates left out at the beginning of each training: imports, compilation, first touches of memory."""

_SPARE = 1000
"""Updates of a training: more than `--turns` can ask for, so that no side ends by itself."""


@dataclass(frozen=True)
class Case:
    """A task with settings of its own, and how many updates of it are measured by default."""

    env: str
    turns: int
    settings: Mapping[str, str] = field(default_factory=dict)

    def sets(self) -> list[str]:
        """The settings as `--set` takes them. Evaluation is off: plain skrl has none."""
        return [f"{key}={value}" for key, value in {**self.settings, "train.eval_every_updates": "0"}.items()]

    def config(self, backend: str, sim: str) -> RunConfig:
        """The effective configuration on `backend` ("jax" or "torch") and `sim`. Raises ConfigError."""
        config = ConfigSources(sets=self.sets(), environ={}).build(self.env, backend, sim).config
        budget = _SPARE * config.ppo.rollouts * config.ppo.num_envs
        return config.model_copy(update={"ppo": config.ppo.model_copy(update={"max_env_steps": budget})})

    def sim(self, wanted: str) -> str:
        """The simulator it runs on where `wanted` is what was asked for: "auto" is the first of the catalog's."""
        sims = catalog()[self.env].sims
        if not sims:
            return "none"
        return sims[0] if wanted == "auto" else wanted


CASES: dict[str, Case] = {
    "cartpole": Case("cartpole", 21),
    "dm-walker-4": Case("dm-walker", 11, {"ppo.mini_batches": "4"}),
    "dm-walker-32": Case("dm-walker", 11, {"ppo.mini_batches": "32"}),
    "quadruped": Case(
        "go1-flat-terrain-walk",
        5,
        {"ppo.policy_hidden_layer_sizes": "512-256-128", "ppo.value_hidden_layer_sizes": "512-256-128"},
    ),
}
"""cartpole 32², dm-walker 256-128-64 with 4 and with 32 mini-batches, 48 observations → 12 actions with 512-256-128."""
