"""`motrix runs`: look at runs, steer them, stop them, delete them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.steer import add_steering, steer
from motrix_core.errors import RunStateError, UsageError
from motrix_core.runs.text import printable_json

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

_FOLDER_HELP = "where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)"
_TOKEN_HELP = "a run's folder, its id or an unambiguous part of it, or last"


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("runs", help="list, show, steer, stop and delete runs", description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every run, newest first")
    listing.add_argument("--json", action="store_true", help="one JSON object per run and line")
    show = actions.add_parser("show", help="everything about one run")
    show.add_argument("--json", action="store_true", help="one JSON object")
    stop = actions.add_parser("stop", help="stop a run after a final checkpoint")
    stop.add_argument("--kill", action="store_true", help="at once, without a final checkpoint")
    stop.add_argument("--no-wait", action="store_true", help="do not wait until it has stopped")
    remove = actions.add_parser("rm", help="delete a run that is over, with its checkpoints")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    for action in (show, stop, remove):
        action.add_argument("run", metavar="RUN", help=_TOKEN_HELP)
    steering = add_steering(actions, _TOKEN_HELP)
    for action in (listing, show, stop, remove, *steering):
        action.add_argument("--runs-dir", metavar="DIR", help=_FOLDER_HELP)


def run(args: argparse.Namespace) -> int:
    from motrix_core.runs.location import runs_dir

    folder = runs_dir(args.runs_dir, os.environ)
    if args.action == "list":
        return _list(folder, as_json=args.json)
    from motrix_core.runs.layout import find_run

    found = find_run(folder, args.run)
    if args.action == "show":
        return _show(found, as_json=args.json)
    if args.action == "stop":
        return _stop(found, kill=args.kill, wait=not args.no_wait)
    if args.action == "rm":
        return _remove(found, sure=args.yes)
    return steer(found, args)


def _list(folder: Path, *, as_json: bool) -> int:
    from motrix_core.commands.runs_view import print_table, row_json
    from motrix_core.runs.layout import list_runs

    summaries = list_runs(folder)
    if as_json:
        for summary in summaries:
            _print_json(row_json(summary))
    elif summaries:
        print_table(summaries)
    else:
        _say(f"no runs in {folder}; motrix run --env cartpole makes one")
    return 0


def _show(found: Run, *, as_json: bool) -> int:
    from motrix_core.commands.runs_view import details_json, print_details

    if as_json:
        _print_json(details_json(found))
    else:
        print_details(found)
    return 0


def _stop(found: Run, *, kill: bool, wait: bool) -> int:
    from motrix_core.process import control

    control.request_stop(found, kill=kill)
    if not wait:
        _say(f"run {found.id} was asked to stop")
        return 0
    _say(
        f"waiting for run {found.id} to {'end' if kill else 'write its final checkpoint and end'} (Ctrl-C: don't wait)"
    )
    state = control.wait(found)
    _say(f"run {found.id} is {state.shown_status}" + (f": {state.cause}" if state.cause else ""))
    return 0


def _remove(found: Run, *, sure: bool) -> int:
    from motrix_core.runs.layout import remove_run, summarise

    summary = summarise(found)
    state = summary.state
    if state is not None and (state.is_live or state.is_process_alive(state.trainer)):
        raise RunStateError(f"run {found.id} is {summary.status}", mend=f"motrix runs stop {found.id} stops it first")
    if not sure:
        if not sys.stdin.isatty():
            raise UsageError(f"deleting run {found.id} needs a confirmation", mend="add --yes")
        _say(f"Delete {found.path} with all its checkpoints? [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            _say("kept")
            return 0
    remove_run(found)
    _say(f"deleted {found.path}")
    return 0


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(printable_json(json.dumps(value, separators=(",", ":"), default=str)) + "\n")


def _say(text: str, end: str = "\n") -> None:
    from motrix_core.runs.text import plain

    sys.stderr.write(plain(text) + end)
    sys.stderr.flush()
