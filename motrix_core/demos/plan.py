"""Which trainings make up the demos, and with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.registry import check_options, find_spec
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import UsageError
from motrix_core.hardware.select import select_sim

Budget = Literal["quick", "full"]

QUICK = (
    "ppo.num_envs=64",
    "ppo.rollouts=8",
    "ppo.mini_batches=2",
    "ppo.learning_epochs=1",
    "ppo.policy_hidden_layer_sizes=32-32",
    "ppo.value_hidden_layer_sizes=32-32",
    "ppo.max_env_steps=1536",
    "train.eval_every_updates=0",
)
"""What `quick` changes, as `--set` takes it: three updates of 512 env steps with small networks, no evaluation. They
show that a training runs; they teach nothing."""

ENOUGH = {"cartpole": 5_000_000, "pendulum": 1_000_000, "acrobot": 500_000, "mountain-car": 1_000_000}
"""Env steps that `full` trains where the classics are learned well before their default budget ends."""

MANY_SEEDS = 3


@dataclass(frozen=True)
class Demo:
    """One training: `config` is the whole of what decides it, with backend, simulator and seed chosen.

    `threshold` is the mean undiscounted episode return from which on the task counts as learned, None where nobody has
    said one, and `success` says it in words. With `until_learned` the training need go no further than the threshold.
    """

    config: RunConfig
    budget: Budget
    threshold: float | None
    success: str
    until_learned: bool = False

    @property
    def seed(self) -> int:
        seed = self.config.ppo.seed
        assert seed is not None, "a plan names every seed"
        return seed

    @property
    def title(self) -> str:
        """Environment, backend, simulator and seed in one line."""
        sim = "" if self.config.sim == "none" else f" · {self.config.sim}"
        return f"{self.config.env} · {self.config.backend}{sim} · seed {self.seed}"


def names() -> list[str]:
    """The demos: every environment that this project brings."""
    return [spec.name for spec in BUILTIN]


def plan(
    envs: Sequence[str],
    backends: Sequence[str],
    sims: Sequence[str],
    budget: Budget,
    *,
    seeds: int | None = None,
    sets: Sequence[str] = (),
    until_learned: bool = False,
) -> list[Demo]:
    """The trainings of `envs` on `backends` ("jax", "torch") and `sims` ("auto", "motrixsim", "mujoco"), in that order.

    An environment without a simulator is trained once, whatever `sims`. `seeds` is how many seeds, from 1 on, of each
    (None: the budget's own number). `sets` are KEY=VALUE texts that go before the budget's settings; `until_learned`
    is every demo's.

    Raises UnknownName, ConfigError or what else making the configuration raises; MissingExtra for a simulator that is
    not installed; UsageError if nothing is left to train.
    """
    demos = []
    for env in dict.fromkeys(envs):
        spec = find_spec(env)
        for sim in _sims(spec, sims):
            for backend in dict.fromkeys(backends):
                for seed in range(1, (seeds or _seeds(spec, budget)) + 1):
                    config = _config(spec, backend, sim, seed, budget, sets)
                    demos.append(Demo(config, budget, spec.success_return, spec.success, until_learned))
    if not demos:
        raise UsageError("there is nothing to train", mend=f"name some of --envs {' '.join(names())}")
    return demos


def _sims(spec: EnvSpec, wanted: Sequence[str]) -> list[str]:
    if not spec.sims:
        return ["none"]
    return list(dict.fromkeys(select_sim(sim, spec.sims).backend for sim in wanted))


def _seeds(spec: EnvSpec, budget: Budget) -> int:
    """How many seeds a machine with two cores can afford."""
    affordable = spec.name in ENOUGH or spec.name.startswith("dm-")
    return MANY_SEEDS if budget == "full" and affordable else 1


def _config(spec: EnvSpec, backend: str, sim: str, seed: int, budget: Budget, sets: Sequence[str]) -> RunConfig:
    enough = ENOUGH.get(spec.name)
    own = QUICK if budget == "quick" else (f"ppo.max_env_steps={enough}",) if enough else ()
    sources = ConfigSources(sets=(*own, *sets), flags={"ppo.seed": str(seed)})
    check_options(spec, sources.env_options)
    return sources.build(spec.name, backend, sim).config
