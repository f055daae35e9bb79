"""Compare: curves of several runs over each other, their figures, and the settings that differ."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import ScrollableContainer, Vertical
from textual.widget import Widget
from textual.widgets import Static

from motrix_core.runs.text import plain
from motrix_tui.actions import bindings
from motrix_tui.charts.chart import Chart
from motrix_tui.compare import data
from motrix_tui.compare.actions import COMPARE_ACTIONS
from motrix_tui.compare.details import details
from motrix_tui.compare.export import as_svg, write_csv
from motrix_tui.core import Core
from motrix_tui.monitor.chart_actions import ChartActions
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.shell.exporting import Exporting
from motrix_tui.shell.place import NOTHING_OPEN, Place
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

X_TITLES = {"env_steps": "env steps", "update": "updates", "time": "seconds of training"}
MOST_RUNS = 24


class ComparePane(ChartActions, Exporting, Vertical, Place):
    """The runs that `show` was called with last."""

    HELP = (
        "Curves of several runs over each other; a puts them over env steps, updates or time. m draws runs that differ "
        "in their seed only as a mean with its lowest and highest. e and E write what is shown as CSV and SVG."
    )
    BINDINGS: list[Binding] = bindings(COMPARE_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    ComparePane #nothing-compared { height: 1fr; content-align: center middle; color: $muted; }
    ComparePane ChartGrid { display: none; }
    ComparePane #compared {
        height: auto; max-height: 45%; padding: 0 1; display: none; border-top: solid $rule;
        scrollbar-size: 0 1;
    }
    ComparePane #compared-text { width: auto; text-wrap: nowrap; }
    ComparePane.-some #nothing-compared { display: none; }
    ComparePane.-some ChartGrid { display: block; }
    ComparePane.-some.-details #compared { display: block; }
    """

    def __init__(self, core: Core, *, id: str) -> None:
        super().__init__(id=id, classes="-details")
        self._core = core
        self.runs: Sequence[Run] = ()
        """What `show` was called with last."""
        self._compared: list[data.Compared] = []
        self._tiles: dict[str, Chart] = {}
        self._unsuited: deque[str] = deque()
        self._panels = {}
        self._feed = None
        self._grouped = False

    def compose(self) -> ComposeResult:
        text = "nothing to compare yet\n\n3 goes to Runs: space marks runs, c compares them"
        yield Static(text, id="nothing-compared", markup=False)
        yield ChartGrid(id="compare-charts")
        with ScrollableContainer(id="compared"):
            yield Static("", id="compared-text", markup=False)

    @work(exclusive=True, group="compare")
    async def show(self, runs: Sequence[Run]) -> None:
        """Compare `runs`, at most 24 of them; reading them happens in a thread."""
        self.runs = runs
        shown = list(runs)[:MOST_RUNS]
        if len(runs) > MOST_RUNS:
            self.notify(f"the first {MOST_RUNS} of {len(runs)} runs are compared", severity="warning", markup=False)
        waiting = self.query_one("#nothing-compared", Static)
        waiting.update(f"reading {len(shown)} run{'s' if len(shown) > 1 else ''} …")
        self.remove_class("-some")
        self._compared = await in_thread(lambda: [data.load(run) for run in shown])
        for item in self._compared:
            if item.problem:
                self.notify(item.problem, title=plain(item.run.id), severity="warning", markup=False)
        self._make_tiles()

    def _make_tiles(self) -> None:
        names = data.metrics(self._compared)
        self._tiles = {
            name: Chart(
                plain(name.replace("/", " · ").replace("_", " ")),
                smoothing=self._layout.smoothing,
                x_axis=self._axis,
                glyphs=self._glyphs,
            )
            for name in names
        }
        self.set_class(bool(names), "-some")
        self._show_tiles()
        self.refresh_bindings()
        if names:
            self._write_details()
        else:
            self.query_one("#nothing-compared", Static).update("these runs have no metrics yet\n\n3 goes to Runs")

    def _show_tiles(self) -> None:
        tiles: list[Widget] = list(self._tiles.values())
        self.query_one(ChartGrid).set_tiles(tiles, tiles, {}, self._layout.row_height)

    def on_chart_grid_page_changed(self) -> None:
        self._draw_charts()
        visible = self.query_one(ChartGrid).visible_tiles
        if visible and self.is_on_screen and (self.screen.focused is None or not self.screen.focused.display):
            visible[0].focus()

    def _draw_charts(self) -> None:
        for name, chart in self._tiles.items():
            if chart.display and name not in self._unsuited:
                self._draw_chart(name)

    def _draw_chart(self, id: str) -> None:
        for line in self._lines(id):
            self._tiles[id].set_series(line.label, line.x, line.y, border_of=line.border_of)

    def _write_details(self) -> None:
        if self._compared:
            self.query_one("#compared-text", Static).update(details(self._compared))

    # --- actions ---

    def why_not(self, handler: str) -> str | None:
        return None if self._tiles else NOTHING_OPEN["compare"]

    def action_group(self) -> None:
        self._grouped = not self._grouped
        if self._compared:
            for chart in self._tiles.values():
                chart.drop_series()
            self._draw_charts()
            self.notify("seeds as mean with a band" if self._grouped else "every run on its own", timeout=2)

    def action_details(self) -> None:
        self.toggle_class("-details")

    def action_export_csv(self) -> None:
        names = [name for name, chart in self._tiles.items() if chart.display]
        if names:
            curves, x_title = [(name, self._lines(name)) for name in names], X_TITLES[self._axis]
            self.export("compare", "csv", lambda out: write_csv(out, curves, x_title))

    def action_export_svg(self) -> None:
        chart = self.active_chart
        name = next((name for name, tile in self._tiles.items() if tile is chart), None)
        if name is not None:
            env = ", ".join(sorted({plain(item.run.env, limit=40) for item in self._compared}))
            title, x_title = f"{env} · {plain(name)}", X_TITLES[self._axis]
            svg = as_svg(title, self._lines(name), x_title, x_is_time=self._axis == "time")
            self.export("compare", "svg", lambda out: _write(out, svg))

    def _lines(self, name: str) -> list[data.Line]:
        return data.lines(self._compared, name, self._axis, grouped=self._grouped)

    def _remember_layout(self) -> None:
        """What is compared has no environment of its own to remember a layout for."""
        self._layout = replace(self._layout, hidden=frozenset())


def _write(out: TextIO, text: str) -> None:
    out.write(text)
