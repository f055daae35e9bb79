"""How the charts of Monitor are arranged: chosen, ordered, sized, and remembered for each environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget

from motrix_core.runs.text import plain
from motrix_tui.charts.braille import GLYPHS
from motrix_tui.charts.chart import X_AXES, Chart
from motrix_tui.monitor.choose_dialog import ChooseDialog
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.layout import Layout
from motrix_tui.monitor.panels import PanelSpec

if TYPE_CHECKING:
    from motrix_tui.monitor.feed import RunFeed
    from motrix_tui.settings import Settings


class ArrangeActions(Widget):
    """The part of MonitorPane that arranges. Without `_settings` nothing is remembered."""

    _settings: Settings | None = None
    _layout = Layout()
    _feed: RunFeed | None
    _panels: dict[str, PanelSpec]
    _tiles: dict[str, Chart]

    @property
    def active_chart(self) -> Chart | None:
        raise NotImplementedError

    def _show_tiles(self) -> None:
        raise NotImplementedError

    def _recall_layout(self) -> None:
        """Take the layout that was remembered for the environment of the open run."""
        env = self._feed.run.env if self._feed is not None else ""
        table = self._settings.layouts.get(env, {}) if self._settings is not None else {}
        self._layout = Layout.from_table(table, x_axes=X_AXES, glyphs=tuple(GLYPHS))

    def _arrange(self, layout: Layout) -> None:
        """Show `layout` and remember it."""
        if layout == self._layout:
            return
        self._layout = layout
        self._show_tiles()
        self._remember_layout()

    def _remember_layout(self) -> None:
        if self._settings is None or self._feed is None:
            return
        self._settings.layouts = {**self._settings.layouts, self._feed.run.env: self._layout.to_table()}
        try:
            self._settings.save()
        except OSError as error:
            self.notify(f"the layout cannot be remembered: {plain(error)}", severity="warning", markup=False)

    def _active_id(self) -> str:
        chart = self.active_chart
        return next((id for id, tile in self._tiles.items() if tile is chart), "")

    @work(exclusive=True, group="monitor-question")
    async def action_choose(self) -> None:
        if self._feed is None:
            return
        titles = {id: panel.title for id, panel in self._panels.items()}
        ids = self._layout.sorted(list(titles))
        answer = await self.app.push_screen_wait(ChooseDialog(titles, ids, self._layout.hidden, self._active_id()))
        if answer is not None:
            self._arrange(replace(self._layout, order=tuple(answer[0]), hidden=answer[1]))

    def action_move_earlier(self) -> None:
        self._move(-1)

    def action_move_later(self) -> None:
        self._move(1)

    def _move(self, by: int) -> None:
        chart = self.active_chart
        self._arrange(self._layout.moved(list(self._panels), self._active_id(), by))
        if chart is not None:
            self.query_one(ChartGrid).show_tile(chart)
            chart.focus()

    def action_wider(self) -> None:
        self._arrange(self._layout.resized(self._active_id(), 1))

    def action_narrower(self) -> None:
        self._arrange(self._layout.resized(self._active_id(), -1))

    def action_taller(self) -> None:
        self._arrange(self._layout.taller(1))

    def action_shorter(self) -> None:
        self._arrange(self._layout.taller(-1))
