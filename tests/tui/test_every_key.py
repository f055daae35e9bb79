"""Every key and every entry of the palette reach their action in the dashboard: nothing on the way takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_core import settle
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from motrix_core.runs.layout import Run
from motrix_tui.actions import Action, all_actions
from motrix_tui.app import MotrixApp
from motrix_tui.charts.chart import Chart
from motrix_tui.compare.pane import ComparePane
from motrix_tui.launch.pane import LaunchPane
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.play.pane import PlayPane
from motrix_tui.runs_table.pane import RunsPane

Open = Callable[..., Any]
MakeRun = Callable[..., Run]
WAYS: dict[str, tuple[type, tuple[str, ...]]] = {
    "app": (MotrixApp, ()),
    "launch": (LaunchPane, ()),
    "monitor": (MonitorPane, ("3", "enter")),
    "runs": (RunsPane, ("3",)),
    "compare": (ComparePane, ("3", "space", "j", "space", "c")),
    "play": (PlayPane, ("5",)),
}
"""Where the handlers of a place are, and the keys that lead there."""


async def go(pilot: Pilot[Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    await settle(pilot)


def record(monkeypatch: pytest.MonkeyPatch, owner: type, actions: list[Action]) -> list[str]:
    """The ids of those among `actions` that are called from now on, instead of what they do."""
    called: list[str] = []
    for action in actions:
        monkeypatch.setattr(owner, f"action_{action.handler}", lambda self, id=action.id: called.append(id))
    return called


@pytest.mark.parametrize("place", WAYS)
async def test_every_key_of_a_place_and_the_palette_reach_the_action_of_the_registry(
    place: str, make_run: MakeRun, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Play has none: a player would be a process.
    for _ in range(0 if place == "play" else 2):
        make_run(returns=[1.0, 2.0, 3.0])
    owner, way = WAYS[place]
    actions = [action for action in all_actions() if action.place == place]
    async with opened() as pilot:
        await go(pilot, way)
        while pilot.app.focused is None or (place != "app" and not pilot.app.query_one(owner).has_focus_within):
            await pilot.pause()
        called = record(monkeypatch, owner, actions)
        monkeypatch.setattr(owner, "why_not", lambda self, what: None)
        for action in actions:
            for key in action.keys:
                await pilot.press(key)
                await pilot.pause()
                assert called == [action.id], f"{key} in {place}"
                called.clear()
            await pilot.app.perform(action)
            assert called == [action.id]
            called.clear()


async def compared(pilot: Pilot[Any]) -> tuple[ComparePane, Chart]:
    await go(pilot, WAYS["compare"][1])
    pane = pilot.app.query_one(ComparePane)
    chart = pane.active_chart
    assert chart is not None
    return pane, chart


async def test_curves_of_compare_are_zoomed_moved_and_shown_whole_again(make_run: MakeRun, opened: Open) -> None:
    for _ in range(2):
        make_run(returns=[float(value) for value in range(40)])
    async with opened() as pilot:
        _, chart = await compared(pilot)
        await pilot.press("plus", "plus")
        width = chart.view.width
        assert width is not None and chart.view.following
        await pilot.press("left", "left")
        held = chart.view.right
        assert held is not None
        await pilot.press("right")
        right = chart.view.right
        assert right is None or right > held
        await pilot.press("minus")
        assert chart.view.width is None or chart.view.width > width
        await pilot.press("plus", "home")
        assert chart.view.width is None and chart.view.following


async def test_curves_of_compare_are_inspected_smoothed_and_put_on_a_log_scale(make_run: MakeRun, opened: Open) -> None:
    for _ in range(2):
        make_run(returns=[float(value) for value in range(1, 40)])
    async with opened() as pilot:
        pane, chart = await compared(pilot)
        await pilot.press("i", "left")
        places = {tile.crosshair for tile in pane.query(Chart) if tile.display}
        assert len(places) == 1 and None not in places
        await pilot.press("i")
        assert chart.crosshair is None
        assert "smooth 0.6" in str(chart.border_subtitle)
        await pilot.press("s")
        assert "smooth 0.9" in str(chart.border_subtitle)
        await pilot.press("y")
        assert chart.log_y and "log" in str(chart.border_subtitle)


async def test_a_chart_of_compare_gets_all_the_room_and_the_figures_give_theirs(
    make_run: MakeRun, opened: Open
) -> None:
    for _ in range(2):
        make_run(returns=[1.0, 2.0])
    async with opened() as pilot:
        pane, chart = await compared(pilot)
        figures: Widget = pane.query_one("#compared")
        assert figures.display and "best" in str(pane.query_one("#compared-text", Static).content)
        await pilot.press("d")
        await pilot.pause()
        assert not figures.display
        grid = pane.query_one(ChartGrid)
        many = grid.visible_tiles
        await pilot.press("f")
        assert grid.visible_tiles == [chart] != many
        await pilot.press("f", "d")
        await pilot.pause()
        assert grid.visible_tiles == many and figures.display


async def test_other_metrics_are_a_page_away_in_compare(make_run: MakeRun, opened: Open) -> None:
    for _ in range(2):
        make_run(returns=[1.0, 2.0])
    async with opened(size=(60, 20)) as pilot:
        pane, chart = await compared(pilot)
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert pane.active_chart is not chart
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert pane.active_chart is chart
