"""`motrix demos`: train every demo on every backend, and say what came of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.whole_numbers import whole
from motrix_core.errors import BackendUnusable, MotrixError, NoUsableBackend, UnknownName

if TYPE_CHECKING:
    from motrix_core.commands.demos_progress import Lines
    from motrix_core.demos.outcome import Result
    from motrix_core.demos.plan import Demo
    from motrix_core.demos.runner import Attempt

BACKENDS = ("jax", "torch")
SIMS = ("auto", "motrixsim", "mujoco")
BUDGETS = ("quick", "full")
_MAX_SEEDS = 100


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "demos",
        help="train every demo on every backend",
        description="Trains every demo on every backend, one after the other, as supervised runs like any other. "
        "Called again it goes on where it was interrupted: finished runs of the same configuration count, others are "
        "continued, failed ones are made anew. The table is kept in the runs folder, as demos-BUDGET.md and .json. "
        "Ctrl-C stops the run that is trained after a checkpoint, and then the demos; one that another call has begun "
        "goes on.",
    )
    parser.add_argument("--envs", nargs="+", metavar="NAME", help="some of the environments (default: all)")
    parser.add_argument(
        "--backends", nargs="+", metavar="jax|torch", help="some of the backends (default: all that work here)"
    )
    parser.add_argument(
        "--sims",
        nargs="+",
        default=["auto"],
        metavar="auto|motrixsim|mujoco",
        help="physics engines, each in turn (default: auto, the first that is installed)",
    )
    parser.add_argument(
        "--budget",
        choices=BUDGETS,
        default="quick",
        help="quick: three updates of 512 env steps with small networks, which takes minutes and teaches nothing; "
        "full: the shipped defaults, up to where the task should be learned, which takes days (default: quick)",
    )
    parser.add_argument(
        "--until-learned",
        action="store_true",
        help="stop each after a checkpoint once it has reached its task's threshold (a run stopped so counts as done)",
    )
    parser.add_argument(
        "--seeds",
        type=whole(1, _MAX_SEEDS),
        metavar="N",
        help="train each with the seeds 1 to N (default: 1; with --budget full 3 for the classics and dm-*)",
    )
    parser.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="KEY=VALUE", help="a configuration value for all"
    )
    parser.add_argument("--stop-on-error", action="store_true", help="train nothing more once a run has failed")
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE.md",
        help="also put each run of a full budget, once it is over, into the convergence ledger, say docs/results.md",
    )
    parser.add_argument("--json", action="store_true", help="stdout has one JSON object per result and nothing else")


def run(args: argparse.Namespace) -> int:
    from motrix_core.commands.demos_progress import telling
    from motrix_core.demos import ledger, report
    from motrix_core.demos.plan import names, plan
    from motrix_core.runs.location import runs_dir

    for kind, wanted, known in (("backend", args.backends or (), BACKENDS), ("simulator", args.sims, SIMS)):
        for name in wanted:
            if name not in known:
                raise UnknownName(kind, name, known, listing="motrix demos --help")
    if args.ledger is not None:
        ledger.check(args.ledger, args.budget, args.sets)
    folder = runs_dir(args.runs_dir, os.environ)
    backends = args.backends or BACKENDS
    # Everything that can be wrong with what was asked for is said before seconds are spent on probing.
    demos = plan(
        args.envs or names(),
        backends,
        args.sims,
        args.budget,
        seeds=args.seeds,
        sets=args.sets,
        until_learned=args.until_learned,
    )
    usable = _usable(backends, demos, asked=args.backends is not None)
    demos = [demo for demo in demos if demo.config.backend in usable]
    results: list[Result] = []
    interrupted = is_behind = False
    with telling(len(demos), sys.stderr) as progress:
        for result, interrupted in _trained(demos, folder, progress):
            results.append(result)
            report.save(folder, args.budget, demos, results)
            if args.ledger is not None:
                is_behind = not _entered(args.ledger, results, progress)
            if args.json:
                sys.stdout.write(json.dumps(result.to_json(), allow_nan=False) + "\n")
                sys.stdout.flush()
            if interrupted or (args.stop_on_error and has_failed(result)):
                break
    if is_behind and args.ledger is not None:
        ledger.update(args.ledger, results)
    if not args.json:
        sys.stdout.write(f"{report.page(demos, results)}\n")
    saved = report.path(folder, args.budget)
    sys.stderr.write(f"motrix: {len(results)} of {len(demos)} demos; the table is {saved}\n")
    return exit_code(results, interrupted)


def _entered(path: Path, results: Sequence[Result], progress: Lines) -> bool:
    """Put all `results` into the ledger; False where that cannot be done now, which is said and ends no training."""
    from motrix_core.demos import ledger

    try:
        ledger.update(path, results)
    except MotrixError as error:
        progress.note(f"warning: {error}; it is tried again after the next training")
        return False
    return True


def exit_code(results: Sequence[Result], interrupted: bool) -> int:
    """130 where a person ended it or one of the runs, 3 where one failed, else 0."""
    from motrix_core.demos.outcome import STOPPED

    if interrupted:
        return 130
    if any(has_failed(result) for result in results):
        return 3
    return 130 if any(result.status == STOPPED for result in results) else 0


def has_failed(result: Result) -> bool:
    from motrix_core.demos.outcome import STOPPED

    return not result.is_whole and result.status != STOPPED


def _trained(demos: Sequence[Demo], folder: Path, progress: Lines) -> Iterator[tuple[Result, bool]]:
    """Each demo's result once its run is over, and whether a person has asked for the end meanwhile."""
    from motrix_core.commands.follow import interrupts, leaving, run_events
    from motrix_core.demos.outcome import result_of
    from motrix_core.demos.runner import attempt
    from motrix_core.process.control import wait

    for demo in demos:
        found = attempt(demo, folder)
        count = 0
        if found.is_over:
            progress.begin(demo, found)
        else:
            interrupted = leaving if found.is_anothers else interrupts
            # Before anything is said, so that whoever reads it can already interrupt.
            with interrupted(found.run, progress.note) as pressed:
                progress.begin(demo, found)
                for event in _until_learned(demo, found, run_events(found.run, pressed, found.since)):
                    progress.event(event)
                if not pressed.left:
                    # The supervisor writes the last event first and the final state after it.
                    wait(found.run)
            count = pressed.count
        result = result_of(demo, found.run)
        progress.end(result)
        yield result, count > 0


def _until_learned(demo: Demo, found: Attempt, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """`events`, of which one may be what `demo` has waited for: then its run is asked to stop, once."""
    from motrix_core.demos.outcome import Learning
    from motrix_core.runs.control import append_request

    # One that goes on is judged by what it does from here on; the table looks at all of it. How far a run goes that
    # another call began is not ours to say.
    learning, asked = Learning(demo.config.ppo.num_envs), found.is_anothers or not demo.until_learned
    for event in events:
        if not asked and event["type"] == "metrics":
            learning.add(event["data"].get("return/mean"), event["data"].get("episodes"))
            if asked := learning.reaches(demo.threshold):
                append_request(found.run, {"type": "stop"})
        yield event


def _usable(backends: Sequence[str], demos: Sequence[Demo], *, asked: bool) -> list[str]:
    """Those of `backends` that work here; one that does not is left out, which is said, unless it was `asked` for.

    Raises BackendUnusable or NoUsableBackend, and SimulatorUnusable for a simulator of the demos that does not work.
    """
    from motrix_core.hardware.probe import probe_all
    from motrix_core.hardware.select import check_sim

    sims = {demo.config.sim for demo in demos} - {"none"}
    probes = probe_all([*dict.fromkeys(backends), *sorted(sims)])
    for sim in sims:
        check_sim(probes[sim], ())
    usable = []
    for name in dict.fromkeys(backends):
        if probes[name].usable:
            usable.append(name)
            continue
        error = BackendUnusable(name, probes[name].cause or probes[name].status, mend=probes[name].mend)
        if asked:
            raise error
        sys.stderr.write(f"motrix: left out: {error}\n")
    if not usable:
        raise NoUsableBackend("neither JAX nor PyTorch can be used", mend="motrix devices says why")
    return usable
