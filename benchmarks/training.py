"""Whole training, supervised and recorded, against the same training by plain skrl: env-steps/s and their ratios.

The stock engine shows what supervision and recording cost, the fused engine what its own learning gains. All are
started in turn; the first updates (imports, compilation) are left out of each. Nobody evaluates: plain skrl does not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.common import median, spread, table
from motrix_core.config.registry import default_rl_cfg

UPDATES = {"cartpole": 24, "dm-walker": 9}
WARM_UP = 3
HEAD = (
    "task",
    "backend",
    "plain skrl (env-steps/s)",
    "motrix run, stock",
    "motrix run, fused",
    "stock : plain (reach 0.97)",
    "fused : stock (reach 1.5)",
)


def steps_per_s(ended: Sequence[float], samples: int) -> float:
    """From the moments (seconds) at which updates ended."""
    return samples * (len(ended) - 1 - WARM_UP) / (ended[-1] - ended[WARM_UP])


def plain(env: str, backend: str, seed: int) -> list[float]:
    argv = [sys.executable, "-m", "benchmarks.plain_skrl", env, backend, str(UPDATES[env]), str(seed)]
    return json.loads(output(argv).splitlines()[-1])


def supervised(env: str, backend: str, engine: str, seed: int, samples: int) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "motrix_core.cli", "run", "--env", env, "--backend", backend, "--json"]
        argv += ["--seed", str(seed), "--max-env-steps", str(samples * UPDATES[env]), "--runs-dir", folder]
        argv += ["--set", f"train.engine={engine}", "--set", "train.eval_every_updates=0"]
        events = [json.loads(line) for line in output(argv).splitlines()]
    return [event["time"] for event in events if event["type"] == "metrics"]


def output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--envs", nargs="*", default=list(UPDATES))
    parser.add_argument("--backends", nargs="*", default=["jax", "torch"])
    args = parser.parse_args(argv)
    rows = []
    for env in args.envs:
        for backend in args.backends:
            ppo = default_rl_cfg(env, "skrl", backend)
            samples = ppo.rollouts * ppo.num_envs
            without, stock, fused = [], [], []
            for seed in range(args.repeats):
                without.append(steps_per_s(plain(env, backend, seed), samples))
                stock.append(steps_per_s(supervised(env, backend, "stock", seed, samples), samples))
                fused.append(steps_per_s(supervised(env, backend, "fused", seed, samples), samples))
            kept, gained = (
                median(one / other for one, other in zip(*pair, strict=True))
                for pair in ((stock, without), (fused, stock))
            )
            rows.append([env, backend, *map(spread, (without, stock, fused)), f"{kept:.3f}", f"{gained:.2f}"])
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
