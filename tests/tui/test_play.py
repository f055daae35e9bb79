"""Play with a player that says what the tests tell it to say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fake_core import FakeCore, settle

from motrix_core.runs.layout import Run
from motrix_tui.app import MotrixApp
from motrix_tui.charts.axes import exact_number
from motrix_tui.play.child import PlayChild
from motrix_tui.play.pane import Picture, PlayPane
from motrix_tui.play.panel import Figures
from motrix_tui.text import count, significant

CHECKPOINTS = [
    {"name": "step_100", "env_steps": 100, "best": False},
    {"name": "step_65536", "env_steps": 65536, "best": True},
]
READY = {
    "type": "ready",
    "title": "cartpole · step_65536 (best) of it",
    "checkpoint": "step_65536",
    "checkpoints": CHECKPOINTS,
    "drawable": True,
}
FRAME = {
    "type": "frame",
    "lines": ["⠤⠤⠤ a pole ⠤⠤⠤", "⠿"],
    "total": 12.5,
    "steps": 13,
    "episodes": 3,
    "returns": [900.0, 950.0, 1000.0],
    "terms": {"alive": 1.0, "energy": -0.25},
    "actions": [0.5, -1.0],
    "paused": False,
    "speed": 1.0,
    "view": "side",
}


class FakeChild:
    """Says what is put into `queue`; None ends it. `told` collects what it was told."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.told: list[dict[str, Any]] = []
        self.stopped = False

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self.queue.get()) is not None:
            yield message

    def tell(self, **command: Any) -> None:
        self.told.append(command)

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def children(core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> list[FakeChild]:
    """The players that were started, the newest last."""
    made: list[FakeChild] = []

    def play(run: Run, width: int, height: int, *, ascii: bool = False) -> Any:
        made.append(FakeChild())
        return made[-1]

    monkeypatch.setattr(core, "play", play)
    return made


async def say(pilot: Any, child: FakeChild, *messages: dict[str, Any]) -> None:
    for message in messages:
        child.queue.put_nowait(message)
    await pilot.pause()
    await pilot.pause()


def shown(app: MotrixApp) -> str:
    pane = app.query_one(PlayPane)
    parts = ["#play-status", "#play-problem"]
    words = [str(pane.query_one(part).render()) for part in parts]
    return "\n".join([*words, str(pane.query_one(Picture).render()), str(pane.query_one(Figures).render())])


Opened = Callable[..., Any]
MakeRun = Callable[..., Run]


async def test_without_runs_play_says_how_to_get_one(app: MotrixApp, opened: Opened, children: list[FakeChild]) -> None:
    async with opened() as pilot:
        await pilot.press("5")
        await pilot.pause()
        assert "no policy is being played" in shown(app) and "3 goes to Runs" in shown(app)
        assert not children
        await pilot.press("space", "n", "right_square_bracket", "b", "enter")
        assert app.place == "play"


async def settle_places(pilot: Any) -> None:
    """Wait until a place has come into sight and another is gone from it."""
    for _ in range(3):
        await pilot.pause()


async def start(pilot: Any, children: list[FakeChild], *messages: dict[str, Any]) -> FakeChild:
    await pilot.press("5")
    await pilot.pause()
    await say(pilot, children[-1], *(messages or (READY, FRAME)))
    return children[-1]


async def test_a_run_that_could_not_be_played_is_tried_again_when_it_is_opened_again(
    opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    run = make_run()
    async with opened() as pilot:
        await start(pilot, children, {"type": "error", "message": "no checkpoint yet"})
        await pilot.app.play_run(run)
        await pilot.pause()
        assert len(children) == 2
        await say(pilot, children[-1], {"type": "error", "message": "no checkpoint yet"})
        await pilot.press("5")
        await pilot.pause()
        assert len(children) == 3
        await say(pilot, children[-1], READY, FRAME)
        await pilot.press("5")
        await pilot.app.play_run(run)
        await pilot.pause()
        assert len(children) == 3


async def test_the_newest_run_is_played_with_its_score(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        await start(pilot, children)
        words = shown(app)
        for part in ("step_65536 (best)", "checkpoint 2 of 2", "a pole", "12.5", "13", "950", "alive", "energy"):
            assert part in words


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (120, f"{READY['title']} · 1× · checkpoint 2 of 2, 65 536 env steps"),
        (70, f"{READY['title']} · 1× · checkpoint 2 of 2"),
        (60, f"{READY['title']} · 1×"),
        (40, "cartpole · step_65536 (best) of … · 1×"),
    ],
)
async def test_what_does_not_fit_into_play_s_header_leaves_nothing_dangling(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild], columns: int, line: str
) -> None:
    make_run()
    async with opened(size=(columns, 24)) as pilot:
        await start(pilot, children)
        assert shown(app).split("\n")[0] == line


async def test_nothing_is_called_minus_zero(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        terms = {"alive": 1.0, "energy": -0.0, "small": -0.25}
        await start(pilot, children, READY, {**FRAME, "total": -0.0, "terms": terms, "actions": [-0.0]})
        assert "-0.25" in shown(app) and "-0 " not in shown(app)


def test_numbers_that_round_to_zero_have_no_sign() -> None:
    assert [significant(-0.0), count(-0.3), exact_number(-0.0), significant(-0.25)] == ["0", "0", "0", "-0.25"]


async def test_a_player_that_was_started_before_there_was_a_picture_is_told_its_size(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        await pilot.press("5")
        await pilot.pause()
        children[-1].told.clear()
        await say(pilot, children[-1], READY)
        width, height = app.query_one(Picture).room
        assert children[-1].told == [{"do": "size", "width": width, "height": height}]
        assert width > 40 and height > 10


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("space", {"do": "pause"}),
        ("full_stop", {"do": "step"}),
        ("plus", {"do": "speed", "factor": 2.0}),
        ("minus", {"do": "speed", "factor": 0.5}),
        ("n", {"do": "next"}),
        ("v", {"do": "view"}),
        ("b", {"do": "checkpoint", "which": "best"}),
        ("left_square_bracket", {"do": "checkpoint", "which": "100"}),
    ],
)
async def test_every_key_reaches_the_player(
    app: MotrixApp,
    opened: Opened,
    make_run: MakeRun,
    children: list[FakeChild],
    key: str,
    command: dict[str, Any],
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children)
        child.told.clear()
        await pilot.press(key)
        await pilot.pause()
        assert child.told == [command]


async def test_after_the_last_checkpoint_there_is_none(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children)
        child.told.clear()
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert child.told == []


async def test_an_error_is_shown_in_place_and_gone_once_another_checkpoint_plays(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children, READY, FRAME, {"type": "error", "message": "step_1 is \x1b[31mdamaged"})
        words = shown(app)
        assert "✖ step_1 is \\x1b[31mdamaged" in words
        assert "a pole" not in words
        await say(pilot, child, READY, FRAME)
        assert "damaged" not in shown(app)


async def test_runs_and_monitor_lead_to_play_and_play_leads_to_monitor(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("p")
        await pilot.pause()
        assert app.place == "play" and len(children) == 1
        await pilot.press("enter")
        await pilot.pause()
        assert app.place == "monitor"
        await pilot.press("P")
        await pilot.pause()
        assert app.place == "play" and len(children) == 1


async def test_what_nobody_sees_is_not_simulated(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children)
        child.told.clear()
        await pilot.press("1")
        await pilot.pause()
        assert child.told == [{"do": "pause"}]
        await pilot.press("5")
        await pilot.pause()
        assert [command for command in child.told if command["do"] != "size"] == [{"do": "pause"}] * 2


async def test_the_player_ends_with_the_dashboard(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children)
    assert child.stopped


def child_of(program: str) -> PlayChild:
    return PlayChild({"run": "it"}, argv=(sys.executable, "-c", program))


async def test_lines_go_to_the_player_and_come_from_it() -> None:
    child = child_of("import sys\nfor line in sys.stdin: print(line, end='', flush=True)")
    messages = child.messages()
    assert await anext(messages) == {"run": "it"}
    child.tell(do="pause")
    assert await anext(messages) == {"do": "pause"}
    await child.stop()
    await messages.aclose()


async def test_a_player_that_breaks_is_quoted() -> None:
    said = [message async for message in child_of("import sys; sys.exit('no such engine')").messages()]
    assert said == [{"type": "error", "message": "the player ended: no such engine"}]


async def test_a_player_that_does_not_listen_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motrix_tui.play.child._LEAVING_S", 0.1)
    child = child_of("import signal; print('{}', flush=True); signal.pause()")
    messages = child.messages()
    assert await anext(messages) == {}
    process = child._process
    await child.stop()
    assert process is not None and process.returncode == -9
    await messages.aclose()


async def test_a_player_whose_first_picture_comes_after_play_was_left_is_held(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    async with opened() as pilot:
        child = await start(pilot, children, READY)
        await pilot.press("1")
        await settle_places(pilot)
        child.told.clear()
        await say(pilot, child, FRAME, FRAME)
        assert child.told == [{"do": "pause"}]
        await pilot.press("5")
        await settle_places(pilot)
        assert [command for command in child.told if command["do"] != "size"] == [{"do": "pause"}] * 2


async def test_another_run_is_not_begun_with_what_the_one_before_was_to_be_told(
    app: MotrixApp, opened: Opened, make_run: MakeRun, children: list[FakeChild]
) -> None:
    make_run()
    make_run(env="pendulum")
    async with opened() as pilot:
        first = await start(pilot, children)
        await pilot.press("3")
        await settle_places(pilot)
        assert first.told[-1] == {"do": "pause"}
        await pilot.press("j", "p")
        await settle_places(pilot)
        assert len(children) == 2
        await say(pilot, children[1], READY, FRAME)
        assert {"do": "pause"} not in children[1].told
