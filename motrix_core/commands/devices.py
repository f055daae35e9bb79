"""`motrix devices`: what this machine has, what of it can train, and what the automatic choice takes."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motrix_core.hardware import Probe


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "devices",
        help="hardware, backends and simulators, and which ones automatic selection takes",
        description="Shows CPU, memory and GPUs, tries out every backend and simulator in a process of its own, and "
        "says which ones automatic selection takes, and why. Exit code 4: no backend is usable.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")


def run(args: argparse.Namespace) -> int:
    """Prints the report; 0, or 4 when no backend is usable."""
    from rich.console import Console

    from motrix_core.errors import NoUsableBackend
    from motrix_core.hardware.inventory import inventory
    from motrix_core.hardware.report import Report, print_report

    report = Report.of(inventory(), _probe_with_status())
    if args.json:
        sys.stdout.write(json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n")
    else:
        print_report(Console(), report)
    return report.backend.exit_code if isinstance(report.backend, NoUsableBackend) else 0


def _probe_with_status() -> dict[str, Probe]:
    """Probes everything; on a terminal with a line on stderr that names what is still being tried."""
    from rich.console import Console

    from motrix_core.hardware.probe import probe_all
    from motrix_core.hardware.requirements import TARGETS

    narration = Console(stderr=True)
    if not narration.is_terminal:
        return probe_all(TARGETS)
    waiting = [target.title for target in TARGETS.values()]
    with narration.status(f"trying {', '.join(waiting)}") as status:

        def on_result(found: Probe) -> None:
            waiting.remove(found.title)
            if waiting:
                status.update(f"trying {', '.join(waiting)}")

        return probe_all(TARGETS, on_result)
