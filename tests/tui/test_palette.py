"""The palette: every action of every place, and what is in its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_core import FakeCore, settle
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit
from textual.pilot import Pilot
from textual.widgets import Input

from motrix_core.runs.layout import Run
from motrix_core.runs.state import write_state
from motrix_tui.actions import APP_ACTIONS, Action, all_actions
from motrix_tui.app import MotrixApp
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.runs_table.pane import RunsPane
from motrix_tui.settings import Settings
from motrix_tui.shell.dialogs import Question
from motrix_tui.shell.key_bar import KeyBar
from motrix_tui.shell.palette import MOST_RUNS_UNASKED, ActionCommands

Open = Callable[..., Any]
MakeRun = Callable[..., Run]


def action(id: str) -> Action:
    return next(action for action in all_actions() if action.id == id)


async def offered(pilot: Pilot[Any], query: str = "") -> dict[str, str]:
    """Title and help of what the palette has for `query`."""
    provider = ActionCommands(pilot.app.screen)
    found: dict[str, str] = {}
    async for hit in provider.search(query) if query else provider.discover():
        shown = hit.display if isinstance(hit, DiscoveryHit) else hit.match_display
        found[str(shown)] = hit.help or ""
    return found


async def choose(pilot: Pilot[Any], query: str) -> None:
    await pilot.press("ctrl+p")
    assert isinstance(pilot.app.screen, CommandPalette)
    await pilot.press(*query)
    await settle(pilot)
    await eventually(pilot, lambda: pilot.app.screen.query_one(CommandList).option_count)
    await pilot.press("enter")
    await settle(pilot)
    await settle(pilot)


async def eventually(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """What was chosen goes to its place first, and that may take some rounds of the event loop."""
    for _ in range(200):
        if condition():
            return
        await pilot.pause()
    assert condition()


def said(pilot: Pilot[Any]) -> str:
    assert isinstance(pilot.app, MotrixApp)
    return "\n".join(item.text for item in pilot.app.said)


def footer(pilot: Pilot[Any]) -> str:
    return pilot.app.screen_stack[0].query_one(KeyBar).render().plain


async def test_every_action_of_every_place_is_offered_with_the_keys_that_lead_to_it(opened: Open) -> None:
    async with opened() as pilot:
        found = await offered(pilot)
    for item in all_actions():
        title = f"{item.title[:1].upper()}{item.title[1:]}  ("
        if item.place not in ("app", "launch"):
            title = f"{item.place.capitalize()}: {item.title}  ({action(f'app.{item.place}').keys[0]} "
        assert any(entry.startswith(title) and found[entry].startswith(item.help) for entry in found), item.id
    titles = list(found)
    assert titles.index("Settings  (,)") < titles.index("Runs: filter  (3 /)") < titles.index("Theme: paper")
    assert titles.index("Theme: paper") < titles.index("Monitor: checkpoint  (2 c)")
    assert "Write a checkpoint now. But no run is open in Monitor." in found.values()


async def test_what_is_here_comes_before_what_is_elsewhere(opened: Open) -> None:
    async with opened() as pilot:
        provider = ActionCommands(pilot.app.screen)
        hits = [hit async for hit in provider.search("filter") if isinstance(hit, Hit)]
    best = [str(hit.match_display) for hit in sorted(hits, key=lambda hit: hit.score, reverse=True)]
    assert best[0] == "Filter  (/)" and {"Runs: filter  (3 /)", "Monitor: filter  (2 /)"} <= set(best)


async def test_choosing_an_action_of_another_place_goes_there_and_does_it(make_run: MakeRun, opened: Open) -> None:
    make_run(returns=[1.0])
    async with opened() as pilot:
        await choose(pilot, "runs: sort")
        await eventually(pilot, lambda: pilot.app.query(RunsPane))
        pane = pilot.app.query_one(RunsPane)
        await eventually(pilot, lambda: pane.sorting is not None)
        assert pilot.app.place == "runs"
        await pilot.app.perform(action("runs.filter"))
        assert isinstance(pilot.app.focused, Input)
        await choose(pilot, "launch: copy")
        await eventually(pilot, lambda: pilot.app.place == "launch" and pilot.app.clipboard)
        assert pilot.app.clipboard.startswith("motrix-tui --run")


async def test_launch_is_waited_for_before_something_is_done_in_it(
    make_run: MakeRun, core: FakeCore, tmp_path: Path
) -> None:
    run = make_run(returns=[1.0])
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), opened=run)
    async with app.run_test() as pilot:
        while not app.query(MonitorPane):
            await pilot.pause()
        assert not app.query("#launch")
        await app.perform(action("launch.copy_command"))
        await settle(pilot)
        assert app.place == "launch" and app.clipboard.startswith("motrix-tui --run")


async def test_an_action_that_needs_a_run_says_so_where_none_is_open(opened: Open) -> None:
    async with opened() as pilot:
        for id, words in {
            "monitor.checkpoint": "checkpoint: no run is open in Monitor",
            "play.faster": "faster: no run is being played",
            "compare.export_csv": "CSV: no runs are compared",
            "runs.open": "open: there is no run in the list",
        }.items():
            await pilot.app.perform(action(id))
            await settle(pilot)
            assert pilot.app.place == id.partition(".")[0] and words in said(pilot)


async def test_nothing_is_done_to_a_run_that_only_going_to_its_place_has_opened(
    make_run: MakeRun, opened: Open
) -> None:
    run = make_run(status="running", returns=[1.0])
    async with opened() as pilot:
        await pilot.app.perform(action("monitor.stop"))
        await settle(pilot)
        assert pilot.app.query_one(MonitorPane).run == run
        assert not isinstance(pilot.app.screen, Question)
        assert "stop: no run is open in Monitor; the newest one is now, and stop was not done" in said(pilot)
        await pilot.press("1")
        await pilot.app.perform(action("monitor.stop"))
        while not isinstance(pilot.app.screen, Question):
            await pilot.pause()
        assert pilot.app.place == "monitor"
        await pilot.press("escape")


async def test_a_run_is_opened_by_its_name_whatever_that_is(make_run: MakeRun, opened: Open) -> None:
    made = [make_run(returns=[1.0]) for _ in range(MOST_RUNS_UNASKED + 2)]
    odd = made[0].path.rename(made[0].path.with_name("[red]odd[x"))
    async with opened() as pilot:
        unasked = [title for title in await offered(pilot) if title.startswith("Open run")]
        assert len(unasked) == MOST_RUNS_UNASKED
        await choose(pilot, "cartpole odd")
        run = pilot.app.query_one(MonitorPane).run
        assert pilot.app.place == "monitor" and run is not None and run.path == odd
        await offered(pilot, "open run")


async def test_only_what_can_be_done_with_the_open_run_is_shown_and_a_key_says_why_not(
    make_run: MakeRun, opened: Open
) -> None:
    make_run(returns=[1.0, 2.0])
    async with opened() as pilot:
        await pilot.press("2")
        await settle(pilot)
        assert "filter" not in footer(pilot) and "? help" in footer(pilot)
        await pilot.press("3", "enter")
        await settle(pilot)
        assert "d detach" in footer(pilot) and "x stop" not in footer(pilot) and "c checkpoint" not in footer(pilot)
        found = await offered(pilot)
        assert any(title.startswith("Detach ") for title in found)
        assert not any(title.startswith(("Stop ", "Pause ", "Edit lr ", "Backend ")) for title in found)
        for number, key in enumerate(("x", "p", "c", "e", "b"), start=1):
            await pilot.press(key)
            await pilot.pause()
            assert said(pilot).count("the run is finished already; motrix run --resume") == number


async def test_the_line_of_keys_follows_the_end_of_the_run(make_run: MakeRun, opened: Open) -> None:
    run = make_run(status="running", returns=[1.0])
    async with opened(size=(160, 40)) as pilot:
        await pilot.press("2")
        await settle(pilot)
        while "x stop" not in footer(pilot):
            await pilot.pause()
        write_state(run.paths.state, run.state().change(status="finished"))
        while "x stop" in footer(pilot):
            await pilot.pause(0.05)
        assert "d detach" in footer(pilot)


def test_no_place_is_without_the_key_that_leads_to_it() -> None:
    assert {item.place for item in all_actions()} - {"app"} <= {item.handler for item in APP_ACTIONS}
