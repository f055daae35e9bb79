"""The chart as Textual sees it: strips, border, mouse."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from motrix_tui.charts import chart as chart_module
from motrix_tui.charts.chart import Chart
from motrix_tui.themes import PALETTES


class ChartApp(App[None]):
    CSS = "Chart { width: 100%; height: 100%; }"

    def __init__(self, theme: str = "night") -> None:
        super().__init__()
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = theme

    def compose(self) -> ComposeResult:
        yield Chart("return", smoothing=0.9)

    @property
    def chart(self) -> Chart:
        return self.query_one(Chart)


def lines(chart: Chart) -> list[str]:
    return [chart.render_line(row).text for row in range(chart.size.height)]


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (20, 5), (5, 3), (1, 1)])
@pytest.mark.parametrize("theme", ["night", "paper"])
async def test_each_line_is_as_wide_as_the_chart(size: tuple[int, int], theme: str) -> None:
    app = ChartApp(theme)
    async with app.run_test(size=size) as pilot:
        for label in ("mean", "a name that is far too long for any legend", "min"):
            app.chart.set_series(label, np.arange(50), np.arange(50.0))
        app.chart.set_crosshair(25.0)
        await pilot.pause()
        assert {len(line) for line in lines(app.chart)} <= {app.chart.size.width}


async def test_an_unchanged_chart_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.chart.set_series("mean", [0, 1], [1.0, 2.0])
        await pilot.pause()
        lines(app.chart)
        composed: list[object] = []
        monkeypatch.setattr(chart_module.plot, "compose", lambda *arguments: composed.append(arguments))
        app.chart.set_series("mean", [0, 1], [1.0, 2.0])
        lines(app.chart)
        assert composed == []


async def test_the_title_carries_the_newest_value_of_a_single_series() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.chart.set_series("mean", [0, 1, 2], [1.0, 981.6, np.nan])
        await pilot.pause()
        lines(app.chart)
        assert str(app.chart.border_title) == "return · 982"


async def test_the_crosshair_reads_the_nearest_point() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.chart.set_series("mean", [0, 10, 20], [1.25, 2.5, 3.75])
        app.chart.set_crosshair(11.0)
        await pilot.pause()
        assert "mean 2.5" in lines(app.chart)[0] and "│" in "".join(lines(app.chart)[2:-1])


async def test_the_border_says_whether_a_chart_follows() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.chart.set_series("mean", np.arange(100), np.arange(100.0))
        await pilot.pause()
        lines(app.chart)
        app.chart.zoom_in(at=30.0)
        await pilot.pause()
        lines(app.chart)
        assert "frozen" in str(app.chart.border_subtitle)
        app.chart.follow()
        lines(app.chart)
        assert "following" in str(app.chart.border_subtitle)


async def test_a_series_keeps_its_colour_when_others_come() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 20)) as pilot:
        app.chart.set_series("alive", [0, 1], [0.0, 1.0])
        await pilot.pause()
        lines(app.chart)
        before = app.chart._ink_styles()[chart_module.plot.line_ink(0)]
        for label in "bcdefghij":
            app.chart.set_series(label, [0, 1], [0.0, 1.0])
        lines(app.chart)
        assert app.chart._ink_styles()[chart_module.plot.line_ink(0)] == before
