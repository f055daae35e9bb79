"""Does the fused engine learn as well as stock? Returns at the end of training, several seeds, by evaluation.

    python -m benchmarks.returns [--env pendulum] [--max-env-steps 300k] [--seeds 5] [--backends jax torch]

Every run ends with `motrix eval --checkpoint last`, all on the same initial states. The difference's standard error is
that of two independent samples of runs.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from motrix_core.bench.common import machine, table

ENGINES = ("stock", "fused")
BACKENDS = ("jax", "torch")
HEAD = ("env", "backend", "env steps", "seeds", "stock", "fused", "fused - stock", "standard error")


def motrix(*words: str) -> str:
    argv = [sys.executable, "-m", "motrix_core.cli", *words]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"motrix {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def final_return(env: str, backend: str, engine: str, budget: str, seed: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        chosen = ["--env", env, "--backend", backend, "--seed", str(seed), "--max-env-steps", budget]
        only = [
            "--set",
            f"train.engine={engine}",
            "--set",
            "train.eval_every_updates=0",
            "--set",
            "train.tensorboard=0",
        ]
        run = motrix("run", *chosen, *only, "--runs-dir", folder, "--quiet").strip()
        scored = json.loads(motrix("eval", run, "--checkpoint", "last", "--episodes", "256", "--json"))
        print(f"{env} {backend} {engine} seed {seed}: {scored['return/mean']:.1f}", file=sys.stderr, flush=True)
        return scored["return/mean"]


def row(env: str, backend: str, budget: str, seeds: int) -> list[str]:
    found = {engine: [final_return(env, backend, engine, budget, seed) for seed in range(seeds)] for engine in ENGINES}
    means = {engine: statistics.mean(values) for engine, values in found.items()}
    error = math.sqrt(sum(statistics.variance(values) / seeds for values in found.values()))
    cells = [f"{means[engine]:.1f} ({min(found[engine]):.1f} to {max(found[engine]):.1f})" for engine in ENGINES]
    return [env, backend, budget, str(seeds), *cells, f"{means['fused'] - means['stock']:+.1f}", f"{error:.1f}"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.returns", description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="pendulum")
    parser.add_argument("--max-env-steps", default="300k")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=BACKENDS)
    args = parser.parse_args(argv)
    print(machine())
    print(table(HEAD, [row(args.env, backend, args.max_env_steps, args.seeds) for backend in args.backends]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
