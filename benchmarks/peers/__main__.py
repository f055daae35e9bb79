"""Our fused engine beside Stable-Baselines3, sbx and rsl_rl: env-steps/s of the whole training, and ratios."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence

from motrix_core.bench.cases import CASES, WARM_UP
from motrix_core.bench.common import machine, median, spread, table
from motrix_core.bench.turns import Program, Side, SupervisedRun, take_turns

PEERS = ("sb3", "sbx", "rsl_rl")
HEAD = ("case", "simulator", "who", "env-steps/s", "ours on JAX : theirs", "ours on PyTorch : theirs")


def rows(name: str, sim: str, python: str, turns: int) -> list[list[str]]:
    case = CASES[name]
    engine = case.sim(sim)
    chosen = ["--env", case.env, "--sim", engine, *(word for text in case.sets() for word in ("--set", text))]
    sides: dict[str, Side] = {
        peer: Program(f"benchmarks.peers.{peer}", [*chosen, "--backend", "torch"], python=python) for peer in PEERS
    }
    for backend in ("jax", "torch"):
        ppo = case.config(backend, engine).ppo
        budget = ["--seed", "0", "--max-env-steps", str(ppo.max_env_steps), "--set", "train.engine=fused"]
        sides[backend] = SupervisedRun([*chosen, "--backend", backend, *budget])
    seconds = take_turns(sides, warm_up=WARM_UP, turns=turns)
    samples = ppo.rollouts * ppo.num_envs
    names = {"jax": "motrix, JAX", "torch": "motrix, PyTorch"}
    found = []
    for side, theirs in seconds.items():
        ratios = [
            f"{median(one / other for one, other in zip(theirs, seconds[backend], strict=True)):.2f}"
            for backend in ("jax", "torch")
        ]
        found.append([name, engine, names.get(side, side), spread([samples / s for s in theirs]), *ratios])
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--python", required=True, help="Python of the environment in which the peers are installed")
    parser.add_argument("--cases", nargs="+", choices=tuple(CASES), default=["cartpole", "dm-walker-4"])
    parser.add_argument("--sim", choices=("auto", "motrixsim", "mujoco"), default="auto")
    parser.add_argument("--turns", type=int, default=7)
    args = parser.parse_args(argv)
    if shutil.which(args.python) is None:
        parser.error(f"{args.python} is not a program; benchmarks/peers/__init__.py says how to make the environment")
    print(machine())
    found = [row for name in args.cases for row in rows(name, args.sim, args.python, args.turns)]
    print(table(HEAD, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
