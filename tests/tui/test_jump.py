from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fake_core import FakeCore, settle
from screens import text
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList

from motrix_core.runs.layout import Run
from motrix_tui.charts.chart import Chart
from motrix_tui.launch.hardware import CandidateList
from motrix_tui.monitor.log import LogPane
from motrix_tui.play.child import PlayChild
from motrix_tui.runs_table.table import RunsTable
from motrix_tui.shell.dialogs import Question
from motrix_tui.shell.jump import LETTERS, Jump, targets

Open = Callable[..., Any]
MakeRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def nobody_plays(core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "play", lambda *where, **how: PlayChild({}, argv=("true",)))


async def press(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await (settle if key in "1235c" else Pilot.pause)(pilot)


def letter_of(pilot: Pilot[Any], kind: type) -> str:
    """The letter that the first part of `kind` would get."""
    parts = [widget for widget, _ in targets(pilot.app.screen)]
    return LETTERS[next(index for index, widget in enumerate(parts) if isinstance(widget, kind))]


@pytest.mark.parametrize(
    ("keys", "size"),
    [("1", (120, 40)), ("1", (60, 20)), ("2", (80, 24)), ("3", (80, 24)), ("3c", (80, 24)), ("5", (60, 20))],
)
async def test_every_part_in_sight_gets_a_letter_that_leads_to_it(
    opened: Open, make_run: MakeRun, keys: str, size: tuple[int, int]
) -> None:
    make_run(returns=[1.0, 2.0], status="running")
    async with opened(size=size) as pilot:
        app = pilot.app
        await press(pilot, *keys)
        parts = targets(app.screen)
        assert parts and {widget for widget, _ in parts} <= set(app.screen.focus_chain)
        for letter, (widget, _) in zip(LETTERS, parts, strict=False):
            await press(pilot, "ctrl+o")
            assert isinstance(app.screen, Jump) and f" {letter} " in text(app)
            await press(pilot, letter)
            assert app.focused is widget, letter
            app.set_focus(parts[0][0])
            await pilot.pause()


async def test_letters_are_in_the_order_in_which_people_read(opened: Open) -> None:
    async with opened() as pilot:
        corners = [(region.y, region.x) for _, region in targets(pilot.app.screen)]
        assert corners == sorted(corners) and len(corners) >= 4


async def test_monitor_has_a_letter_for_each_chart_and_for_the_log(opened: Open, make_run: MakeRun) -> None:
    make_run(returns=[1.0, 2.0], status="running")
    async with opened() as pilot:
        await press(pilot, "2")
        kinds = [type(widget) for widget, _ in targets(pilot.app.screen)]
        assert kinds.count(LogPane) == 1 and kinds.count(Chart) >= 2
        await press(pilot, "ctrl+o", letter_of(pilot, LogPane))
        assert isinstance(pilot.app.focused, LogPane)


@pytest.mark.parametrize("leave", ["escape", "ctrl+o"])
async def test_leaving_keeps_the_focus_where_it_was(opened: Open, leave: str) -> None:
    async with opened() as pilot:
        before = pilot.app.focused
        await press(pilot, "ctrl+o", leave)
        assert not isinstance(pilot.app.screen, Jump) and pilot.app.focused is before


async def test_a_letter_that_nothing_has_changes_nothing(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "ctrl+o", "M", "1", "enter")
        assert isinstance(pilot.app.screen, Jump)


async def test_a_click_on_a_letter_goes_there_and_one_beside_it_leaves(opened: Open) -> None:
    async with opened() as pilot:
        widget, region = next(item for item in targets(pilot.app.screen) if isinstance(item[0], CandidateList))
        await press(pilot, "ctrl+o")
        await pilot.click(offset=(region.x + 2, region.y))
        await pilot.pause()
        assert pilot.app.focused is widget
        await press(pilot, "ctrl+o")
        await pilot.click(offset=(119, 39))
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Jump) and pilot.app.focused is widget


async def test_it_works_while_text_is_typed(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "slash", "w")
        assert isinstance(pilot.app.focused, Input)
        await press(pilot, "ctrl+o", letter_of(pilot, OptionList))
        assert isinstance(pilot.app.focused, OptionList)


async def test_in_a_dialog_only_its_own_parts_have_letters(opened: Open, make_run: MakeRun) -> None:
    make_run(status="running")
    async with opened(size=(80, 24)) as pilot:
        await press(pilot, "q")
        question = pilot.app.screen
        assert isinstance(question, Question)
        assert all(isinstance(widget, Button) for widget, _ in targets(question))
        await press(pilot, "ctrl+o", "a")
        assert pilot.app.screen is question and pilot.app.focused is question.query(Button).first()
        await press(pilot, "escape")
        assert pilot.app.is_running


async def test_another_size_of_the_terminal_leaves_it(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "ctrl+o")
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not isinstance(pilot.app.screen, Jump)


async def test_the_palette_has_no_letters_and_offers_the_jump(opened: Open) -> None:
    async with opened() as pilot:
        await press(pilot, "ctrl+p", "ctrl+o")
        assert not isinstance(pilot.app.screen, Jump)
        await pilot.press(*"jump")
        await settle(pilot)
        await press(pilot, "down", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Jump)


async def test_a_part_that_is_gone_meanwhile_is_not_gone_to(opened: Open, make_run: MakeRun) -> None:
    make_run()
    async with opened() as pilot:
        await press(pilot, "3")
        table = pilot.app.query_one(RunsTable)
        letter = letter_of(pilot, RunsTable)
        await press(pilot, "slash", "ctrl+o")
        await table.remove()
        await pilot.press(letter)
        await pilot.pause()
        assert isinstance(pilot.app.focused, Input)
