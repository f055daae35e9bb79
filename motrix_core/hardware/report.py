"""The whole picture of a machine, as `motrix devices` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from motrix_core.errors import MissingExtra, NoUsableBackend
from motrix_core.hardware.inventory import Inventory, gpu_possible
from motrix_core.hardware.probe import Probe
from motrix_core.hardware.requirements import BACKENDS, SIMULATORS
from motrix_core.hardware.select import Selection, select_backend, select_sim


@dataclass(frozen=True)
class Report:
    """Hardware, every probe, and what the automatic choice takes, or the error that it ends in."""

    hardware: Inventory
    probes: Mapping[str, Probe]
    backend: Selection | NoUsableBackend
    simulator: Selection | MissingExtra

    @classmethod
    def of(cls, hardware: Inventory, probes: Mapping[str, Probe]) -> Report:
        """The report on `hardware`, from the `probes` of every backend and simulator."""
        backend: Selection | NoUsableBackend
        simulator: Selection | MissingExtra
        try:
            in_reach = gpu_possible(hardware.gpus)
            backend = select_backend("auto", probes.__getitem__, gpu_in_reach=in_reach)
        except NoUsableBackend as error:
            backend = error
        try:
            simulator = select_sim("auto", SIMULATORS)
            found = probes[simulator.backend]
            if not found.usable:  # chosen by package metadata, as a run does, which cannot know this
                reason = f"{simulator.reason}, which is installed, but unusable: {found.cause}"
                simulator = replace(simulator, reason=reason)
        except MissingExtra as error:
            simulator = error
        return cls(hardware, probes, backend, simulator)

    def to_json(self) -> dict[str, Any]:
        """The document that `motrix devices --json` prints."""
        return {
            "hardware": self.hardware.to_json(),
            "backends": {name: self.probes[name].to_json() for name in BACKENDS},
            "simulators": {name: self.probes[name].to_json() for name in SIMULATORS},
            "selection": {"backend": _choice_json(self.backend), "simulator": _choice_json(self.simulator)},
        }

    def takes(self, name: str) -> bool:
        """Whether the automatic choice takes the backend or simulator `name`."""
        return any(
            isinstance(choice, Selection) and choice.backend == name for choice in (self.backend, self.simulator)
        )


def print_report(console: Console, report: Report) -> None:
    """Prints the report for people; a line is never wrapped, so that a command in it can be copied."""
    _print(console, "Hardware", style="bold")
    for label, value in _hardware_lines(report.hardware):
        _print(console, f"  {label:<10}", value)
    for title, names in (("Backends", BACKENDS), ("Simulators", SIMULATORS)):
        _print(console, f"\n{title}", style="bold")
        for name in names:
            _print_probe(console, report.probes[name], taken=report.takes(name))
    _print(console, "\nAutomatic selection", style="bold")
    for label, choice in (("backend", report.backend), ("simulator", report.simulator)):
        if isinstance(choice, Selection):
            _print(console, f"  {label:<10}", choice.reason.removeprefix("automatic: "))
        else:
            _print(console, f"  {label:<10}", choice.message, style="red")
            _print(console, f"  {'mend':<10}", choice.mend or "")


def _choice_json(choice: Selection | NoUsableBackend) -> dict[str, Any]:
    if isinstance(choice, Selection):
        return {**choice.to_json(), "error": None, "mend": None}
    return {"backend": None, "device": None, "reason": None, "error": choice.message, "mend": choice.mend}


def _hardware_lines(hardware: Inventory) -> list[tuple[str, str]]:
    cpu, memory = hardware.cpu, hardware.memory
    cores = f"{cpu.logical} logical cores" + (f", {cpu.physical} physical" if cpu.physical else "")
    usable = f", {cpu.usable:g} usable here ({cpu.limited_by})" if cpu.limited_by else ""
    limited = f" ({memory.limited_by}; the machine has {_gib(memory.machine_total)})" if memory.limited_by else ""
    lines = [
        ("CPU", f"{cpu.model}, {cores}{usable}"),
        ("memory", f"{_gib(memory.total)}, {_gib(memory.available)} available{limited}"),
    ]
    for gpu in hardware.gpus:
        size = "" if gpu.memory_total is None else f", {_gib(gpu.memory_total)}"
        used = "" if gpu.memory_used is None else f", {_gib(gpu.memory_used)} used"
        busy = "" if gpu.utilisation is None else f", {gpu.utilisation} % busy"
        lines.append((f"GPU {gpu.index}", f"{gpu.name}{size}{used}{busy}, driver {gpu.driver or 'unknown'}"))
    if hardware.gpu_reason:
        lines.append(("GPU", hardware.gpu_reason if hardware.gpus else f"none: {hardware.gpu_reason}"))
    versions = [f"{name} {version}" for name, version in hardware.packages.items() if version]
    lines.append(("packages", ", ".join([f"Python {hardware.python}", *versions])))
    return lines


def _print_probe(console: Console, found: Probe, *, taken: bool) -> None:
    taken_mark, usable_mark, broken_mark = ("●", "○", "✖") if _unicode(console) else ("*", "o", "x")
    mark = broken_mark if not found.usable else taken_mark if taken else usable_mark
    style = "red" if not found.usable else "yellow" if found.cause else "green"
    state = ", ".join(found.devices) if found.usable else found.status
    _print(console, f"  {mark} {found.title:<10}", f"{found.version or '-':<14} {state}", style=style)
    for label, text in (("cause", found.cause), ("note", found.note), ("mend", found.mend)):
        if text:
            _print(console, f"      {label:<6}", text)


def _print(console: Console, label: str, value: str = "", *, style: str = "") -> None:
    shown = value.encode(console.encoding, errors="replace").decode(console.encoding)
    console.print(Text.assemble((label, style), shown), soft_wrap=True)


def _unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
