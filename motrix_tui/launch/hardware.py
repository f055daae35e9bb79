"""The machine: CPU, memory, GPUs, and the list of backends and simulators with their health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.launch.machine import BACKENDS, Candidate
from motrix_tui.text import SPINNER, gibibytes, shortened

if TYPE_CHECKING:
    from motrix_core.hardware import Inventory

SPINNER_PERIOD_S = 0.1


class HardwarePanel(VerticalScroll, can_focus=False):
    HELP = (
        "What this machine has. Backends and simulators are tried out one by one in processes of their own; one that "
        "cannot be used stays in the list and says why, and what to type to mend it."
    )

    def __init__(self, core: Core, *, id: str) -> None:
        super().__init__(id=id)
        self._core = core
        self._inventory: Inventory | None = None
        self.border_title = "Hardware"

    def compose(self) -> ComposeResult:
        yield Static("", id="inventory", markup=False)
        yield CandidateList(id="candidates")
        yield Static("", id="detail", markup=False)

    def show_inventory(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._draw_inventory()

    def on_resize(self) -> None:
        # On a narrow terminal it has no width until it is gone to.
        self._draw_inventory()

    def _draw_inventory(self) -> None:
        if self._inventory is not None and self.content_size.width:
            self.query_one("#inventory", Static).update(self._machine(self._inventory))

    def show_candidates(self, candidates: Sequence[Candidate]) -> None:
        self.query_one(CandidateList).candidates = tuple(candidates)
        self._show_detail()

    def on_candidate_list_moved(self) -> None:
        self._show_detail()

    def on_descendant_focus(self) -> None:
        self._show_detail()

    def on_descendant_blur(self) -> None:
        self._show_detail()

    def _show_detail(self) -> None:
        """About the one under the cursor while the list has the focus, else about the backend that would train."""
        listed = self.query_one(CandidateList)
        chosen = next((candidate for candidate in listed.candidates if candidate.taken), None)
        self.query_one("#detail", Static).update(self._detail(listed.current if listed.has_focus else chosen))

    def _machine(self, inventory: Inventory) -> Content:
        cpu, memory = inventory.cpu, inventory.memory
        lines = [
            ("CPU", f"{cpu.usable:g} cores · {plain(cpu.model)}"),
            ("RAM", f"{gibibytes(memory.available)} of {gibibytes(memory.total)} GiB free"),
        ]
        for gpu in inventory.gpus:
            size = f"{gibibytes(gpu.memory_total)} GiB · " if gpu.memory_total else ""
            lines.append((f"GPU{gpu.index}" if len(inventory.gpus) > 1 else "GPU", f"{size}{plain(gpu.name)}"))
        if not inventory.gpus:
            lines.append(("GPU", "none found"))
        width = max(12, self.content_size.width - 5)
        return Content("\n").join(
            Content.assemble((f"{name:<5}", "$muted"), shortened(value, width)) for name, value in lines
        )

    def _detail(self, candidate: Candidate | None) -> Content:
        """Cause and mend of what cannot be used, device of what can."""
        if candidate is None:
            return Content("")
        probe = candidate.probe
        if probe is None:
            return Content.styled(f"trying out {candidate.title} …", "$muted")
        if probe.usable:
            devices = ", ".join(plain(device) for device in probe.devices)
            state = f"on {devices}" if devices else "works"
            return Content.styled(f"{candidate.title} {state}{_misfit(candidate)}", "$muted")
        parts = [(f"✖ {plain(probe.cause or 'cannot be used')}", "$error")]
        if probe.mend:
            parts.append((f"\n{plain(probe.mend)}", "$warning"))
        return Content.assemble(*parts)


def _misfit(candidate: Candidate) -> str:
    if candidate.fits:
        return ""
    return "; this environment does not run on it" if candidate.needed else "; this environment needs no simulator"


class CandidateList(Widget, can_focus=True):
    """Backends, a rule, simulators; Enter takes the one under the cursor."""

    HELP = HardwarePanel.HELP
    DEFAULT_CSS = """
    CandidateList { height: 6; margin-top: 1; }
    """
    BINDINGS = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("enter,space", "take", "take", show=False),
    ]

    candidates: reactive[tuple[Candidate, ...]] = reactive(())
    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor is on another line."""

    @dataclass
    class Taken(Message):
        """The person chose `name`."""

        name: str

    def on_mount(self) -> None:
        self._phase = 0
        self._spinner = self.set_interval(SPINNER_PERIOD_S, self._spin, pause=True)

    @property
    def current(self) -> Candidate | None:
        return self.candidates[self.cursor] if self.cursor < len(self.candidates) else None

    def watch_candidates(self, candidates: tuple[Candidate, ...]) -> None:
        if any(candidate.probe is None for candidate in candidates):
            self._spinner.resume()
        else:
            self._spinner.pause()

    def _spin(self) -> None:
        self._phase = (self._phase + 1) % len(SPINNER)
        self.refresh()

    def render(self) -> Content:
        lines = [Content.styled("Backend", "$muted")]
        for index, candidate in enumerate(self.candidates):
            if index == len(BACKENDS):
                lines.append(Content.styled("Simulator", "$muted"))
            lines.append(self._line(candidate, index == self.cursor and self.has_focus))
        return Content("\n").join(lines)

    def _line(self, candidate: Candidate, focused: bool) -> Content:
        width = self.size.width
        version = ".".join(plain(candidate.version or "").split("+")[0].split(".")[:3])
        mark = "●" if candidate.taken else "○"
        if candidate.probe is None:
            tail = SPINNER[self._phase]
        elif not candidate.probe.usable:
            mark, tail = "✖", "unusable" if candidate.version else "missing"
        else:
            tail = "gpu" if candidate.probe.gpu else "cpu" if candidate.name in BACKENDS else "ok"
        if candidate.automatic and candidate.name in BACKENDS:
            tail += " auto"
        if not candidate.fits:
            # The version is of no use here, and the words need its place.
            mark, version = " ", ""
            tail = "unsupported" if candidate.needed else "not needed"
        head = f" {mark} {candidate.title} {version}"
        line = Content(shortened(head, width - len(tail) - 2).ljust(width - len(tail) - 1) + tail + " ")
        if focused:
            return line.stylize("bold $background on $primary")
        if not candidate.fits or candidate.unusable:
            return line.stylize("$muted")
        return line.stylize("bold $success" if candidate.taken else "$foreground")

    def action_move(self, by: int) -> None:
        self.cursor = max(0, min(len(self.candidates) - 1, self.cursor + by))
        self.post_message(self.Moved())

    def action_take(self) -> None:
        if self.current is not None:
            self.post_message(self.Taken(self.current.name))

    def on_click(self, event: events.Click) -> None:
        index = event.y - 1 if event.y <= len(BACKENDS) else event.y - 2
        if 0 <= index < len(self.candidates) and event.y not in (0, len(BACKENDS) + 1):
            self.cursor = index
            self.post_message(self.Moved())
            self.action_take()
