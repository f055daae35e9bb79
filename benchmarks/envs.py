"""Environment steps per second, and what share of a step is physics, for every environment and installed simulator.

    python -m benchmarks.envs [--num-envs 2048] [--seconds 3] [--json] [NAME ...]

Steps with random actions after a second of warming up, so that walkers are where they are in training: mostly on the
floor. `best` is the fastest step, which other programs on the machine disturb least; `mean` is over all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from motrix_core.envs.base import NpEnv
from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.registry import make
from motrix_core.sim.loader import is_installed

WARM_UP_S = 1.0


@dataclass(frozen=True)
class Figures:
    env: str
    sim: str
    num_envs: int
    mean_steps_per_s: float
    best_steps_per_s: float
    physics_share: float


def measure(env: NpEnv, seconds: float) -> Figures:
    rng = np.random.default_rng(0)
    low, high, shape = env.spec.act_low, env.spec.act_high, (64, env.num_envs, env.spec.act_dim)
    script = rng.uniform(low, high, shape).astype(np.float32)
    env.init_state()
    _step_for(env, script, WARM_UP_S)
    physics_before, step_before = env.timing.physics_s, env.timing.step_s
    durations = _step_for(env, script, seconds)
    physics = env.timing.physics_s - physics_before
    return Figures(
        env=env.spec.name,
        sim=env.sim,
        num_envs=env.num_envs,
        mean_steps_per_s=env.num_envs * len(durations) / sum(durations),
        best_steps_per_s=env.num_envs / min(durations),
        physics_share=physics / (env.timing.step_s - step_before),
    )


def _step_for(env: NpEnv, script: np.ndarray, seconds: float) -> list[float]:
    durations = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        actions = script[len(durations) % len(script)]
        started = time.perf_counter()
        env.step(actions)
        durations.append(time.perf_counter() - started)
    return durations


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.envs", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="environments; all of them by default")
    parser.add_argument("--num-envs", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=3.0, help="measured time of each environment and simulator")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    args = parser.parse_args(argv)
    if not args.json:
        print(f"{'env':12} {'sim':10} {'mean steps/s':>13} {'best steps/s':>13} {'physics':>8}")
    for name in args.names or [spec.name for spec in BUILTIN]:
        sims = next((spec.sims for spec in BUILTIN if spec.name == name), ("auto",)) or ("none",)
        for sim in sims:
            if sim in ("auto", "none") or is_installed(sim):
                env = make(name, num_envs=args.num_envs, sim=sim, seed=0)
                report(measure(env, args.seconds), as_json=args.json)
                env.close()


def report(figures: Figures, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(figures)), flush=True)
        return
    print(
        f"{figures.env:12} {figures.sim:10} {figures.mean_steps_per_s:13,.0f} {figures.best_steps_per_s:13,.0f} "
        f"{figures.physics_share:8.1%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
