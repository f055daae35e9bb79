"""The chart widget.

    chart = Chart("return")
    chart.set_series("mean", env_steps, returns)      # again and again, with the whole series

It draws nothing until the terminal asks for its lines, and then once: a change sets a flag, `render_line` composes the
picture when the flag is set and otherwise hands out the strips it has. A chart that is off screen costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.filter import ANSIToTruecolor
from textual.geometry import Region
from textual.strip import Strip

from motrix_tui.charts import axes, plot
from motrix_tui.charts.braille import BRAILLE, Glyphs
from motrix_tui.charts.buffer import SeriesBuffer
from motrix_tui.charts.inks import ink_styles
from motrix_tui.charts.legend import legend, value_of
from motrix_tui.charts.navigation import Navigation
from motrix_tui.charts.palette import slot_for
from motrix_tui.charts.plot import Curve, Mark, Picture, PlotSpec
from motrix_tui.charts.strips import rows_of
from motrix_tui.charts.view import View

X_AXES = ("env_steps", "update", "time")
_X_TITLES = {"env_steps": "env steps", "update": "updates", "time": "time"}
_SIDES = {"round": "│", "heavy": "┃"}
"""The sides of the borders that style sheets give to charts."""


class Chart(Navigation, can_focus=True):
    """Series over env steps, updates or time, with zoom, pan, a crosshair, smoothing and a log scale."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Chart {
        border: round $rule;
        border-title-color: $foreground;
        border-title-style: bold;
        border-subtitle-color: $muted;
        min-width: 1;
        min-height: 1;
    }
    Chart:focus { border: round $primary; }
    Chart.-bare { border: none; }
    """

    def __init__(
        self,
        title: str,
        *,
        log_y: bool = False,
        smoothing: float = 0.0,
        x_axis: str = "env_steps",
        glyphs: Glyphs = BRAILLE,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._title = title
        self._curves: dict[str, Curve] = {}
        self._slots: dict[str, int] = {}
        self._log_y, self._smoothing, self._x_axis = log_y, smoothing, x_axis
        self._glyphs, self._empty_text = glyphs, ""
        self._marks: Sequence[Mark] = ()
        self._domain: tuple[float, float] | None = None
        self._view = View()
        self._crosshair: float | None = None
        self._dirty = True
        self._strips: list[Strip] = []
        self._framed: list[Strip] = []
        self._picture: Picture | None = None
        self._styles: list[Style] = []
        self._styles_key: object = None
        self._border_texts = ("", "")
        self._background: Color | None = None

    # --- what is shown ---

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self._changed()

    @property
    def log_y(self) -> bool:
        return self._log_y

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._curves)

    def set_series(self, label: str, x: ArrayLike, y: ArrayLike, *, quiet: bool = False, border_of: str = "") -> None:
        """Show a series, or what was added to it since the last call.

        `x` (n,) and `y` (n,) are the whole series; y that is not finite is a gap. A `quiet` series is drawn muted and
        below the others, without a ghost; so is the border of the band around the series `border_of`, in its colour.
        """
        curve = self._curves.get(label)
        if curve is None:
            self._slots[label] = self._slot(border_of or label)
            curve = Curve(label, SeriesBuffer(self._smoothing), len(self._curves), quiet or bool(border_of))
            self._curves[label] = curve
            self._changed()
        curve.buffer.set_smoothing(self._smoothing)
        if curve.buffer.update(x, y):
            if len(self._curves) == 1:
                self._write_border()
            self._draw_again()

    def _slot(self, label: str) -> int:
        if label not in self._slots:
            self._slots[label] = slot_for(label, set(self._slots.values()))
        return self._slots[label]

    def clear(self) -> None:
        """Forget all points; series, zoom and settings stay."""
        for curve in self._curves.values():
            curve.buffer.clear()
        self._changed()

    def drop_series(self) -> None:
        """Forget all series, so that others can take their place; zoom and settings stay."""
        self._curves.clear()
        self._slots.clear()
        self._changed()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """What happened during the run. The sequence is kept, so it must not be changed afterwards."""
        if marks is not self._marks and marks != self._marks:
            self._marks = marks
            self._changed()

    def set_domain(self, first: float, last: float) -> None:
        """The whole x range; without it, that of the series. Charts of one grid share it, so that they line up."""
        if (first, last) != self._domain:
            self._domain = (first, last)
            self._changed()

    def set_x_axis(self, x_axis: str) -> None:
        """Another x axis: all series must be given again."""
        if x_axis == self._x_axis:
            return
        self._x_axis, self._view, self._domain, self._crosshair = x_axis, View(), None, None
        self.clear()

    def set_log_y(self, log_y: bool) -> None:
        if log_y != self._log_y:
            self._log_y = log_y
            self._changed()

    def set_empty_text(self, text: str) -> None:
        """What to say while there is no value at all."""
        if text != self._empty_text:
            self._empty_text = text
            self._changed()

    def set_smoothing(self, weight: float) -> None:
        """0 shows raw values; towards 1 the line gets smoother and raw values become its ghost.

        Very long series must be given again, as they have given up points that smoothing needs.
        """
        if weight != self._smoothing:
            self._smoothing = weight
            self._changed()

    def set_glyphs(self, glyphs: Glyphs) -> None:
        if glyphs is not self._glyphs:
            self._glyphs = glyphs
            self._changed()

    def domain(self) -> tuple[float, float]:
        """First and last x of everything there is."""
        if self._domain is not None:
            return self._domain
        ends = [(curve.buffer.x[0], curve.buffer.x[-1]) for curve in self._curves.values() if len(curve.buffer)]
        if not ends:
            return 0.0, 1.0
        return float(min(first for first, _ in ends)), float(max(last for _, last in ends))

    # --- drawing ---

    def _changed(self) -> None:
        self._write_border()
        self._draw_again()

    def _draw_again(self) -> None:
        if not self._dirty:
            # Asked for once, however much changes until the terminal comes for the lines.
            self._dirty = True
            self.refresh()

    def notify_style_update(self) -> None:
        self._dirty, self._background = True, None
        super().notify_style_update()

    def on_resize(self) -> None:
        self._dirty = False
        self._changed()

    def on_show(self) -> None:
        # What changed while the chart was hidden was asked for in vain.
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._dirty:
            self._dirty = False
            self._compose_strips()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self._base_style())

    def render_lines(self, crop: Region) -> list[Strip]:
        """Strips with the border around them.

        Textual puts a border around one line at a time, at a cost that is several times that of drawing the chart.
        A border's sides are the same in every line, so only its first and last line are left to Textual.
        """
        width = self.outer_size.width
        if crop.column_span != (0, width):
            return super().render_lines(crop)
        if self._dirty:
            self._dirty = False
            self._compose_strips()
        above = self.styles.gutter.top
        lines: list[Strip] = []
        for y in crop.line_range:
            if 0 <= y - above < len(self._framed):
                lines.append(self._framed[y - above])
            else:
                lines.extend(super().render_lines(Region(0, y, width, 1)))
        return lines

    def _frame(self, strips: list[Strip]) -> list[Strip]:
        """`strips` between the sides of the border, if there is one, as the terminal can show them."""
        kind, colour = self.styles.border_left
        if kind:
            background = self._background_colour()
            rule = Style(color=(background + colour).rich_color, bgcolor=background.rich_color)
            side = Segment(_SIDES.get(kind, "│"), rule)
            strips = [Strip([side, *strip, side], strip.cell_length + 2) for strip in strips]
        for line_filter in self.get_line_filters():
            # Our colours are not the terminal's numbered ones.
            if not isinstance(line_filter, ANSIToTruecolor):
                strips = [strip.apply_filter(line_filter, self._background_colour()) for strip in strips]
        return strips

    def get_content_width(self, container, viewport) -> int:
        return 30

    def get_content_height(self, container, viewport, width: int) -> int:
        return 8

    def _base_style(self) -> Style:
        return Style(bgcolor=self._background_colour().rich_color)

    def _background_colour(self) -> Color:
        # Asking means walking up the tree, so it is asked once until styles change.
        if self._background is None:
            self._background = self.background_colors[1]
        return self._background

    def _compose_strips(self) -> None:
        columns, rows = self.size.width, self.size.height
        for curve in self._curves.values():
            # Not sooner: a chart that nobody looks at need not be smoothed.
            curve.buffer.set_smoothing(self._smoothing)
        with_legend = rows >= 6 and (len(self._curves) > 1 or self._crosshair is not None)
        spec = PlotSpec(
            curves=tuple(self._curves.values()),
            x_range=self._view.range(*self.domain()),
            glyphs=self._glyphs,
            log_y=self._log_y,
            smoothed=self._smoothing > 0,
            x_is_time=self._x_axis == "time",
            marks=self._marks,
            cursor_x=self._crosshair,
            empty_text=self._empty_text,
            digits=self._digits(),
        )
        picture = plot.compose(columns, rows - with_legend, spec)
        self._picture = picture
        styles = self._ink_styles()
        strips = rows_of(picture, styles)
        if with_legend:
            names = legend(
                spec.curves,
                columns,
                crosshair=self._crosshair,
                key=self._glyphs.key,
                digits=spec.digits,
                styles=styles,
            )
            strips.insert(0, names)
        self._strips, self._framed = strips, self._frame(strips)

    def _digits(self) -> dict[int, str]:
        """The number of each line's colour, by its ink, on a terminal that has none."""
        if not self.app.no_color or len(self._curves) < 2:
            return {}
        return {plot.line_ink(curve.ink_index): str(self._slots[label] + 1) for label, curve in self._curves.items()}

    def _ink_styles(self) -> list[Style]:
        """Styles by ink: plot's constants, then line and ghost of each series."""
        background = self._background_colour()
        key = (self.app.theme, background, tuple(self._slots.items()))
        if key != self._styles_key:
            self._styles_key = key
            curves = tuple(self._curves.values())
            self._styles = ink_styles(curves, self._slots, background, self.app.theme_variables)
        return self._styles

    def _write_border(self) -> None:
        """Title and state, before the terminal asks for the lines: a border that changes then would be drawn twice."""
        parts = [self._title]
        if len(self._curves) == 1:
            parts.append(value_of(next(iter(self._curves.values())), self._crosshair))
        state = self._state()
        while len(state) > 1 and len(" · ".join(state)) > self.size.width - 4:
            state.pop()
        texts = " · ".join(parts), " · ".join(state)
        if texts != self._border_texts:
            self._border_texts = texts
            self.border_title, self.border_subtitle = Content(texts[0]), Content(texts[1])

    def _state(self) -> list[str]:
        if self._crosshair is not None:
            where = axes.duration(self._crosshair) if self._x_axis == "time" else f"{round(self._crosshair):,}"
            return [f"{_X_TITLES.get(self._x_axis, self._x_axis)} {where}", *self._marks_near_crosshair()]
        state = ["following" if self._view.following else "frozen", _X_TITLES.get(self._x_axis, self._x_axis)]
        if self._log_y:
            state.append("log")
        if self._smoothing:
            state.append(f"smooth {self._smoothing:g}")
        return state

    def _marks_near_crosshair(self) -> list[str]:
        """What is marked in the column of the crosshair, or in one beside it."""
        if self._crosshair is None:
            return []
        low, high = self._view.range(*self.domain())
        reach = (high - low) / max(self.size.width - plot.GUTTER, 1)
        return [mark.label for mark in self._marks if abs(mark.x - self._crosshair) <= reach]
