"""Environment steps per second, physics alone, and what share of it the task's own code costs.

Steps with random actions after a second of warming up, so that walkers are where they are in training: mostly on the
floor. Sizes are measured in turn in one process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from motrix_core.bench.common import Narrate, median, random_actions
from motrix_core.envs.base import FloatArray, NpEnv
from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.registry import find_spec, make
from motrix_core.sim.loader import is_installed

NUM_ENVS = (256, 2048, 16384)
HEAD = ("env", "simulator", "N", "env-steps/s", "physics alone", "task : physics (≤ 0.15)")
_WARM_UP_S = 1.0
_LEAST_STEPS = 5
_SCRIPT_STEPS = 64


@dataclass(frozen=True)
class Figures:
    """One environment on one simulator. Rates are env-steps/s from the median step's duration; `task_share` is the
    median over steps of the task's time by that of physics, None for an environment without a simulator."""

    env: str
    sim: str
    num_envs: int
    env_steps_per_s: float
    physics_steps_per_s: float | None
    task_share: float | None

    def row(self) -> list[str]:
        cells = [self.env, self.sim, str(self.num_envs), f"{self.env_steps_per_s:,.0f}"]
        if self.physics_steps_per_s is None or self.task_share is None:
            return [*cells, "–", "–"]
        return [*cells, f"{self.physics_steps_per_s:,.0f}", f"{self.task_share:.3f}"]

    def to_json(self) -> dict[str, Any]:
        return {"benchmark": "envs", **asdict(self)}


def names() -> list[str]:
    """The environments that this project brings."""
    return [spec.name for spec in BUILTIN]


def measure(envs: Iterable[str], *, sim: str, sizes: Iterable[int], seconds: float, tell: Narrate) -> Iterator[Figures]:
    """The figures of each environment, on `sim` or ("auto") on each simulator that is installed, at each size."""
    for name in envs:
        spec = find_spec(name)
        for engine in spec.sims or ("none",):
            if engine != "none" and (sim not in ("auto", engine) or not is_installed(engine)):
                continue
            for num_envs in sizes:
                tell(f"{name} on {engine}, N = {num_envs}")
                env = make(name, num_envs=num_envs, sim=engine, seed=0)
                try:
                    yield _figures(env, seconds)
                finally:
                    env.close()


def _figures(env: NpEnv, seconds: float) -> Figures:
    script = random_actions(env.spec, _SCRIPT_STEPS, env.num_envs)
    env.init_state()
    _steps(env, script, _WARM_UP_S)
    steps = _steps(env, script, seconds)
    whole = env.num_envs / median(step for step, _ in steps)
    if not env.spec.sims:
        return Figures(env.spec.name, "none", env.num_envs, whole, None, None)
    physics = env.num_envs / median(physics for _, physics in steps)
    share = median((step - physics) / physics for step, physics in steps)
    return Figures(env.spec.name, env.sim, env.num_envs, whole, physics, share)


def _steps(env: NpEnv, script: FloatArray, seconds: float) -> list[tuple[float, float]]:
    """Seconds of each step, and of its physics."""
    durations: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(durations) < _LEAST_STEPS:
        actions = script[len(durations) % len(script)]
        physics, started = env.timing.physics_s, time.perf_counter()
        env.step(actions)
        durations.append((time.perf_counter() - started, env.timing.physics_s - physics))
    return durations
