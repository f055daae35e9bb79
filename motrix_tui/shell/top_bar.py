"""The top line: the places with the count of live runs, and the machine's load."""

from __future__ import annotations

from collections import deque

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from motrix_tui.core import Usage
from motrix_tui.shell.tab_strip import Tab, TabStrip
from motrix_tui.text import BARS, gibibytes

PLACES = (
    ("launch", "1 Launch"),
    ("monitor", "2 Monitor"),
    ("runs", "3 Runs"),
    ("compare", "4 Compare"),
    ("play", "5 Play"),
)
WIDE, MIDDLE = 104, 76


class TopBar(Widget):
    DEFAULT_CSS = """
    TopBar { height: 1; layout: horizontal; background: $panel; }
    TopBar #name { width: 9; color: $accent; text-style: bold; padding: 0 1; }
    TopBar #load { width: 1fr; text-align: right; color: $muted; padding: 0 1; }
    """

    live: reactive[int] = reactive(0)
    waiting: reactive[int] = reactive(0)
    place: reactive[str] = reactive("launch")

    def __init__(self, place: str) -> None:
        super().__init__()
        self.set_reactive(TopBar.place, place)

    def compose(self) -> ComposeResult:
        yield Static("motrix", id="name")
        yield TabStrip(self._tabs(), self.place, id="places")
        yield LoadMeter(id="load")

    def watch_live(self) -> None:
        self._renew()

    def watch_waiting(self) -> None:
        self._renew()

    def watch_place(self) -> None:
        self._renew()

    def _renew(self) -> None:
        if self.is_mounted:
            strip = self.query_one(TabStrip)
            strip.tabs, strip.active = self._tabs(), self.place

    def _tabs(self) -> tuple[Tab, ...]:
        badge = {"monitor": f"●{self.live}"} if self.live else {}
        badge |= {"launch": f"+{self.waiting}"} if self.waiting else {}
        return tuple(Tab(name, label, badge.get(name, ""), "bold $success") for name, label in PLACES)


class LoadMeter(Static):
    """CPU, memory and GPU load; shows as much as its width allows and never wraps."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._history: deque[float] = deque(maxlen=5)
        self._usage: Usage | None = None

    def show(self, usage: Usage) -> None:
        self._usage = usage
        self._history.append(usage.cpu_percent)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._usage is not None:
            self.update(self._line(self._usage, self.size.width))

    def _line(self, usage: Usage, width: int) -> Content:
        bars = "".join(BARS[min(7, int(value / 12.5))] for value in self._history)
        cpu, ram = f"{usage.cpu_percent:3.0f}%", gibibytes(usage.memory_used)
        gpu = "–" if usage.gpu_percent is None else f"{usage.gpu_percent:.0f}%"
        candidates = (
            (("cpu ", bars, f" {cpu}"), ("ram ", f"{ram}/{gibibytes(usage.memory_total)} G", ""), ("gpu ", gpu, "")),
            (("cpu ", cpu.strip(), ""), ("ram ", f"{ram} G", ""), ("gpu ", gpu, "")),
            (("cpu ", cpu.strip(), ""), ("gpu ", gpu, "")),
            (("cpu ", cpu.strip(), ""),),
        )
        for parts in candidates:
            line = Content("  ").join(
                Content.assemble((name, "$muted"), (value, "$primary" if value is bars else ""), tail)
                for name, value, tail in parts
            )
            if line.cell_length <= width:
                return line
        return Content("")
