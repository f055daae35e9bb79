"""What the keys of Monitor do to its charts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from motrix_tui.charts.braille import ASCII, GLYPHS, Glyphs
from motrix_tui.charts.chart import X_AXES, Chart
from motrix_tui.monitor.arrange import ArrangeActions
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.phases import PhasePanel
from motrix_tui.terminal import terminal_of

if TYPE_CHECKING:
    from motrix_core.runs.series import Axis

SMOOTHING = (0.0, 0.6, 0.9, 0.97)
_BETWEEN_CHARTS_S = 0.005


class ChartActions(ArrangeActions):
    """The part of MonitorPane that acts on charts: on the focused one, or on all of them.

    The axis, the smoothing and the glyphs of `_layout` are what all charts have in common, those to come too.
    """

    _unsuited: deque[str]
    """Charts on the page that have not followed the layout yet."""

    @property
    def _axis(self) -> Axis:
        return cast("Axis", self._layout.x_axis)

    @property
    def _glyphs(self) -> Glyphs:
        """What the person chose, as far as the terminal can show it."""
        return GLYPHS[self._layout.glyphs] if terminal_of(self.app).unicode else ASCII

    def _draw_chart(self, id: str) -> None:
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
        x_axis = X_AXES[(X_AXES.index(self._axis) + 1) % len(X_AXES)]
        self._layout = replace(self._layout, x_axis=x_axis)
        self._suit_charts()

    def action_smoothing(self) -> None:
        weight = next((weight for weight in SMOOTHING if weight > self._layout.smoothing), SMOOTHING[0])
        self._layout = replace(self._layout, smoothing=weight)
        self._suit_charts()

    def action_cycle_glyphs(self) -> None:
        if not terminal_of(self.app).unicode:
            self.notify("this terminal has no Unicode, so charts are drawn in ASCII", markup=False)
            return
        names = list(GLYPHS)
        name = names[(names.index(self._layout.glyphs) + 1) % len(names)]
        self._layout = replace(self._layout, glyphs=name)
        self._suit_charts()

    # --- what all charts have in common ---

    def _suit_charts(self) -> None:
        """Give all charts the axis, smoothing and glyphs of the layout: the active one now, those beside it one by one.

        A key is so answered after one chart's work, however long the run; and charts that nobody sees do none.
        """
        active = self.active_chart
        self._unsuited.clear()
        for id, chart in self._tiles.items():
            if chart is active or not chart.display:
                self._suit_chart(id)
            else:
                self._unsuited.append(id)
        self._suit_next()
        self._remember_layout()

    def _suit_next(self) -> None:
        if self._unsuited:
            self.set_timer(_BETWEEN_CHARTS_S, self._suit_one)

    def _suit_one(self) -> None:
        if self._unsuited and (id := self._unsuited.popleft()) in self._tiles:
            self._suit_chart(id)
        self._suit_next()

    def _suit_chart(self, id: str) -> None:
        chart = self._tiles[id]
        chart.set_x_axis(self._axis)
        chart.set_smoothing(self._layout.smoothing)
        chart.set_glyphs(self._glyphs)
        if chart.display:
            self._draw_chart(id)

    def action_previous_page(self) -> None:
        self.query_one(ChartGrid).turn_page(-1)

    def action_next_page(self) -> None:
        self.query_one(ChartGrid).turn_page(1)
