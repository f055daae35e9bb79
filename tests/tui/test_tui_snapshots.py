"""Pictures of the screens on a machine that is the same everywhere; accept new ones with --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings

SIZES = [(120, 40), (80, 24), (60, 20)]
Compare = Callable[..., bool]


def keys(*pressed: str) -> Callable[[Pilot[Any]], Any]:
    async def press(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.press(*pressed)
        await settle(pilot)

    return press


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["night", "paper"])
def test_launch(core: FakeCore, tmp_path: Path, snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=keys())


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_launch_with_an_error_in_the_form(app: MotrixApp, snap_compare: Compare, size: tuple[int, int]) -> None:
    pressed = ("right_square_bracket", "right_square_bracket", "j", "enter", "ctrl+u", "3", "enter")
    assert snap_compare(app, terminal_size=size, run_before=keys(*pressed))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_an_unusable_simulator(app: MotrixApp, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=keys("m", "j", "j", "j"))


@pytest.mark.parametrize("theme", ["ember", "clear"])
def test_help(core: FakeCore, tmp_path: Path, snap_compare: Compare, theme: str) -> None:
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys("question_mark"))
