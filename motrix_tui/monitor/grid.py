"""As many charts as fit, in pages."""

from __future__ import annotations

import math

from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.message import Message
from textual.widget import Widget

from motrix_tui.charts.chart import Chart

_COLUMN_WIDTH, _ROW_HEIGHT = 36, 9
_MOST_COLUMNS, _MOST_ROWS = 5, 5
_SMALLEST_BORDERED = 5


def grid_shape(width: int, height: int, tiles: int) -> tuple[int, int]:
    """Columns and rows for `tiles` tiles: as many as stay readable, no more than needed, at least one."""
    columns = min(max(width // _COLUMN_WIDTH, 1), _MOST_COLUMNS)
    rows = min(max(height // _ROW_HEIGHT, 1), _MOST_ROWS)
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
        self.page_count = 1

    def compose(self) -> ComposeResult:
        yield Grid()

    @property
    def charts(self) -> list[Chart]:
        return [tile for tile in self._tiles if isinstance(tile, Chart)]

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

    def set_tiles(self, tiles: list[Widget], wanted: list[Widget]) -> None:
        """All tiles in order, new ones among them, and those that the filter lets through."""
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
        columns, rows = grid_shape(*self.size, len(tiles))
        per_page = columns * rows
        self.page_count = max(math.ceil(len(tiles) / per_page), 1)
        self._page = min(self._page, self.page_count - 1)
        shown = tiles[self._page * per_page :][:per_page]
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
        per_page = max(len(self.visible_tiles), 1)
        self._page = self._wanted.index(tile) // per_page
        self.lay_out()

    def _keep_focus(self) -> None:
        visible = self.visible_tiles
        if visible and (self.screen.focused is None or not self.screen.focused.display):
            visible[0].focus()

    def on_chart_crosshair_moved(self, message: Chart.CrosshairMoved) -> None:
        for chart in self.charts:
            if chart is not message.chart:
                chart.set_crosshair(message.x)
