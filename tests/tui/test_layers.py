from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from motrix_tui.launch import layers
from motrix_tui.launch.command_bar import CommandBar
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.form import FieldList, FormPanel
from motrix_tui.launch.layers_dialog import LayersDialog
from motrix_tui.text import grouped

Open = Callable[..., Any]
POLICY, VALUE = "ppo.policy_hidden_layer_sizes", "ppo.value_hidden_layer_sizes"
SIZES = st.lists(st.integers(0, 999_999).map(str), min_size=1, max_size=20).map(tuple)


@pytest.mark.parametrize("text", ["256-128-64", "256,128,64", "[256, 128, 64]", " 256 x 128 x 64 "])
def test_sizes_are_found_however_they_are_written(text: str) -> None:
    assert layers.sizes_in(text) == ("256", "128", "64")
    assert layers.text_of(layers.sizes_in(text)) == "256-128-64"


def test_a_layer_is_added_behind_the_cursor_and_as_large() -> None:
    assert layers.added(("256", "64"), 0) == ("256", "256", "64")


def test_the_last_layer_stays() -> None:
    assert layers.removed(("256", "64"), 1) == ("256",)
    assert layers.removed(("256",), 0) == ("256",)


@pytest.mark.parametrize(
    ("at", "by", "after"), [(0, 1, ("2", "1", "3")), (2, -1, ("1", "3", "2")), (0, -1, ("1", "2", "3"))]
)
def test_layers_change_places_and_the_ends_hold_them(at: int, by: int, after: tuple[str, ...]) -> None:
    sizes, now = layers.moved(("1", "2", "3"), at, by)
    assert sizes == after and sizes[now] == ("1", "2", "3")[at]


@pytest.mark.parametrize(
    ("size", "by", "after"),
    [
        ("64", 1, "128"),
        ("100", 1, "128"),
        ("64", -1, "32"),
        ("100", -1, "64"),
        ("1", -1, "1"),
        ("", 1, "1"),
        ("16384", 1, "16384"),
        ("999999", -1, "16384"),
    ],
)
def test_a_size_steps_to_the_next_power_of_two_within_its_bounds(size: str, by: int, after: str) -> None:
    assert layers.stepped(size, by, least=1, most=16_384) == after


def test_the_first_digit_begins_a_new_number_and_the_next_ones_go_on() -> None:
    size = layers.typed("256", "5", goes_on=False)
    for digit in "12":
        size = layers.typed(size, digit, goes_on=True)
    assert size == "512"
    assert layers.typed("123456", "7", goes_on=True) == "123456"


@given(SIZES)
def test_the_largest_layers_bar_is_the_longest(sizes: tuple[str, ...]) -> None:
    lengths = {size: len(layers.bar(size, sizes, 24)) for size in sizes}
    largest = max(sizes, key=int)
    assert max(lengths.values()) == lengths[largest] == (24 if int(largest) else 0)


@given(SIZES, st.data())
def test_no_layer_is_lost_by_moving(sizes: tuple[str, ...], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sizes) - 1))
    after, now = layers.moved(sizes, at, data.draw(st.sampled_from([-1, 1])))
    assert sorted(after) == sorted(sizes) and after[now] == sizes[at]


def value_of(pilot: Pilot[Any], path: str) -> str:
    return next(row for row in pilot.app.screen_stack[0].query(FieldRow) if row.field.path == path).text


def lines(pilot: Pilot[Any]) -> list[str]:
    options = pilot.app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt).split()[1] for index in range(options.option_count)]


def look(pilot: Pilot[Any]) -> str:
    return str(pilot.app.screen.query_one("#look", Static).content)


async def open_list(pilot: Pilot[Any], path: str = POLICY, key: str = "n") -> None:
    pilot.app.query_one(FormPanel).show_field(path)
    await pilot.pause()
    await pilot.press(key)
    await opens(pilot)


async def opens(pilot: Pilot[Any]) -> None:
    while not isinstance(pilot.app.screen, LayersDialog) or not pilot.app.screen.query("OptionList"):
        await pilot.pause()
    await pilot.pause()


async def closes(pilot: Pilot[Any]) -> None:
    while isinstance(pilot.app.screen, LayersDialog):
        await pilot.pause()
    await pilot.pause()


async def take_apart(pilot: Pilot[Any]) -> None:
    """Give policy and value networks of their own."""
    pilot.app.query_one(FormPanel).show_field("ppo.share_policy_value_features")
    await pilot.pause()
    await pilot.press("space")
    await pilot.pause()


async def test_n_edits_the_layers_and_enter_takes_them_as_one_step_of_undo(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot)
        assert lines(pilot) == ["32", "32"]
        await pilot.press("l", "a", "6", "4", "enter")
        await closes(pilot)
        assert value_of(pilot, POLICY) == "64-64-32"
        assert "policy_hidden_layer_sizes=64-64-32" in pilot.app.query_one(CommandBar).text
        await pilot.press("ctrl+z")
        await pilot.pause()
        assert value_of(pilot, POLICY) == value_of(pilot, VALUE) == "32-32"


async def test_on_a_shared_trunk_the_value_network_follows(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot, VALUE)
        assert "shared trunk" in str(pilot.app.screen.query_one(".box").border_title)
        await pilot.press("d", "enter")
        await closes(pilot)
        assert value_of(pilot, POLICY) == value_of(pilot, VALUE) == "32"
        assert pilot.app.query_one(CommandBar).text


async def test_networks_of_their_own_are_edited_apart(opened: Open) -> None:
    async with opened() as pilot:
        await take_apart(pilot)
        await open_list(pilot, VALUE)
        await pilot.press("J", "1", "6", "enter")
        await closes(pilot)
        assert (value_of(pilot, POLICY), value_of(pilot, VALUE)) == ("32-32", "32-16")
        row = pilot.app.query_one(FieldList).row
        assert row is not None and row.field.path == VALUE


async def test_escape_leaves_the_layers_as_they_were(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot)
        await pilot.press("d", "l", "escape")
        await closes(pilot)
        assert value_of(pilot, POLICY) == "32-32"
        assert pilot.app.query_one(FieldList).has_focus


async def test_parameters_are_counted_live(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot)
        # Cartpole: 4 observations, 1 action; 4·32+32, 32·32+32, 32+1 and its deviation, and 32+1 for the value.
        assert f"2 layers · {grouped(1283)} parameters" in look(pilot)
        await pilot.press("d")
        await pilot.pause()
        assert "1 layer · 227 parameters" in look(pilot)


async def test_what_is_wrong_is_said_at_once_and_may_be_taken_to_be_mended_later(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot)
        await pilot.press("0")
        await pilot.pause()
        assert "✖" in look(pilot) and "parameters" not in look(pilot)
        await pilot.press(*"20000")
        await pilot.pause()
        assert "from 1 to 16384" in look(pilot).replace("\n", " ")
        await pilot.press("enter")
        await closes(pilot)
        assert value_of(pilot, POLICY) == "20000-32" and not pilot.app.query_one(CommandBar).text


async def test_backspace_takes_back_a_digit(opened: Open) -> None:
    async with opened() as pilot:
        await open_list(pilot)
        await pilot.press("1", "2", "8", "backspace", "0", "j", "5", "enter")
        await closes(pilot)
        assert value_of(pilot, POLICY) == "120-5"


async def test_the_field_and_the_list_work_by_mouse(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field(POLICY)
        await pilot.pause()
        row = next(row for row in pilot.app.query(FieldRow) if row.field.path == POLICY)
        await pilot.click(row, offset=(row.size.width - 2, 0))
        await opens(pilot)
        await pilot.click(OptionList, offset=(5, 1))
        await pilot.click("#key-l")
        await pilot.click("#key-K")
        await pilot.click("#key-a")
        await pilot.pause()
        assert lines(pilot) == ["64", "64", "32"]
        assert pilot.app.screen.query_one(OptionList).has_focus
        await pilot.press("enter")
        await closes(pilot)
        assert value_of(pilot, POLICY) == "64-64-32"


async def test_typing_the_sizes_is_as_it_was(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.query_one(FormPanel).show_field(POLICY)
        await pilot.pause()
        await pilot.press("enter", "ctrl+u", *"128,64", "enter")
        await pilot.pause()
        assert value_of(pilot, POLICY) == "128,64"
        await open_list(pilot)
        assert lines(pilot) == ["128", "64"]


async def test_bars_keep_to_their_line_while_the_terminal_changes(opened: Open) -> None:
    async with opened(size=(120, 40)) as pilot:
        await open_list(pilot)
        options = pilot.app.screen.query_one(OptionList)
        for width in (46, 120):
            await pilot.resize_terminal(width, 30)
            while pilot.app.screen.size.width != width:
                await pilot.pause()
            await pilot.pause()
            await pilot.pause()
            longest = len(str(options.get_option_at_index(0).prompt))
            assert longest == min(51, options.scrollable_content_region.width)
