"""Monitor: watches one run.

Events are read in slices, with pauses, by the rules of ReadingPace, and ten times a second everything that changed is
drawn once, charts less often while reading is behind; no message is sent for a metric. All figures come from RunFeed,
all drawing is done by the parts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from motrix_tui.actions import bindings
from motrix_tui.charts.chart import Chart
from motrix_tui.monitor.actions import MONITOR_ACTIONS
from motrix_tui.monitor.chart_actions import ChartActions
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.header import Header, resources_line, trouble
from motrix_tui.monitor.log import LogPane, LogTail
from motrix_tui.monitor.pace import LEAST_PAUSE_S, ReadingPace
from motrix_tui.monitor.panels import EVALUATION, KNOWN, PanelSpec, make_panels, why_empty
from motrix_tui.monitor.phases import PHASES, PhasePanel, mean_of_last, metric
from motrix_tui.monitor.run_actions import RunActions
from motrix_tui.shell.growing import Growing
from motrix_tui.shell.line_input import LineInput

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_tui.settings import Settings

TICK_S = 0.1
STATE_S = 1.0
_PHASE_TILE_AT = 5
_LAST_LINES = 5
_CRASH_STATUSES = ("failed", "crashed", "lost")


class MonitorPane(RunActions, ChartActions, Vertical):
    """Charts, phases, resources and log of the run that `open_run` was called with last."""

    HELP = (
        "One run, live or past. Charts follow the newest update until they are panned; i puts a crosshair with exact "
        "values into all of them. Closing the dashboard does not touch training."
    )
    BINDINGS: list[Binding] = bindings(MONITOR_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    MonitorPane { height: 1fr; }
    MonitorPane #nothing { height: 1fr; content-align: center middle; color: $muted; }
    MonitorPane #trouble { max-height: 7; padding: 0 1; display: none; }
    MonitorPane #trouble.-wrong { display: block; }
    MonitorPane #chart-filter { height: 1; display: none; background: $surface; }
    MonitorPane #resources { height: 1; padding: 0 1; }
    MonitorPane LogPane { height: 25%; min-height: 5; max-height: 14; }
    MonitorPane.-compact LogPane { display: none; height: 1fr; max-height: 100%; }
    MonitorPane.-compact.-log LogPane { display: block; }
    MonitorPane.-compact.-log ChartGrid { display: none; }
    MonitorPane.-tiny #resources, MonitorPane.-tiny #trouble.-wrong { display: none; }
    MonitorPane.-tiny LogPane { min-height: 1; }
    MonitorPane.-idle LogPane { display: none; }
    """

    @dataclass
    class Detached(Message):
        """The person does not want to watch `run` any longer."""

        run: Run

    @dataclass
    class PlayWanted(Message):
        """The person wants to watch the policy of `run`."""

        run: Run

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        id: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(id=id)
        self._settings, self._clock = settings, clock
        self._feed: RunFeed | None = None
        self._tail: LogTail | None = None
        self._panels: dict[str, PanelSpec] = {}
        self._tiles: dict[str, Chart] = {}
        self._phases = PhasePanel()
        self._names: tuple[str, ...] = ()
        self._filter = ""
        self._generation = 0
        self._trouble: Content | None = None
        self._reading = self._has_news = False
        self._pace = ReadingPace()
        self._unsuited: deque[str] = deque()

    def compose(self) -> ComposeResult:
        yield Static("no run is open\n\n1 launches one · 3 lists those there are", id="nothing", markup=False)
        yield Header(id="monitor-header")
        yield Growing("", id="trouble", markup=False)
        # Disabled while it is hidden, or it would take the focus when the dashboard opens.
        yield LineInput(placeholder="filter", compact=True, id="chart-filter", disabled=True)
        yield ChartGrid(id="charts")
        yield Static("", id="resources", markup=False)
        yield LogPane(id="log")

    def on_mount(self) -> None:
        self._show_parts()
        self.set_interval(TICK_S, self._tick)
        self.set_interval(STATE_S, self._refresh_state)

    @property
    def run(self) -> Run | None:
        return self._feed.run if self._feed else None

    @property
    def feed(self) -> RunFeed | None:
        return self._feed

    def open_run(self, run: Run) -> None:
        """Show `run`; the one that was shown before is left alone."""
        if self._feed is not None and self._feed.run == run:
            return
        self._feed = RunFeed(run, clock=self._clock)
        self._tail = LogTail(run.paths.console)
        self._recall_layout()
        self._panels, self._tiles, self._names = {}, {}, ()
        self._filter, self._generation, self._trouble = "", 0, None
        if self.is_mounted:
            self._show_parts()

    def close_run(self) -> None:
        """Show nothing; training is not touched."""
        self._feed = self._tail = None
        self._panels, self._tiles, self._names = {}, {}, ()
        self._unsuited.clear()
        self._show_parts()

    def _show_parts(self) -> None:
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            # It may be a chart of the run before, and keys that go to what is removed reach nobody.
            self.screen.set_focus(None)
        is_open = self._feed is not None
        self.set_class(not is_open, "-idle")
        self.query_one("#nothing").display = not is_open
        for part in ("#monitor-header", "#charts", "#resources"):
            self.query_one(part).display = is_open
        box = self.query_one("#chart-filter", Input)
        box.display, box.disabled = False, True
        with box.prevent(Input.Changed):
            box.value = ""
        self.query_one("#trouble").remove_class("-wrong")
        self.query_one(LogPane).open(self._tail)
        self._phases.show({}, 0)
        self._look()
        self._lay_out()
        self._make_tiles()
        self._reading = False
        self._read()
        self._draw_charts()

    # --- reading ---

    def _tick(self) -> None:
        if self._feed is None or not self.is_on_screen:
            return
        self._read()
        if self._has_news and self._pace.is_time_to_draw():
            self._draw_charts()
        log = self.query_one(LogPane)
        if self._tail is not None and self._tail.poll():
            log.renew()
        log.keep_at_end()
        self._draw_figures()

    def _read(self) -> None:
        """Go on reading unless that is under way, slice by slice until the end of the file is reached."""
        if self._feed is not None and not self._reading:
            self._reading = True
            self._read_slice(self._feed)

    def _read_slice(self, feed: RunFeed) -> None:
        if feed is not self._feed:
            return
        if self._unsuited:
            # A person waits for the charts.
            self.set_timer(LEAST_PAUSE_S, partial(self._read_slice, feed))
            return
        self._has_news |= feed.poll(self._pace.begin())
        self._reading = not feed.at_end
        pause_s = self._pace.end(at_end=feed.at_end)
        if self._reading:
            # A file that grows faster than it can be read, or a very long one, must not keep a key waiting.
            self.set_timer(pause_s, partial(self._read_slice, feed))

    def _refresh_state(self) -> None:
        if self._feed is not None and self.is_on_screen:
            self._feed.refresh_state()

    # --- drawing ---

    def _draw_figures(self) -> None:
        feed = self._feed
        if feed is None:
            return
        # Not the parts' own widths: they have none before they are laid out, and the first picture has all of it.
        width = max(self.size.width - 2, 0)
        self.query_one(Header).show(feed, width, 2 if self.size.height >= 14 else 1)
        grid, resources = self.query_one(ChartGrid), self.query_one("#resources", Static)
        line = resources_line(feed, width, grid.page, grid.page_count)
        resources.update(line, layout=False)
        lines = list(self._tail.lines)[-_LAST_LINES:] if self._tail and feed.status in _CRASH_STATUSES else []
        problem = trouble(feed, lines)
        panel = self.query_one("#trouble", Static)
        panel.set_class(problem is not None, "-wrong")
        if problem is not None and problem != self._trouble:
            panel.update(problem)
        self._trouble = problem
        updates, is_live = feed.series.rows, feed.is_live
        for id, chart in self._tiles.items():
            if chart.display:
                text = why_empty(self._panels[id], updates=updates, engine=feed.engine, is_live=is_live)
                chart.set_empty_text(text)

    def _draw_charts(self) -> None:
        """Give the charts on the page what is new; a chart without anything new does not draw."""
        feed = self._feed
        if feed is None:
            return
        self._has_news = False
        self._pace.drawn()
        names = tuple(feed.series.names())
        if names != self._names:
            self._names = names
            self._make_tiles()
        if feed.generation != self._generation:
            self._generation = feed.generation
            for chart in self._tiles.values():
                chart.clear()
        for id, chart in self._tiles.items():
            if chart.display and id not in self._unsuited:
                self._draw_chart(id)
        phases = {phase: feed.usual(metric(phase)) for phase in PHASES}
        durations_ms = {phase: mean_of_last(values) for phase, (values, _) in phases.items()}
        self._phases.show(durations_ms, max(updates for _, updates in phases.values()))

    def _draw_chart(self, id: str) -> None:
        chart, feed = self._tiles[id], cast(RunFeed, self._feed)
        for series in self._panels[id].series:
            chart.set_series(series.label, *feed.series.xy(series.name, self._axis), quiet=series.quiet)
        if (domain := feed.domain(self._axis)) is not None:
            chart.set_domain(*domain)
        chart.set_marks(feed.marks(self._axis))

    def _make_tiles(self) -> None:
        """A chart for each panel; charts that there are already stay, and so does their zoom."""
        panels = {panel.id: panel for panel in make_panels(self._names, self._expected())} or {
            "return": PanelSpec("return", "return", ())
        }
        for id, panel in panels.items():
            if id not in self._tiles:
                self._tiles[id] = Chart(
                    panel.title,
                    log_y=panel.log_y,
                    smoothing=self._layout.smoothing,
                    x_axis=self._axis,
                    glyphs=self._glyphs,
                )
            # One of a single metric is named after it, until there is another.
            self._tiles[id].title = panel.title
        self._panels = panels
        self._tiles = {id: self._tiles[id] for id in panels}
        self._show_tiles()

    def _expected(self) -> frozenset[str]:
        """The charts of a live run that wait for their first value: all before its first update."""
        feed = self._feed
        if feed is None or not feed.is_live:
            return frozenset()
        waiting = frozenset({EVALUATION}) if self._names else KNOWN
        return waiting if feed.evaluates else waiting - {EVALUATION}

    def _show_tiles(self) -> None:
        layout = self._layout
        ids = layout.sorted(list(self._tiles))
        tiles: list[Widget] = [self._tiles[id] for id in ids]
        wanted: list[Widget] = [
            self._tiles[id] for id in ids if id not in layout.hidden and self._panels[id].matches(self._filter)
        ]
        for group in (tiles, wanted):
            if group is tiles or not self._filter:
                group.insert(min(_PHASE_TILE_AT, len(group)), self._phases)
        spans: dict[Widget, int] = {self._tiles[id]: span for id, span in layout.wide.items() if id in self._tiles}
        self.query_one(ChartGrid).set_tiles(tiles, wanted, spans, layout.row_height)

    def on_chart_grid_page_changed(self) -> None:
        self._draw_charts()
        visible = self.query_one(ChartGrid).visible_tiles
        if visible and self.is_on_screen and self.screen.focused is None:
            # Keys reach Monitor through what is focused in it.
            visible[0].focus()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width, height = self.size
        self.set_class(width < 100 or height < 30, "-compact")
        self.set_class(height < 10, "-tiny")
        self.query_one(LogPane).set_class(height < 10, "-bare")
        if self._feed is not None:
            self._draw_figures()

    # --- actions: the run, besides those of RunActions ---

    def action_detach(self) -> None:
        feed = self._feed_for("detach")
        if feed is not None:
            self.close_run()
            self.post_message(self.Detached(feed.run))

    def action_play(self) -> None:
        feed = self._feed_for("play")
        if feed is not None:
            self.post_message(self.PlayWanted(feed.run))

    # --- actions: filter, log, back ---

    def action_filter(self) -> None:
        box = self.query_one("#chart-filter", Input)
        log = self.query_one(LogPane)
        box.placeholder = "log lines with…" if log.has_focus else "charts with…"
        self._filters_log = log.has_focus
        box.display, box.disabled = True, False
        box.focus()

    _filters_log = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._filters_log:
            self.query_one(LogPane).set_filter(event.value)
            return
        self._filter = event.value
        self._show_tiles()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave_filter()

    def _leave_filter(self) -> None:
        box = self.query_one("#chart-filter", Input)
        box.display, box.disabled = bool(box.value), not box.value
        if self._filters_log:
            self.query_one(LogPane).focus()
        elif self.active_chart is not None:
            self.active_chart.focus()

    def action_toggle_log(self) -> None:
        log = self.query_one(LogPane)
        if log.has_focus:
            self.remove_class("-log")
            if self.active_chart is not None:
                self.active_chart.focus()
        else:
            self.add_class("-log")
            log.focus()

    def action_back(self) -> None:
        """Undo one thing: the filter, then the crosshair, then full screen."""
        box, grid = self.query_one("#chart-filter", Input), self.query_one(ChartGrid)
        chart = self.active_chart
        if box.display:
            box.value = ""
            self._leave_filter()
        elif chart is not None and chart.crosshair is not None:
            chart.drop_crosshair()
        elif grid.full is not None:
            grid.toggle_full(grid.full)
        elif self.has_class("-log"):
            self.action_toggle_log()
