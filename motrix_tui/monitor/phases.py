"""Where the time of an update goes, and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from textwrap import wrap

from rich.cells import cell_len
from textual.color import Color
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from motrix_tui.charts.palette import series_colours, slot_for

PHASES = ("physics", "task", "inference", "transfer", "update")
_WINDOW = 10
_DOMINANT = 0.5
_ENOUGH = 3
_ADVICE = {
    "physics": "Physics dominates: more threads or the other simulator help; the learner waits for it.",
    "task": "Task code dominates: vectorise rewards and observations, or take fewer of them.",
    "inference": "Acting dominates: more environments per batch use the backend better.",
    "transfer": "Copies between host and device dominate: more environments or the CPU may be faster.",
    "update": "The update dominates: fewer epochs, larger mini-batches or a GPU make it shorter.",
}


def metric(phase: str) -> str:
    return f"time/{phase}_ms"


def mean_of_last(values) -> float:
    """Mean of the finite ones among the last ten values; NaN if there is none."""
    finite = [float(value) for value in values[-_WINDOW:] if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def shares(durations_ms: Mapping[str, float]) -> dict[str, float]:
    """Each phase's share of the time, 0 to 1; phases that are not measured are left out."""
    known = {name: value for name, value in durations_ms.items() if math.isfinite(value) and value >= 0}
    total = sum(known.values())
    return {name: value / total for name, value in known.items()} if 0 < total < math.inf else {}


def advice(share_of: Mapping[str, float], updates: int) -> str:
    """One sentence about the phase that takes half of the time or more; "" if none does, or if `updates`, the number of
    usual ones that the shares are of, are too few to tell."""
    if updates < _ENOUGH:
        return ""
    name, share = max(share_of.items(), key=lambda item: item[1], default=("", 0.0))
    return _ADVICE.get(name, "") if share >= _DOMINANT else ""


class PhasePanel(Widget, can_focus=True):
    """A bar for each phase of the last updates, and advice when one dominates."""

    ALLOW_SELECT = False
    HELP = (
        "Where the time of an update goes, as the mean of the last ten. The first of a process, which also compiles, "
        "does not count."
    )
    DEFAULT_CSS = """
    PhasePanel { border: round $rule; border-title-color: $foreground; border-title-style: bold; }
    PhasePanel:focus { border: round $primary; }
    PhasePanel.-bare { border: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "where the time goes"
        self._durations_ms: dict[str, float] = {}
        self._updates = 0

    def show(self, durations_ms: Mapping[str, float], updates: int) -> None:
        """Mean milliseconds of each phase, NaN for one that is not measured, of as many usual `updates`."""
        if dict(durations_ms) != self._durations_ms or min(updates, _ENOUGH) != min(self._updates, _ENOUGH):
            self._durations_ms, self._updates = dict(durations_ms), updates
            self.refresh()

    def render(self) -> Content:
        share_of = shares(self._durations_ms)
        width, height = self.size.width, self.size.height
        if not share_of:
            return Content("no phase times yet")
        background = self.background_colors[1]
        colours = series_colours(background.brightness < 0.5, self.app.theme_variables)
        taken: set[int] = set()
        lines = []
        for name in (name for name in PHASES if name in share_of):
            slot = slot_for(name, taken)
            taken.add(slot)
            style = Style(foreground=Color.parse(colours[slot]))
            lines.append(self._bar(name, share_of[name], width, style))
        text = advice(share_of, self._updates)
        if text and height > len(lines):
            if height - len(lines) > len(wrap(text, max(width, 1))):
                lines.append(Content(""))
            lines.append(Content(text).stylize("$muted"))
        return Content("\n").join(lines)

    def _bar(self, name: str, share: float, width: int, style: Style) -> Content:
        figures = f" {share:4.0%} {_milliseconds(self._durations_ms[name]):>7}"
        room = max(width - 10 - cell_len(figures), 0)
        return Content.assemble(
            f"{name:<10}"[: max(width, 0)], ("█" * round(share * room)).ljust(room), figures
        ).stylize(style, 10, 10 + room)


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
