"""`motrix bench`: the project's own benchmarks, on this machine."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from motrix_core.commands.whole_numbers import whole
from motrix_core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from motrix_core.bench.envs import Figures
    from motrix_core.bench.training import Result

WHAT = ("training", "envs")
BACKENDS = ("jax", "torch")
# Below the updates that a training goes on for (bench/cases.py), with room for those left out at its beginning.
_MOST_TURNS = 900


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="measure how fast this machine trains",
        description="Measures, and prints Markdown tables. training: whole trainings by both engines, by plain skrl, "
        "and what physics and arithmetic alone would allow. envs: env-steps/s of every task on every simulator, and "
        "the share of the task's own code. Sides that are compared take turns, one update each, and a ratio is the "
        "median over turns. Measure on a machine that does nothing else.",
    )
    parser.add_argument("what", nargs="*", metavar="training|envs", help="default: both")
    parser.add_argument("--cases", nargs="+", metavar="NAME", help="training: some of the cases (default: all)")
    parser.add_argument("--envs", nargs="+", metavar="NAME", help="envs: some of the environments (default: all)")
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS), help="default: both")
    parser.add_argument("--sim", choices=("auto", "motrixsim", "mujoco"), default="auto", help="physics engine")
    parser.add_argument(
        "--num-envs",
        nargs="+",
        type=whole(1, 10**6),
        metavar="N",
        help="envs: sizes of the batch (default: 256 2048 16384)",
    )
    turns = whole(1, _MOST_TURNS)
    parser.add_argument("--turns", type=turns, metavar="N", help="training: measured updates of each side")
    parser.add_argument("--seconds", type=float, default=2.0, help="envs: measured time of each (default: 2)")
    parser.add_argument("--json", action="store_true", help="stdout has one JSON object per result and nothing else")


def run(args: argparse.Namespace) -> int:
    from motrix_core.bench.common import machine

    # What takes turns is ended on the way out, also when somebody ends this with TERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in args.what:
        _check("benchmark", name, WHAT)
    wanted = args.what or WHAT
    sections = [{"training": _training, "envs": _envs}[name](args) for name in wanted]
    if args.json:
        for results, _ in sections:
            for result in results:
                sys.stdout.write(json.dumps(result.to_json(), allow_nan=False) + "\n")
                sys.stdout.flush()
        return 0
    sys.stdout.write(f"{machine()}\n")
    for name, (results, head) in zip(wanted, sections, strict=True):
        _print_table(name, head, results)
    return 0


def _training(args: argparse.Namespace) -> tuple[Iterable[Result], tuple[str, ...]]:
    from motrix_core.bench.cases import CASES
    from motrix_core.bench.training import HEAD, measure

    cases = args.cases or list(CASES)
    for name in cases:
        _check("case", name, CASES)
    return measure(cases, args.backends, sim=args.sim, turns=args.turns, tell=_narrator()), HEAD


def _envs(args: argparse.Namespace) -> tuple[Iterable[Figures], tuple[str, ...]]:
    from motrix_core.bench.envs import HEAD, NUM_ENVS, measure, names
    from motrix_core.envs.registry import find_spec

    if not 0 < args.seconds < 3600:
        raise UsageError(f"--seconds {args.seconds:g} must be more than 0 and less than an hour")
    envs = args.envs or names()
    for name in envs:
        find_spec(name)
    sizes = args.num_envs or NUM_ENVS
    return measure(envs, sim=args.sim, sizes=sizes, seconds=args.seconds, tell=_narrator()), HEAD


def _check(kind: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise UnknownName(kind, name, list(known), listing="motrix bench --help")


def _print_table(name: str, head: tuple[str, ...], results: Iterable[Any]) -> None:
    """Row by row, because a row can take minutes."""
    out = sys.stdout
    out.write(f"\n## {name}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
    for result in results:
        out.write(f"| {' | '.join(result.row())} |\n")
        out.flush()


def _narrator() -> Callable[[str], None]:
    def tell(text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    return tell
