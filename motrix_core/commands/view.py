"""`motrix view`: an environment with random actions, in the terminal or in the simulator's window."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from motrix_core.commands.own_env import add_source_flags
from motrix_core.commands.whole_numbers import whole

if TYPE_CHECKING:
    from motrix_core.learn.evaluation import Task


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "view",
        help="look at an environment",
        description="Draws an environment with random actions in the terminal. Up to 16 environments are shown side by "
        "side. Keys: space pause, . step, + and - speed, n next episode, v view from the side or from above, q quit.",
    )
    parser.add_argument("--env", help="what to look at; motrix envs lists them")
    add_source_flags(parser)
    parser.add_argument("--sim", metavar="SIM", help="auto, motrixsim or mujoco (default: automatic)")
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="env.NAME=VALUE", help="an option of the environment"
    )
    add_watching_flags(parser)


def add_watching_flags(parser: argparse.ArgumentParser) -> None:
    """What `motrix view` and `motrix play` have in common."""
    parser.add_argument(
        "--num-envs", type=whole(1, 65_536), default=1, metavar="N", help="so many at once (default: 1)"
    )
    parser.add_argument("--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="of the episodes (default: 0)")
    parser.add_argument("--view", choices=("auto", "side", "top"), default="auto", help="where to look from")
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="times real time (default: 1)")
    parser.add_argument("--episodes", type=whole(1, 10**6), metavar="N", help="end after so many episodes")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--window", action="store_true", help="also open the simulator's own window on environment 0")
    output.add_argument(
        "--frames", type=whole(1, 10**6), metavar="K", help="print K pictures, and no more; needs no terminal"
    )
    output.add_argument(
        "--video",
        metavar="FILE",
        help="record environment 0 into FILE.mp4 (with ffmpeg) or FILE.gif (with Pillow), off screen by MuJoCo",
    )


def _speed(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not a number") from None
    if not 1 / 16 <= number <= 16:
        raise argparse.ArgumentTypeError(f"{text} must be from 0.0625 to 16")
    return number


def run(args: argparse.Namespace) -> int:
    """Shows the environment until it is left."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from motrix_core.play.cast import random_cast
    from motrix_core.play.watching import check_can_watch, watch_cast

    task = _task(args)
    check_can_watch(args, task.env, task.sim)
    watch_cast(args, random_cast(task, num_envs=args.num_envs, seed=args.seed), task)
    return 0


def _task(args: argparse.Namespace) -> Task:
    """What the flags name, with its simulator chosen. Raises as choosing them for a run does."""
    from motrix_core.commands.own_env import only_name
    from motrix_core.config.sources import ConfigSources
    from motrix_core.envs.catalog import catalog
    from motrix_core.envs.registry import find_spec, names_of
    from motrix_core.errors import UsageError
    from motrix_core.hardware.select import select_sim
    from motrix_core.learn.evaluation import Task

    flags = {"env": args.env, "sim": args.sim, "env_module": args.env_module, "env_path": args.env_path}
    given = {path: value for path, value in flags.items() if value is not None}
    sources = ConfigSources(sets=args.sets, flags=given)
    env = sources.wanted("env") or only_name(sources.source)
    if env is None:
        names = sorted(names_of(sources.source) or catalog())
        raise UsageError("no environment given", mend=f"type --env NAME, one of: {', '.join(names)}")
    spec = find_spec(env, sources.source, sources.env_options)
    sim = select_sim(sources.wanted("sim") or "auto", spec.sims)
    return Task(env, sim.backend, sources.env_options, sources.source)
