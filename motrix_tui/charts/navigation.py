"""How a person moves through a chart: zoom, pan and crosshair, by keys and by mouse."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.message import Message
from textual.widget import Widget

from motrix_tui.charts.plot import Picture
from motrix_tui.charts.view import View

_ZOOM_STEP = 1.5


class Navigation(Widget):
    """The part of Chart that decides which x is visible and where the crosshair stands."""

    _view = View()
    _crosshair: float | None = None
    _picture: Picture | None = None

    @dataclass
    class CrosshairMoved(Message, namespace="chart"):
        """The crosshair of `chart` went to `x` of its x axis, or away (None). Siblings should follow."""

        chart: Navigation
        x: float | None

        @property
        def control(self) -> Navigation:
            return self.chart

    def domain(self) -> tuple[float, float]:
        """First and last x of everything there is."""
        raise NotImplementedError

    def _changed(self) -> None:
        raise NotImplementedError

    @property
    def view(self) -> View:
        return self._view

    @property
    def crosshair(self) -> float | None:
        return self._crosshair

    def zoom_in(self, at: float | None = None) -> None:
        self._set_view(self._view.zoom(1 / _ZOOM_STEP, *self.domain(), at=self._crosshair if at is None else at))

    def zoom_out(self, at: float | None = None) -> None:
        self._set_view(self._view.zoom(_ZOOM_STEP, *self.domain(), at=self._crosshair if at is None else at))

    def pan(self, share: float) -> None:
        self._set_view(self._view.pan(share, *self.domain()))

    def show_all(self) -> None:
        self._set_view(View())

    def follow(self) -> None:
        """Keep the zoom and go back to the newest point."""
        self._set_view(View(self._view.width))

    def _set_view(self, view: View) -> None:
        if view != self._view:
            self._view = view
            self._changed()

    def set_crosshair(self, x: float | None) -> None:
        """Put the crosshair at `x` without telling the siblings."""
        if x != self._crosshair:
            self._crosshair = x
            self._changed()

    def move_crosshair(self, columns: int) -> None:
        """Move the crosshair by columns, into view first; tells the siblings."""
        low, high = self._view.range(*self.domain())
        step = (high - low) / max(self._picture.plot_columns if self._picture else self.size.width, 1)
        at = self._crosshair if self._crosshair is not None else high
        at = min(max(at + columns * step, low), high)
        self._tell_crosshair(at)

    def drop_crosshair(self) -> None:
        self._tell_crosshair(None)

    def _tell_crosshair(self, x: float | None) -> None:
        if x != self._crosshair:
            self.set_crosshair(x)
            self.post_message(self.CrosshairMoved(self, x))

    def _x_under(self, event: events.MouseEvent) -> float | None:
        offset = event.get_content_offset(self)
        if offset is None or self._picture is None or self._picture.y_axis is None:
            return None
        return self._picture.x_at(offset.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        x = self._x_under(event)
        if x is not None:
            self._tell_crosshair(x)

    def on_leave(self) -> None:
        self._tell_crosshair(None)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.zoom_in(self._x_under(event))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.zoom_out(self._x_under(event))
