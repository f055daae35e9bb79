"""As many charts as fit, in pages."""

from __future__ import annotations

import math
from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.message import Message
from textual.widget import Widget

from motrix_tui.charts.chart import Chart
from motrix_tui.monitor.layout import pages

_COLUMN_WIDTH = 36
ROW_HEIGHT = 9
_MOST_COLUMNS, _MOST_ROWS = 5, 5
_SMALLEST_BORDERED = 5


def grid_shape(width: int, height: int, tiles: int, row_height: int = ROW_HEIGHT) -> tuple[int, int]:
    """Columns and rows for `tiles` tiles: as many as stay readable, no more than needed, at least one.

    A tile that is two columns wide counts as two; rows have `row_height` lines or more.
    """
    columns = min(max(width // _COLUMN_WIDTH, 1), _MOST_COLUMNS)
    rows = min(max(height // row_height, 1), _MOST_ROWS)
    rows = min(rows, max(math.ceil(tiles / columns), 1))
    columns = min(columns, max(math.ceil(tiles / rows), 1))
    return columns, rows


class ChartGrid(Vertical):
    """Shows tiles (charts and other panels) by pages; a tile that is not on the page costs nothing.

    Crosshairs of its charts move together.
    """

    DEFAULT_CSS = """
    ChartGrid { height: 1fr; }
    ChartGrid > Grid { height: 1fr; }
    ChartGrid > Grid > * { width: 1fr; height: 1fr; }
    """

    class PageChanged(Message):
        """Other tiles came into view."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tiles: list[Widget] = []
        self._wanted: list[Widget] = []
        self._full: Widget | None = None
        self._page = 0
        self._pages: list[list[int]] = [[]]
        self._spans: Mapping[Widget, int] = {}
        self._row_height = ROW_HEIGHT

    def compose(self) -> ComposeResult:
        yield Grid()

    @property
    def charts(self) -> list[Chart]:
        return [tile for tile in self._tiles if isinstance(tile, Chart)]

    @property
    def page_count(self) -> int:
        return len(self._pages)

    @property
    def page(self) -> int:
        """The page that is shown, counted from 1."""
        return self._page + 1

    @property
    def visible_tiles(self) -> list[Widget]:
        return [tile for tile in self._tiles if tile.display]

    @property
    def full(self) -> Widget | None:
        """The tile that has all the room, if any."""
        return self._full

    def set_tiles(
        self,
        tiles: list[Widget],
        wanted: list[Widget],
        spans: Mapping[Widget, int] | None = None,
        row_height: int = ROW_HEIGHT,
    ) -> None:
        """All tiles in order, new ones among them, and those that are wanted and that the filter lets through.

        `spans` are the columns of tiles that have more than one, `row_height` the least lines of a row.
        """
        self._spans, self._row_height = dict(spans or {}), row_height
        grid = self.query_one(Grid)
        for tile in tiles:
            if tile.parent is None:
                tile.display = False
                grid.mount(tile)
        order = {tile: index for index, tile in enumerate(tiles)}
        if [tile for tile in self._tiles if tile in order] != tiles:
            grid.call_after_refresh(grid.sort_children, key=lambda tile: order.get(tile, len(order)))
        for gone in self._tiles:
            if gone not in order:
                gone.remove()
        self._tiles, self._wanted = list(tiles), list(wanted)
        if self._full not in self._tiles:
            self._full = None
        self.lay_out()

    def lay_out(self) -> None:
        """Decide what is on the page. Called when the size, the tiles, the filter or the page change."""
        if not self.is_mounted or not self.size.width:
            return
        grid = self.query_one(Grid)
        tiles = [self._full] if self._full is not None else self._wanted
        spans = [1 if tile is self._full else self._spans.get(tile, 1) for tile in tiles]
        columns, rows = grid_shape(*self.size, sum(spans), self._row_height)
        columns = max(columns, min(max(spans, default=1), max(self.size.width // _COLUMN_WIDTH, 1)))
        self._pages = pages(spans, columns, rows)
        self._page = min(self._page, self.page_count - 1)
        shown = [tiles[index] for index in self._pages[self._page]]
        for tile, span in zip(tiles, spans, strict=True):
            tile.styles.column_span = min(span, columns)
        grid.styles.grid_size_columns, grid.styles.grid_size_rows = columns, rows
        bare = self.size.height / rows < _SMALLEST_BORDERED
        for tile in self._tiles:
            tile.display = tile in shown
            tile.set_class(bare, "-bare")
        self.post_message(self.PageChanged())

    def on_resize(self) -> None:
        self.lay_out()

    def turn_page(self, by: int) -> None:
        self._page = max(self._page + by, 0)
        self.lay_out()
        self._keep_focus()

    def toggle_full(self, tile: Widget) -> None:
        """Give `tile` all the room, or everyone their own again."""
        self._full = None if self._full is not None else tile
        self.lay_out()
        if self._full is None and tile.display is False and tile in self._wanted:
            self.show_tile(tile)

    def show_tile(self, tile: Widget) -> None:
        """Turn to the page that `tile` is on."""
        if tile not in self._wanted:
            return
        at = self._wanted.index(tile)
        self._page = next((number for number, page in enumerate(self._pages) if at in page), self._page)
        self.lay_out()

    def _keep_focus(self) -> None:
        visible = self.visible_tiles
        if visible and (self.screen.focused is None or not self.screen.focused.display):
            visible[0].focus()

    def on_chart_crosshair_moved(self, message: Chart.CrosshairMoved) -> None:
        for chart in self.charts:
            if chart is not message.chart:
                chart.set_crosshair(message.x)
