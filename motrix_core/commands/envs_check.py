"""`motrix envs check NAME`: whether an environment keeps to what training relies on, and what to mend."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from motrix_core.commands.own_env import add_source_flags, only_name, source_of
from motrix_core.commands.waiting import waiting_for
from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from motrix_core.envs.checks import Check

_SIGNS = {"ok": "✓", "warn": "!", "fail": "✗", "skip": "–"}
_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
_FAILED = 3


def add_parser(actions: Any) -> None:
    check = actions.add_parser(
        "check",
        help="try an environment out and say what to mend",
        description="Makes an environment and tries what training relies on: shapes, types, bounds, numbers that are "
        "finite, episodes and their last observations, one seed giving one play, save and restore, speed. The exit "
        "code is 3 if a check fails.",
    )
    check.add_argument("name", metavar="NAME", nargs="?", help="the environment; may be left out if a file has one")
    add_source_flags(check)
    check.add_argument("--sim", metavar="SIM", default="auto", help="the simulator (default: the first installed)")
    check.add_argument(
        "--set", dest="sets", action="append", default=[], metavar="env.NAME=VALUE", help="an option; may be repeated"
    )
    check.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")


def run(args: argparse.Namespace) -> int:
    """Prints the checks; 3 if one failed, else 0.

    Raises what finding the environment and choosing its simulator raise, and `ConfigError` for options that it has not:
    these say nothing about whether it is right.
    """
    from motrix_core.config.sources import ConfigSources
    from motrix_core.envs.checks import check_environment
    from motrix_core.envs.registry import check_options, find_spec, make
    from motrix_core.hardware.select import select_sim

    source = source_of(args)
    name = args.name or only_name(source)
    if name is None:
        raise UsageError("no environment given", mend="type motrix envs check NAME; motrix envs lists them")
    options = ConfigSources(sets=args.sets).env_options
    with waiting_for(name):
        spec = find_spec(name, source, options)
        sim = select_sim(args.sim, spec.sims).backend
        check_options(spec, options)

    def made(num_envs: int, seed: int) -> Any:
        return make(name, num_envs=num_envs, sim=sim, seed=seed, options=options, source=source)

    checks = []
    for check in _each(check_environment(spec, made), name):
        checks.append(check)
        if not args.json:
            _print(check)
    failed = sum(check.status == "fail" for check in checks)
    if args.json:
        document = {"env": name, "passed": not failed, "checks": [asdict(check) for check in checks]}
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        sys.stdout.write(_verdict(checks, failed) + "\n")
    return _FAILED if failed else 0


def _each(checks: Iterator[Check], name: str) -> Iterator[Check]:
    while True:
        with waiting_for(f"a check of {name}"):
            check = next(checks, None)
        if check is None:
            return
        yield check


def _print(check: Check) -> None:
    from rich.console import Console
    from rich.text import Text

    from motrix_core.runs.text import plain

    # Each as it comes, since some take seconds; wide, so that a pipe gets one line for each.
    console = Console(markup=False, highlight=False)
    line = Text.assemble((_SIGNS[check.status], _STYLES[check.status]), f" {check.name:<17} ", plain(check.detail))
    console.print(line, soft_wrap=True)
    if check.mend:
        console.print(Text(f"  {'':<17} → {plain(check.mend)}"), soft_wrap=True)


def _verdict(checks: Sequence[Check], failed: int) -> str:
    warned = sum(check.status == "warn" for check in checks)
    left_out = sum(check.status == "skip" for check in checks)
    tried = len(checks) - left_out
    if failed:
        return f"{failed} of {tried} checks failed"
    notes = (f", {warned} with a warning" if warned else "") + (f"; {left_out} could not be made" if left_out else "")
    return f"{f'all {tried} checks' if tried > 1 else '1 check'} passed{notes}"
