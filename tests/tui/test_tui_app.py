from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual import events
from textual.command import CommandPalette
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Input, Static

from motrix_core.errors import RunsFolderError
from motrix_core.runs.layout import Run
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings
from motrix_tui.shell import leaving
from motrix_tui.shell.dialogs import Question
from motrix_tui.shell.help_screen import HelpScreen
from motrix_tui.shell.key_bar import KeyBar
from motrix_tui.shell.messages_screen import MessagesScreen
from motrix_tui.shell.reader import Fitted, hanging
from motrix_tui.shell.settings_screen import SettingsScreen
from motrix_tui.shell.too_small import TooSmall
from motrix_tui.shell.top_bar import LoadMeter, TopBar
from motrix_tui.themes import THEME_NAMES

Open = Callable[..., Any]
MakeRun = Callable[..., Run]


def messages(pilot: Pilot[Any]) -> str:
    return "\n".join(note.message for note in pilot.app._notifications)


async def test_the_number_keys_switch_places(opened: Open) -> None:
    async with opened() as pilot:
        for key, place in (("3", "runs"), ("2", "monitor"), ("1", "launch")):
            await pilot.press(key)
            await settle(pilot)
            assert pilot.app.place == place == pilot.app.query_one(TopBar).place


@pytest.mark.parametrize("place", ["2", "4", "5"])
async def test_after_a_dialog_over_an_empty_place_keys_are_for_that_place(opened: Open, place: str) -> None:
    async with opened() as pilot:
        await pilot.press(place)
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        focused = pilot.app.focused
        assert focused is None or pilot.app.query_one(f"#{pilot.app.place}") in focused.ancestors_with_self
        # Launch's presets, were it Launch that has the keys.
        await pilot.press("p")
        await settle(pilot)
        assert len(pilot.app.screen_stack) == 1


async def test_a_click_on_a_tab_switches_places(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.click("#places", offset=(24, 0))
        await settle(pilot)
        assert pilot.app.place == "runs"


async def test_the_keys_work_right_after_switching_to_an_empty_place(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("slash")
        assert isinstance(pilot.app.focused, Input)
        await pilot.press("escape", "2")
        await settle(pilot)
        assert pilot.app.place == "monitor"


async def test_help_explains_the_focused_part_and_lists_the_keys(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("f", "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        text = " ".join(pilot.app.screen.query_one(Fitted).render().plain.split())
        assert "10M or 2_048" in text and "Start the training" in text and "Everywhere" in text
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_the_settings_are_shown_with_their_file_and_what_has_no_effect(
    core: FakeCore, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        'theme = "ember"\n[keys]\n"launch.start" = "L"\n"app.next_theme" = "ctrl+g"\n"app.nothing" = "z"\n'
        '[layouts."\\u001b[2Jenv"]\nhidden = []\n'
    )
    async with opened(MotrixApp(core, Settings.load(path)), size=(200, 40)) as pilot:
        await pilot.press("comma")
        # A path may be broken anywhere.
        text = "".join(pilot.app.screen.query_one(Fitted).render().plain.split())
        assert f"file{path}" in text and "themeember;^gtakesthenext" in text and "launch.startL" in text
        assert "app.nothingisnoaction" in text and "arrangedfor\\x1b[2Jenv" in text
        await pilot.press("y")
        assert pilot.app.clipboard == str(path)
        await pilot.press("comma")
        assert not isinstance(pilot.app.screen, SettingsScreen)


async def test_the_palette_finds_an_action_by_name_and_runs_it(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+p")
        assert isinstance(pilot.app.screen, CommandPalette)
        await pilot.press(*"theme: paper")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert pilot.app.theme == "paper"


async def test_the_palette_lists_the_actions_of_the_visible_place(opened: Open) -> None:
    async with opened() as pilot:
        assert "launch.start" in [action.id for action in pilot.app.available_actions()]
        await pilot.press("3")
        await settle(pilot)
        ids = [action.id for action in pilot.app.available_actions()]
        assert "runs.open" in ids and "app.quit" in ids and "launch.start" not in ids


async def test_an_action_of_the_place_runs_from_the_palette(opened: Open) -> None:
    async with opened() as pilot:
        action = next(action for action in pilot.app.available_actions() if action.id == "launch.copy_command")
        await pilot.app.perform(action)
        assert pilot.app.clipboard.startswith("motrix-tui --run")


async def test_the_theme_changes_at_once_and_is_remembered(opened: Open, tmp_path: Path) -> None:
    async with opened() as pilot:
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert pilot.app.theme == THEME_NAMES[1]
    assert Settings.load(tmp_path / "settings.toml").theme == THEME_NAMES[1]


@pytest.mark.parametrize("name", THEME_NAMES)
async def test_every_theme_draws_every_place(core: FakeCore, tmp_path: Path, opened: Open, name: str) -> None:
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=name)
    async with opened(app) as pilot:
        await pilot.press("3")
        await settle(pilot)
        assert app.current_theme.name == name
        assert "motrix" in app.export_screenshot()


async def test_a_damaged_settings_file_is_named(core: FakeCore, tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("theme = [")
    async with opened(MotrixApp(core, Settings.load(path))) as pilot:
        assert str(path) in messages(pilot) and pilot.app.theme == "night"
        await pilot.press("ctrl+t")
    assert path.read_text() == "theme = ["


async def test_settings_that_cannot_be_written_do_not_stop_the_theme(
    core: FakeCore, tmp_path: Path, opened: Open
) -> None:
    (tmp_path / "file").write_text("")
    async with opened(MotrixApp(core, Settings.load(tmp_path / "other" / "settings.toml"))) as pilot:
        (tmp_path / "other").write_text("in the way")
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert pilot.app.theme == THEME_NAMES[1]
        assert "cannot be remembered" in messages(pilot)


async def test_the_load_of_the_machine_is_shown(opened: Open) -> None:
    async with opened() as pilot:
        line = str(pilot.app.query_one(LoadMeter).content)
        assert "62%" in line and "3.0/24 G" in line and "gpu –" in line


async def test_live_runs_are_announced_counted_and_opened_by_2(make_run: MakeRun, opened: Open) -> None:
    make_run(status="finished")
    run = make_run(status="running")
    async with opened() as pilot:
        assert pilot.app.query_one(TopBar).live == 1
        assert "cartpole is training; 2 opens the newest" in messages(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert pilot.app.query_one("#monitor").run == run


async def test_q_leaves_at_once_when_nothing_trains(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not pilot.app.is_running


async def test_q_asks_when_something_trains_and_cancel_stays(core: FakeCore, make_run: MakeRun, opened: Open) -> None:
    make_run(status="running")
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Question)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.is_running and core.stopped == []


async def test_detaching_leaves_the_run_alone(core: FakeCore, make_run: MakeRun, opened: Open) -> None:
    run = make_run(status="running")
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        await pilot.press("d")
        await pilot.pause()
        assert not pilot.app.is_running
    assert core.stopped == [] and run.state().status == "running"


@pytest.mark.parametrize("ahead", ["?", ",", "M", "d?", "dd,", "s?", "42?", "\x1b"])
async def test_what_is_typed_ahead_of_detaching_changes_nothing(make_run: MakeRun, opened: Open, ahead: str) -> None:
    make_run(status="running")
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        for character in f"d{ahead}":
            pilot.app.post_message(events.Key(character, character))
        while pilot.app.is_running:
            await pilot.pause()
    assert pilot.app.return_code == 0


@pytest.mark.parametrize("opener", ["q", "ctrl+o", "comma", "question_mark"])
async def test_escape_twice_leaves_a_dialog_once(make_run: MakeRun, opened: Open, opener: str) -> None:
    make_run(status="running")
    async with opened() as pilot:
        await pilot.press(opener)
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 2
        for _ in range(3):
            pilot.app.post_message(events.Key("escape", None))
        await settle(pilot)
        assert len(pilot.app.screen_stack) == 1


async def test_stopping_asks_every_live_run_to_stop(core: FakeCore, make_run: MakeRun, opened: Open) -> None:
    runs = {make_run(status="running").path, make_run(env="pendulum", status="paused").path}
    async with opened() as pilot:
        await pilot.press("q")
        await pilot.pause()
        await pilot.press("s")
        while pilot.app.is_running:
            await pilot.pause()
    assert {run.path for run in core.stopped} == runs


async def test_an_unreadable_runs_folder_is_said_once_and_survived(
    core: FakeCore, monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    def fail() -> list[Any]:
        raise RunsFolderError("runs folder /x cannot be read: no permission")

    monkeypatch.setattr(core, "list_runs", fail)
    async with opened() as pilot:
        pilot.app.list_runs()
        await settle(pilot)
        assert messages(pilot).count("no permission") == 1
        await pilot.press("3")
        await settle(pilot)
        assert "no permission" in str(pilot.app.query_one("#empty", Static).content)


@pytest.mark.parametrize("size", [(20, 5), (39, 40), (120, 11)])
async def test_a_terminal_that_is_too_small_says_so_and_recovers(opened: Open, size: tuple[int, int]) -> None:
    async with opened(size=size) as pilot:
        assert isinstance(pilot.app.screen, TooSmall)
        line = str(pilot.app.screen.query_one(Static).content)
        assert line == f"terminal too small: {size[0]}×{size[1]}, need 40×12"
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert not isinstance(pilot.app.screen, TooSmall)


async def test_shrinking_and_growing_keeps_what_was_typed(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("slash", "w", "a")
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        await pilot.resize_terminal(25, 6)
        await pilot.pause()
        assert isinstance(pilot.app.screen, TooSmall)
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert pilot.app.query_one("#environment-filter", Input).value == "wa"


async def test_the_key_bar_follows_the_place_and_hides_what_would_be_typed(opened: Open) -> None:
    async with opened() as pilot:
        bar = pilot.app.query_one(KeyBar)
        assert "b backend" in bar.render().plain and "q quit" in bar.render().plain
        await pilot.press("slash")
        await pilot.pause()
        assert "b backend" not in bar.render().plain and "q quit" not in bar.render().plain
        await pilot.press("escape", "3")
        await settle(pilot)
        # Nothing is in the list that could be deleted.
        assert "s sort" in bar.render().plain and "d delete" not in bar.render().plain
        assert "b backend" not in bar.render().plain


@pytest.mark.parametrize("place", ["1", "3"])
async def test_coming_back_to_a_place_leaves_letters_to_its_actions(opened: Open, place: str) -> None:
    async with opened(size=(80, 24)) as pilot:
        for key in (place, "2", place):
            await pilot.press(key)
            await settle(pilot)
        assert pilot.app.focused is not None and not isinstance(pilot.app.focused, Input)


async def test_coming_back_to_a_place_finds_the_focus_where_it_was_left(opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("f")
        left = pilot.app.focused
        assert left is not None
        for key in ("3", "1"):
            await pilot.press(key)
            await settle(pilot)
        assert pilot.app.focused is left


async def test_a_click_in_the_key_bar_presses_the_key(opened: Open) -> None:
    async with opened() as pilot:
        line = pilot.app.query_one(KeyBar).render().plain
        await pilot.click(KeyBar, offset=(line.index("? help") + 1, 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_the_key_bar_always_has_help_and_quit(opened: Open) -> None:
    async with opened(size=(44, 14)) as pilot:
        line = pilot.app.query_one(KeyBar).render().plain
        assert "? help" in line and "q quit" in line and len(line) <= 44


async def test_a_question_that_was_asked_while_there_was_no_room_leaves_the_place_in_sight(
    make_run: MakeRun, opened: Open
) -> None:
    make_run(status="running")
    async with opened() as pilot:
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        await pilot.press("q")
        await pilot.pause()
        assert isinstance(pilot.app.screen, Question)
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 1


@pytest.mark.parametrize("width", [76, 40, 20])
def test_a_long_text_goes_on_under_its_own_beginning(width: int) -> None:
    words = "Show only charts, or log lines if the log is focused, with a text that is a good deal longer."
    first, *rest = hanging(Content("  /          "), Content(words), width).plain.splitlines()
    assert first.startswith("  /          Show") and rest
    assert all(line.startswith(" " * 13) and line[13] != " " for line in rest)
    assert " ".join([first[13:], *(line.strip() for line in rest)]) == words
    assert max(map(len, (first, *rest))) <= max(width, 25)


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
async def test_all_of_the_help_can_be_scrolled_to(opened: Open, size: tuple[int, int]) -> None:
    async with opened(size=size) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        text = pilot.app.screen.query_one(Fitted)
        lines = text.render().plain.splitlines()
        assert text.size.height == len(lines) and max(map(len, lines)) <= text.size.width


async def test_what_was_said_can_be_read_again_and_is_harmless(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.notify("first", markup=False)
        pilot.app.notify("no \x1b[31mroom\nat all", title="Disk\x07", severity="error", markup=False)
        await pilot.press("M")
        await pilot.pause()
        assert isinstance(pilot.app.screen, MessagesScreen)
        newest, more, oldest = pilot.app.screen.query_one(Fitted).render().plain.splitlines()
        assert newest.endswith("✖ Disk\\x07: no \\x1b[31mroom") and more.strip() == "at all"
        assert oldest.endswith("· first")
        await pilot.press("j", "q")
        assert not isinstance(pilot.app.screen, MessagesScreen)


async def test_a_place_that_never_gets_its_parts_keeps_nobody_from_leaving(
    monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    monkeypatch.setattr(leaving, "_COMPOSED_S", 0.05)
    async with opened() as pilot:
        await pilot.app._mounting.acquire()
        await pilot.press("q")
        while pilot.app.is_running:
            await pilot.pause()
    assert pilot.app.return_code == 0
