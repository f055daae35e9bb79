"""What the keys of Monitor do to its charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from motrix_tui.charts.braille import GLYPHS
from motrix_tui.charts.chart import X_AXES, Chart
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.phases import PhasePanel

if TYPE_CHECKING:
    from motrix_core.runs.series import Axis

SMOOTHING = (0.0, 0.6, 0.9, 0.97)


class ChartActions(Widget):
    """The part of MonitorPane that acts on charts: on the focused one, or on all of them.

    `_axis`, `_smoothing` and `_glyphs` are what all charts have in common, those to come too.
    """

    _axis: Axis = "env_steps"
    _smoothing = 0.6
    _glyphs = "braille"
    _tiles: dict[str, Chart]

    def _draw_charts(self) -> None:
        raise NotImplementedError

    @property
    def active_chart(self) -> Chart | None:
        """The focused chart, or the first one on the page."""
        focused = self.screen.focused
        visible = [tile for tile in self.query_one(ChartGrid).visible_tiles if isinstance(tile, Chart)]
        if isinstance(focused, Chart) and focused in visible:
            return focused
        return visible[0] if visible else None

    def _with_chart(self, act: Callable[[Chart], None]) -> None:
        chart = self.active_chart
        if chart is not None:
            act(chart)

    def action_fullscreen(self) -> None:
        focused = self.screen.focused
        tile = focused if isinstance(focused, PhasePanel) else self.active_chart
        if tile is not None:
            self.query_one(ChartGrid).toggle_full(tile)
            tile.focus()

    def action_toggle_log_y(self) -> None:
        self._with_chart(lambda chart: chart.set_log_y(not chart.log_y))

    def action_zoom_in(self) -> None:
        self._with_chart(Chart.zoom_in)

    def action_zoom_out(self) -> None:
        self._with_chart(Chart.zoom_out)

    def action_pan_left(self) -> None:
        self._with_chart(lambda chart: chart.move_crosshair(-1) if chart.crosshair is not None else chart.pan(-0.2))

    def action_pan_right(self) -> None:
        self._with_chart(lambda chart: chart.move_crosshair(1) if chart.crosshair is not None else chart.pan(0.2))

    def action_show_all(self) -> None:
        self._with_chart(Chart.show_all)

    def action_follow(self) -> None:
        self._with_chart(Chart.follow)

    def action_crosshair(self) -> None:
        self._with_chart(lambda chart: chart.move_crosshair(0) if chart.crosshair is None else chart.drop_crosshair())

    def action_cycle_x(self) -> None:
        self._axis = cast("Axis", X_AXES[(X_AXES.index(self._axis) + 1) % len(X_AXES)])
        for chart in self._tiles.values():
            chart.set_x_axis(self._axis)
        self._draw_charts()

    def action_smoothing(self) -> None:
        self._smoothing = SMOOTHING[(SMOOTHING.index(self._smoothing) + 1) % len(SMOOTHING)]
        for chart in self._tiles.values():
            chart.set_smoothing(self._smoothing)
        self._draw_charts()

    def action_cycle_glyphs(self) -> None:
        names = list(GLYPHS)
        self._glyphs = names[(names.index(self._glyphs) + 1) % len(names)]
        for chart in self._tiles.values():
            chart.set_glyphs(GLYPHS[self._glyphs])

    def action_previous_page(self) -> None:
        self.query_one(ChartGrid).turn_page(-1)

    def action_next_page(self) -> None:
        self.query_one(ChartGrid).turn_page(1)
