"""`motrix play`: watch a trained policy, in the terminal or in the simulator's window, or record it."""

from __future__ import annotations

import argparse
import os
from typing import Any

from motrix_core.commands.export import choose_checkpoint
from motrix_core.commands.view import add_watching_flags


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "play",
        help="watch a trained policy",
        description="Draws the deterministic policy of a checkpoint in the terminal. Needs the simulator, but neither "
        "JAX nor PyTorch. Keys: space pause, . step, + and - speed, n next episode, v view from the side or from "
        "above, q quit.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder, its id or an unambiguous part of it, or last")
    parser.add_argument(
        "--checkpoint",
        metavar="WHICH",
        help="best, last or a number of env steps (default: best if known, else last)",
    )
    parser.add_argument("--sim", metavar="SIM", help="the simulator (default: the one that the run trains on)")
    add_watching_flags(parser)
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")


def run(args: argparse.Namespace) -> int:
    """Shows the policy until it is left."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dataclasses import replace

    from motrix_core.hardware.select import select_sim
    from motrix_core.learn.evaluation import Task
    from motrix_core.play.cast import policy_cast
    from motrix_core.play.watching import check_can_watch, watch_cast
    from motrix_core.runs.layout import find_run
    from motrix_core.runs.location import runs_dir

    found = find_run(runs_dir(args.runs_dir, os.environ), args.run)
    checkpoint = choose_checkpoint(found, args.checkpoint)
    task = Task.of(found.config())
    if args.sim is not None:
        task = replace(task, sim=select_sim(args.sim, task.spec.sims).backend)
    check_can_watch(args, task.env, task.sim)
    watch_cast(args, policy_cast(found, checkpoint, num_envs=args.num_envs, seed=args.seed, sim=task.sim), task)
    return 0
