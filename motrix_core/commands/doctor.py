"""`motrix doctor`: what is wrong with this installation, and what to type to mend it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.finding import Finding
from motrix_core.errors import UsageError

if TYPE_CHECKING:
    from motrix_core.terminal import Terminal

_LOW_DISK_BYTES = 2 << 30
_BACKENDS = ("jax", "torch")
_SIMULATORS = ("motrixsim", "mujoco")
_COLUMNS, _LINES = 60, 20
"""Of a terminal in which the dashboard shows enough at a time."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="what is wrong with this installation, and what mends it",
        description="Tries out backends and simulators; looks at the runs folder, runs, clocks, the terminal, plugins. "
        "Exit code 0: nothing keeps you from training; 3: there is a problem; 4: no backend is usable.",
    )
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs are kept (default: MOTRIX_RUNS_DIR or ./runs)")
    parser.add_argument(
        "--mark-lost", action="store_true", help="record the end of runs that nobody saw the end of, as crashed"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")


def run(args: argparse.Namespace) -> int:
    from motrix_core.commands.doctor_runs import look_at_runs
    from motrix_core.hardware.probe import probe_all
    from motrix_core.runs.location import runs_dir

    folder = runs_dir(args.runs_dir, os.environ)
    if not args.json:
        sys.stderr.write("trying backends and simulators…\n")
    probes = probe_all((*_BACKENDS, *_SIMULATORS))
    findings = [
        *_software(probes, _BACKENDS, "learning needs a backend"),
        *_software(probes, _SIMULATORS, "all tasks but the classics need a simulator"),
        _runs_folder(folder),
        *look_at_runs(folder, mark=args.mark_lost),
        _plugins(),
        *_terminal(),
    ]
    if args.json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        _print(findings)
    if not any(probes[name].usable for name in _BACKENDS):
        return 4
    return 3 if any(finding.level == "problem" for finding in findings) else 0


def _software(probes: Any, names: tuple[str, ...], rule: str) -> Iterator[Finding]:
    """One of them is enough; what is installed must work."""
    one_works = any(probes[name].usable for name in names)
    for name in names:
        found = probes[name]
        if found.usable and found.cause:
            yield Finding(found.title, "note", found.cause, found.mend or "")
        elif found.usable:
            yield Finding(found.title, "ok", f"{found.version} works on {', '.join(found.devices) or 'the CPU'}")
        elif found.version is None and one_works:
            yield Finding(found.title, "note", "is not installed; not needed, there is another", found.mend or "")
        else:
            why = "" if one_works else f"; {rule}"
            yield Finding(found.title, "problem", f"{found.cause or 'cannot be used'}{why}", found.mend or "")


def _runs_folder(folder: Path) -> Finding:
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("runs folder", "problem", f"{folder} cannot be written", "name another: --runs-dir DIR")
    free = shutil.disk_usage(there).free
    if free < _LOW_DISK_BYTES:
        detail = f"{folder} has {free / (1 << 30):.1f} GiB left; checkpoints need room"
        return Finding("runs folder", "problem", detail, "motrix runs rm RUN deletes a run; or name another --runs-dir")
    return Finding("runs folder", "ok", f"{folder}, {free / (1 << 30):.0f} GiB free")


def _plugins() -> Finding:
    from motrix_core.envs.catalog import catalog

    broken = [spec for spec in catalog().values() if spec.error is not None]
    if not broken:
        return Finding("environments", "ok", f"{len(catalog())} in the catalog")
    first = broken[0]
    return Finding("environments", "problem", f"{first.name}: {first.error}", f"mend or uninstall {first.origin}")


def _terminal() -> Iterator[Finding]:
    """What the dashboard would have to do without, and whether it could be drawn at all."""
    if not sys.stdout.isatty():
        yield Finding("terminal", "ok", "was not looked at, because stdout is none")
        return
    from motrix_core.terminal import find_terminal

    try:
        terminal = find_terminal(os.environ, sys.stdout.encoding)
    except UsageError as error:
        yield Finding("terminal", "note", error.message, error.mend or "")
        return
    columns, lines = shutil.get_terminal_size()
    lacks = list(_lacks(terminal, columns, lines))
    yield from lacks or [Finding("terminal", "ok", f"UTF-8, {columns}×{lines}")]


def _lacks(terminal: Terminal, columns: int, lines: int) -> Iterator[Finding]:
    if columns < _COLUMNS or lines < _LINES:
        detail = f"{columns}×{lines} is small for the dashboard"
        yield Finding("terminal", "note", detail, f"make it {_COLUMNS}×{_LINES} or larger")
    if not terminal.unicode:
        mend = "export LC_ALL=C.UTF-8 where the terminal has Unicode; the console of Linux has no braille"
        yield Finding("terminal", "note", "has no Unicode, so the dashboard is drawn in ASCII", mend)
    if not terminal.colours and "NO_COLOR" not in os.environ:
        detail = f"TERM={os.environ.get('TERM', '')} has no colours, so the dashboard shows focus by reverse"
        yield Finding("terminal", "note", detail, "export TERM=xterm-256color where the terminal has colours")


def _print(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, soft_wrap=True)
    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    for finding in findings:
        line = Text.assemble((f"{finding.level:8}", styles[finding.level]), f"{finding.what}: {finding.detail}")
        console.print(line)
        if finding.mend and finding.level != "ok":
            console.print(Text(f"        → {finding.mend}"))
