"""Pictures of the screens on a machine that is the same everywhere; accept new ones with --snapshot-update."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_core.runs.layout import Run
from motrix_core.view.canvas import Canvas
from motrix_tui.app import MotrixApp
from motrix_tui.launch.layers_dialog import LayersDialog
from motrix_tui.play.pane import Picture, PlayPane
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


async def edit_layers(pilot: Pilot[Any]) -> None:
    """The list of a network's layers, the second of three being typed over."""
    await settle(pilot)
    await pilot.press("f", "right_square_bracket", "n")
    while not isinstance(pilot.app.screen, LayersDialog) or not pilot.app.screen.query("OptionList"):
        await pilot.pause()
    await pilot.press("l", "a", *"512")
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["night", "paper"])
def test_layers(core: FakeCore, tmp_path: Path, snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=edit_layers)


@pytest.mark.parametrize("theme", ["ember", "clear"])
def test_help(core: FakeCore, tmp_path: Path, snap_compare: Compare, theme: str) -> None:
    app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=keys("question_mark"))


class StillPlayer:
    """Says `first`, and what `draw` makes of every size that it is told, and never ends by itself."""

    def __init__(self, *first: dict[str, Any], draw: Callable[[int, int], dict[str, Any]] | None = None) -> None:
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in first:
            self._messages.put_nowait(message)
        self._draw = draw

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self._messages.get()

    def tell(self, **command: Any) -> None:
        if command["do"] == "size" and self._draw is not None:
            self._messages.put_nowait(self._draw(command["width"], command["height"]))

    async def stop(self) -> None:
        pass


async def play(pilot: Pilot[Any]) -> None:
    """Go to Play, and wait until what the player said fills its picture, or is told as what is wrong."""
    await settle(pilot)
    await pilot.press("5")
    pane = pilot.app.query_one(PlayPane)
    picture = pane.query_one(Picture)

    def is_drawn() -> bool:
        width, height = picture.room
        return height > 1 and len(picture.lines) == height and all(len(line) == width for line in picture.lines)

    while not (is_drawn() or pane.has_class("-wrong")):
        await pilot.pause()
    await pilot.pause()


READY = {
    "type": "ready",
    "title": "cartpole · step_65536 (best) of 20260101-120000-jax-3f2a",
    "checkpoint": "step_65536",
    "checkpoints": [
        {"name": "step_32768", "env_steps": 32768, "best": False},
        {"name": "step_65536", "env_steps": 65536, "best": True},
    ],
    "drawable": True,
}


def cartpole_frame(width: int, height: int) -> dict[str, Any]:
    """What the player says of a pole that leans a little."""
    canvas = Canvas(width, height)
    middle, ground = width, height * 4 - 6
    points = np.array([(middle - 8, ground - 8), (middle + 8, ground - 8), (middle + 8, ground), (middle - 8, ground)])
    canvas.segments(points, np.roll(points, -1, axis=0))
    canvas.segments(np.array([[middle, ground - 8.0]]), np.array([[middle + 10.0, 6.0]]))
    canvas.segments(np.array([[0.0, ground]]), np.array([[2.0 * width, ground]]))
    return {
        "type": "frame",
        "lines": canvas.lines(),
        "total": 412.0,
        "steps": 412,
        "episodes": 6,
        "returns": [120.0, 480.0, 700.0, 950.0, 1000.0, 1000.0],
        "terms": {"alive": 1.0, "effort": -0.12},
        "actions": [0.41],
        "paused": True,
        "speed": 0.5,
        "view": "side",
    }


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_play(
    app: MotrixApp,
    core: FakeCore,
    make_run: Callable[..., Run],
    snap_compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    make_run()
    monkeypatch.setattr(core, "play", lambda run, width, height, **_: StillPlayer(READY, draw=cartpole_frame))
    assert snap_compare(app, terminal_size=size, run_before=play)


def test_play_without_a_run(app: MotrixApp, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(80, 24), run_before=keys("5"))


def test_play_of_a_checkpoint_that_is_damaged(
    app: MotrixApp,
    core: FakeCore,
    make_run: Callable[..., Run],
    snap_compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_run()
    problem = {"type": "error", "message": "checkpoint step_65536 is damaged; use another checkpoint of the run"}
    monkeypatch.setattr(core, "play", lambda run, width, height, **_: StillPlayer(READY, problem))
    assert snap_compare(app, terminal_size=(80, 24), run_before=play)
