from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle

from motrix_tui.actions import all_actions, key_called, key_name
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings
from motrix_tui.shell.key_bar import KeyBar
from motrix_tui.shell.keymap import read_keymap

Open = Callable[..., Any]


def test_a_key_is_found_under_the_id_of_its_action_however_the_table_is_written() -> None:
    wanted = {"launch.start": ("L",), "app.help": ("f1", "question_mark")}
    keymap, problems = read_keymap({"launch": {"start": "L"}, "app.help": ["f1", "?"]}, all_actions())
    assert keymap == wanted and not problems


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"launch.strat": "L"}, "did you mean launch.start"),
        ({"launch.start": 3}, "must be a key"),
        ({"launch.start": []}, "must be a key"),
        ({"launch.start": "y"}, "launch.start and launch.copy_command"),
        ({"runs.mark": "q"}, "app.quit and runs.mark"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named_and_has_no_effect(table: dict[str, Any], said: str) -> None:
    keymap, problems = read_keymap(table, all_actions())
    assert not keymap and len(problems) == 1 and said in problems[0]


def test_two_actions_may_exchange_a_key_when_the_first_gives_it_away_first() -> None:
    keymap, problems = read_keymap({"launch.copy_command": "c", "launch.start": "y"}, all_actions())
    assert keymap == {"launch.copy_command": ("c",), "launch.start": ("y",)} and not problems


@pytest.mark.parametrize("key", sorted({key for action in all_actions() for key in action.keys}))
def test_every_key_is_understood_as_it_is_shown(key: str) -> None:
    assert key_called(key_name(key)) == key == key_called(key)


async def test_a_key_of_ones_own_replaces_every_key_of_its_action(core: FakeCore, tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[keys]\n"app.quit" = "ctrl+x"\n"launch.switch_backend" = "t"\n"app.nothing" = "z"\n')
    app = MotrixApp(core, Settings.load(path))
    async with opened(app) as pilot:
        await pilot.press("b", "q")
        await settle(pilot)
        command = app.query_one("#command-bar").text  # type: ignore[attr-defined]
        assert app.is_running and "--backend jax" in command
        assert "^x quit" in app.query_one(KeyBar).render().plain
        assert any("app.nothing" in note.message for note in app._notifications)
        assert {action.id: action.keys for action in app.available_actions()}["app.quit"] == ("ctrl+x",)
        await pilot.press("t")
        await settle(pilot)
        assert "--backend torch" in app.query_one("#command-bar").text  # type: ignore[attr-defined]
        await pilot.press("ctrl+x")
        await settle(pilot)
        assert app._exit
