"""`motrix devices`: what this machine has, what of it can train, and what the automatic choice takes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from motrix_core.errors import MissingExtra, NoUsableBackend
from motrix_core.hardware.inventory import Inventory, gpu_possible, inventory
from motrix_core.hardware.probe import Probe, probe_all
from motrix_core.hardware.requirements import BACKENDS, SIMULATORS, TARGETS
from motrix_core.hardware.select import Selection, select_backend, select_sim


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Adds `devices` to the command line's subcommands."""
    parser = subparsers.add_parser(
        "devices",
        help="hardware, backends and simulators, and which ones automatic selection takes",
        description="Shows CPU, memory and GPUs, tries out every backend and simulator in a process of its own, and "
        "says which ones automatic selection takes, and why. Exit code 4: no backend is usable.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    return parser


def run(args: argparse.Namespace) -> int:
    """Prints the report; 0, or 4 when no backend is usable."""
    hardware = inventory()
    probes = _probe_with_status()
    chosen = _choose_backend(probes, gpu_possible(hardware.gpus))
    simulator = _choose_sim()
    if args.json:
        document = as_json(hardware, probes, chosen, simulator)
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    else:
        _print_report(Console(), hardware, probes, chosen, simulator)
    return chosen.exit_code if isinstance(chosen, NoUsableBackend) else 0


def as_json(
    hardware: Inventory,
    probes: Mapping[str, Probe],
    chosen: Selection | NoUsableBackend,
    simulator: Selection | MissingExtra,
) -> dict[str, Any]:
    """The document that `--json` prints; `selection` has only "error" and "mend" where nothing can be selected."""
    return {
        "hardware": hardware.to_json(),
        "backends": {name: probes[name].to_json() for name in BACKENDS},
        "simulators": {name: probes[name].to_json() for name in SIMULATORS},
        "selection": {"backend": _choice_json(chosen), "simulator": _choice_json(simulator)},
    }


def _choice_json(choice: Selection | NoUsableBackend) -> dict[str, Any]:
    if isinstance(choice, NoUsableBackend):
        return {"error": choice.message, "mend": choice.mend}
    return {**choice.to_json(), "error": None, "mend": None}


def _probe_with_status() -> dict[str, Probe]:
    """Probes everything; on a terminal with a line on stderr that names what is still being tried."""
    narration = Console(stderr=True)
    waiting = [TARGETS[name].title for name in TARGETS]
    if not narration.is_terminal:
        return probe_all(TARGETS)
    with narration.status(_status_line(waiting)) as status:

        def on_result(found: Probe) -> None:
            waiting.remove(found.title)
            status.update(_status_line(waiting))

        return probe_all(TARGETS, on_result)


def _status_line(waiting: list[str]) -> str:
    return f"trying {', '.join(waiting)} …"


def _choose_backend(probes: Mapping[str, Probe], gpu_in_reach: bool) -> Selection | NoUsableBackend:
    try:
        return select_backend("auto", probes.__getitem__, gpu_in_reach=gpu_in_reach)
    except NoUsableBackend as error:
        return error


def _choose_sim() -> Selection | MissingExtra:
    try:
        return select_sim("auto", SIMULATORS)
    except MissingExtra as error:
        return error


def _print_report(
    console: Console,
    hardware: Inventory,
    probes: Mapping[str, Probe],
    chosen: Selection | NoUsableBackend,
    simulator: Selection | MissingExtra,
) -> None:
    taken = {
        chosen.backend if isinstance(chosen, Selection) else None,
        simulator.backend if isinstance(simulator, Selection) else None,
    }
    _title(console, "Hardware")
    for label, value in _hardware_lines(hardware):
        _line(console, f"  {label:<10}", value)
    for title, names in (("Backends", BACKENDS), ("Simulators", SIMULATORS)):
        _title(console, f"\n{title}")
        for name in names:
            _print_probe(console, probes[name], taken=name in taken)
    _title(console, "\nAutomatic selection")
    for label, choice in (("backend", chosen), ("simulator", simulator)):
        if isinstance(choice, NoUsableBackend):
            _line(console, f"  {label:<10}", choice.message, style="red")
            _line(console, f"  {'mend':<10}", choice.mend or "")
        else:
            _line(console, f"  {label:<10}", choice.reason.removeprefix("automatic: "))


def _hardware_lines(hardware: Inventory) -> list[tuple[str, str]]:
    cpu, memory = hardware.cpu, hardware.memory
    cores = f"{cpu.logical} logical cores" + (f", {cpu.physical} physical" if cpu.physical else "")
    usable = f", {cpu.usable:g} usable here ({cpu.limited_by})" if cpu.limited_by else ""
    limited = f", the machine has {_gib(memory.machine_total)} ({memory.limited_by})" if memory.limited_by else ""
    lines = [
        ("CPU", f"{cpu.model}, {cores}{usable}"),
        ("memory", f"{_gib(memory.total)}, {_gib(memory.available)} available{limited}"),
    ]
    for gpu in hardware.gpus:
        used = "" if gpu.memory_total is None else f", {_gib(gpu.memory_used or 0)} of {_gib(gpu.memory_total)} used"
        busy = "" if gpu.utilisation is None else f", {gpu.utilisation} % busy"
        lines.append((f"GPU {gpu.index}", f"{gpu.name}{used}{busy}, driver {gpu.driver or 'unknown'}"))
    if hardware.gpu_reason:
        lines.append(("GPU", hardware.gpu_reason if hardware.gpus else f"none: {hardware.gpu_reason}"))
    versions = [f"{name} {version}" for name, version in hardware.packages.items() if version]
    lines.append(("packages", ", ".join([f"Python {hardware.python}", *versions])))
    return lines


def _print_probe(console: Console, found: Probe, *, taken: bool) -> None:
    marks = ("●", "○", "✖") if console.encoding.startswith("utf") else ("*", "-", "x")
    mark = marks[2] if not found.usable else marks[0] if taken else marks[1]
    style = "red" if not found.usable else "yellow" if found.cause else "green"
    devices = ", ".join(found.devices) if found.usable else found.status
    _line(console, f"  {mark} {found.title:<10}", f"{found.version or '-':<14} {devices}", style=style)
    for label, text in (("cause", found.cause), ("note", found.note), ("mend", found.mend)):
        if text:
            _line(console, f"      {label:<6}", text)


def _title(console: Console, text: str) -> None:
    console.print(Text(text, style="bold"))


def _line(console: Console, label: str, value: str, *, style: str = "") -> None:
    """One line that is never wrapped, so that a command in it can be copied."""
    shown = value.encode(console.encoding, errors="replace").decode(console.encoding)
    console.print(Text.assemble((label, style), shown), soft_wrap=True)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
