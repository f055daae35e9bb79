from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual import events
from textual.pilot import Pilot
from textual.widgets import OptionList

from motrix_core.view import clips
from motrix_core.view.clips import load_clip
from motrix_tui.launch import preview
from motrix_tui.launch.preview import Preview

Open = Callable[..., Any]


def shown(pilot: Pilot[Any]) -> list[str]:
    panel = pilot.app.query_one(Preview)
    return [panel.render_line(y).text.strip() for y in range(panel.size.height)]


def picture(env: str, index: int) -> list[str]:
    clip = load_clip(env)
    assert clip is not None
    return [line.strip() for line in clip.lines(index)]


def test_the_size_is_that_of_the_clips() -> None:
    assert (preview.WIDTH, preview.HEIGHT) == (clips.WIDTH, clips.HEIGHT)


async def test_the_highlighted_environment_moves(opened: Open) -> None:
    async with opened() as pilot:
        assert shown(pilot) == picture("cartpole", 0)
        for index in (1, 2):
            pilot.app.query_one(Preview)._next()
            assert shown(pilot) == picture("cartpole", index)
        pilot.app.query_one(OptionList).highlighted = 2
        await settle(pilot)
        assert shown(pilot) == picture("dm-walker", 0)


async def test_a_clip_begins_again_at_its_end(opened: Open) -> None:
    async with opened() as pilot:
        panel = pilot.app.query_one(Preview)
        clip = load_clip("cartpole")
        assert clip is not None
        for _ in range(len(clip)):
            panel._next()
        assert shown(pilot) == picture("cartpole", 0)


async def test_it_rests_after_a_few_rounds_and_plays_again_for_the_next_environment(opened: Open) -> None:
    async with opened() as pilot:
        panel = pilot.app.query_one(Preview)
        clip = load_clip("cartpole")
        assert clip is not None
        for _ in range(preview.ROUNDS * len(clip) - 1):
            panel._next()
        assert panel._clock._active.is_set()
        panel._next()
        assert not panel._clock._active.is_set()
        pilot.app.query_one(OptionList).highlighted = 1
        await settle(pilot)
        assert panel._clock._active.is_set()


async def test_an_environment_without_a_clip_keeps_the_place_blank(
    core: FakeCore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "clip", lambda env: None)
    async with opened() as pilot:
        panel = pilot.app.query_one(Preview)
        panel._next()
        assert not any(shown(pilot)) and panel.size.height == preview.HEIGHT


async def test_damaged_clips_are_named_in_their_place(
    core: FakeCore, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(env: str) -> None:
        raise ValueError("clips.npz is no zip file\x1b[31m")

    monkeypatch.setattr(core, "clip", fail)
    async with opened() as pilot:
        assert "no picture" in shown(pilot)[0] and "\x1b" not in shown(pilot)[0]


async def test_it_stands_still_while_the_window_is_left_or_a_dialog_is_open(opened: Open) -> None:
    async with opened() as pilot:
        panel = pilot.app.query_one(Preview)
        pilot.app.post_message(events.AppBlur())
        await pilot.pause()
        panel._next()
        assert shown(pilot) == picture("cartpole", 0)
        pilot.app.post_message(events.AppFocus())
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        panel._next()
        assert panel._index == 0
        await pilot.press("escape")
        await pilot.pause()
        panel._next()
        assert panel._index == 1


async def test_it_stands_still_where_animations_are_not_wanted(opened: Open) -> None:
    async with opened() as pilot:
        pilot.app.animation_level = "none"
        pilot.app.query_one(Preview)._next()
        assert shown(pilot) == picture("cartpole", 0)


async def test_its_clock_stops_while_another_place_is_in_sight(opened: Open) -> None:
    async with opened() as pilot:
        clock = pilot.app.query_one(Preview)._clock
        assert clock._active.is_set()
        await pilot.press("3")
        await settle(pilot)
        assert not clock._active.is_set()
        await pilot.press("1")
        await settle(pilot)
        assert clock._active.is_set()


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_there_is_no_picture_where_there_is_no_room(opened: Open, size: tuple[int, int]) -> None:
    async with opened(size=size) as pilot:
        panel = pilot.app.query_one(Preview)
        assert not panel.display and not panel._clock._active.is_set()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_nothing_moves_but_the_picture_from_one_environment_to_the_next(
    opened: Open, size: tuple[int, int]
) -> None:
    async with opened(size=size) as pilot:

        def places() -> list[Any]:
            return [pilot.app.query_one(id).region for id in ("#environment-list", "#about", "#preview")]

        before = places()
        for index in range(1, 5):
            pilot.app.query_one(OptionList).highlighted = index
            await settle(pilot)
            assert places() == before


def test_launch_does_not_wait_for_numpy() -> None:
    program = "import sys, motrix_tui.launch.environments; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
