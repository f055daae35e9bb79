from __future__ import annotations

from pathlib import Path

import pytest

from motrix_tui.actions import Action, all_actions, bindings, conflicts, key_name
from motrix_tui.app import MotrixApp
from motrix_tui.compare.pane import ComparePane
from motrix_tui.keys_page import page
from motrix_tui.launch.pane import LaunchPane
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.play.pane import PlayPane
from motrix_tui.runs_table.pane import RunsPane

PLACES = {
    "app": MotrixApp,
    "launch": LaunchPane,
    "monitor": MonitorPane,
    "runs": RunsPane,
    "compare": ComparePane,
    "play": PlayPane,
}


def test_no_key_means_two_things_in_one_place() -> None:
    assert conflicts(all_actions()) == []


def test_a_conflict_with_a_key_of_everywhere_is_found() -> None:
    everywhere = Action("app.quit", ("q",), "quit", "Leave.", "app")
    here = Action("runs.query", ("q",), "query", "Ask.", "runs")
    assert conflicts([here, everywhere]) == ["q: app.quit and runs.query"]


def test_the_same_key_may_mean_different_things_in_two_places() -> None:
    one = Action("runs.copy", ("y",), "copy", "Copy.", "runs")
    other = Action("launch.copy", ("y",), "copy", "Copy.", "launch")
    assert conflicts([one, other]) == []


@pytest.mark.parametrize("action", all_actions(), ids=lambda action: action.id)
def test_every_action_has_a_handler_and_words(action: Action) -> None:
    assert callable(getattr(PLACES[action.place], f"action_{action.handler}", None))
    assert action.title and action.help.endswith(".")
    assert action.id.startswith(action.place + ".")


@pytest.mark.parametrize("action", all_actions(), ids=lambda action: action.id)
def test_nothing_needs_alt_or_a_function_key(action: Action) -> None:
    for key in action.keys:
        parts = key.split("+")
        assert "alt" not in parts and "meta" not in parts
        assert not (parts[-1][0] == "f" and parts[-1][1:].isdigit())


def test_ids_are_unique() -> None:
    ids = [action.id for action in all_actions()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("place", PLACES)
def test_the_bindings_of_a_place_are_its_actions(place: str) -> None:
    wanted = {(key, action.handler) for action in all_actions() if action.place == place for key in action.keys}
    assert {(binding.key, binding.action) for binding in PLACES[place].BINDINGS} == wanted


def test_only_the_first_key_of_an_action_is_shown() -> None:
    shown = {binding.key: binding.show for binding in bindings([Action("app.x", ("a", "b"), "x", "X.", "app")])}
    assert shown == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("key", "name"), [("ctrl+r", "^r"), ("question_mark", "?"), ("shift+tab", "shift+tab"), ("b", "b")]
)
def test_keys_are_named_as_people_write_them(key: str, name: str) -> None:
    assert key_name(key) == name


def test_the_keys_page_is_up_to_date() -> None:
    written = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m motrix_tui.keys_page > docs/keys.md"
