"""What Monitor asks of its run, and what it says about the answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from motrix_core.config.schema import RunConfig
from motrix_core.errors import BackendUnusable
from motrix_core.process import asking
from motrix_core.runs.control import ControlReader, answer
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import own_identity
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.monitor.edit_dialog import EditDialog
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.shell.dialogs import Question
from motrix_tui.themes import DEFAULT_THEME, PALETTES

Asked = list[dict[str, Any]]


class MonitorApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = DEFAULT_THEME
        self.said: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield MonitorPane(id="monitor")

    def notify(self, message: str, *, severity: str = "information", **options: Any) -> None:  # type: ignore[override]
        self.said.append((message, severity))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A live run on JAX, which this process seems to supervise."""
    made = create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})
    me = own_identity()
    write_state(made.paths.state, RunState(status="running", supervisor=me, segments=(Segment(0, "jax", 1.0),)))
    with EventWriter(made.paths.events) as writer:
        writer.write("segment_started", env_steps=0, update=0, data={"segment": 0, "backend": "jax"})
        for update in (1, 2):
            data = {"return/mean": 1.0, "optim/learning_rate": 2e-4}
            writer.write("metrics", env_steps=update, update=update, data=data)
    return made


@pytest.fixture
def trainer(run: Run) -> Iterator[tuple[Asked, list[str | None]]]:
    """Answers requests: what was asked, and the reason to refuse the next with."""
    asked: Asked = []
    refusal: list[str | None] = [None]
    over = threading.Event()

    def serve() -> None:
        reader = ControlReader(run.paths.control)
        with EventWriter(run.paths.events) as writer:
            while not over.wait(0.01):
                for request in reader.poll():
                    asked.append(request)
                    data = answer(request, done=refusal[0] is None, message=refusal[0])
                    writer.write("control", env_steps=2, update=2, data=data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield asked, refusal
    over.set()
    thread.join()


async def until(pilot: Pilot[Any], condition: Callable[[], Any]) -> None:
    for _ in range(500):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not happen within 500 looks")


async def opened(pilot: Pilot[Any], run: Run) -> MonitorPane:
    pane = pilot.app.query_one(MonitorPane)
    pane.open_run(run)
    await until(pilot, lambda: pane.feed is not None and pane.feed.series.rows == 2 and pilot.app.focused is not None)
    return pane


async def test_p_pauses_and_goes_on(run: Run, trainer: tuple[Asked, Any]) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        await pilot.press("p")
        await until(pilot, lambda: ("paused; p goes on", "information") in app.said)
        await until(pilot, lambda: pane.feed is not None and pane.feed.is_paused)
        await pilot.press("p")
        await until(pilot, lambda: ("training goes on", "information") in app.said)
    assert [request["type"] for request in trainer[0]] == ["pause", "resume"]


async def test_a_refusal_is_said_with_its_reason(run: Run, trainer: tuple[Asked, list[str | None]]) -> None:
    trainer[1][0] = "the disk is full"
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press("c")
        await until(pilot, lambda: app.said)
        (said,) = app.said
    assert "refused to checkpoint: the disk is full" in said[0] and said[1] == "error"


async def test_e_changes_what_was_edited_and_nothing_else(run: Run, trainer: tuple[Asked, Any]) -> None:
    app = MonitorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditDialog))
        inputs = list(app.screen.query(Input))
        assert [box.value for box in inputs] == ["2e-4", "0", "0.2"]
        inputs[0].value = "7"
        await pilot.press("enter")
        assert "must be a number from 1e-9 to 1" in str(app.screen.query_one("#problem", Static).content)
        inputs[0].value = "2e-4"
        inputs[2].value = "0.1"
        await pilot.press("enter")
        await until(pilot, lambda: ("ratio_clip is 0.1", "information") in app.said)
    assert [request["values"] for request in trainer[0]] == [{"ppo.ratio_clip": 0.1}]
    feed = RunFeed(run)
    feed.poll()
    assert feed.settings == {"ppo.learning_rate": 2e-4, "ppo.entropy_loss_scale": 0.0, "ppo.ratio_clip": 0.1}


async def test_leaving_the_dialog_changes_nothing(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(60, 20)) as pilot:
        await opened(pilot, run)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditDialog))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, EditDialog))
    assert run.paths.control.read_bytes() == b"" and app.said == []


async def test_b_asks_and_then_hands_over_to_the_other_backend(
    run: Run, trainer: tuple[Asked, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    monkeypatch.setitem(asking.switch.__kwdefaults__, "check", lambda config, backend: checked.append(backend))
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Question))
        assert trainer[0] == [] and checked == []
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("s")
        await until(pilot, lambda: ("PyTorch goes on", "information") in app.said)
    assert [(request["type"], request["backend"]) for request in trainer[0]] == [("switch", "torch")]
    assert checked == ["torch"]


async def test_a_backend_that_cannot_be_used_is_refused_before_anything_is_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: RunConfig, backend: str) -> None:
        raise BackendUnusable(backend, "it is not installed", mend="pip install it")

    monkeypatch.setitem(asking.switch.__kwdefaults__, "check", refuse)
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("s")
        await until(pilot, lambda: app.said)
        (said,) = app.said
    assert said == ("backend torch cannot be used: it is not installed; pip install it", "error")
    assert run.paths.control.read_bytes() == b""


@pytest.mark.parametrize("key", ["p", "c", "e", "b", "x"])
async def test_a_run_that_is_over_is_not_asked(run: Run, key: str) -> None:
    write_state(run.paths.state, RunState(status="finished"))
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press(key)
        await until(pilot, lambda: app.said)
        (said,) = app.said
    assert said == (f"the run is finished already; motrix run --resume {run.id} continues it", "warning")


def test_the_charts_mark_a_switch_and_a_resume(run: Run) -> None:
    with EventWriter(run.paths.events) as writer:
        for backend in ("torch", "torch"):
            writer.write("segment_started", env_steps=2, update=2, data={"backend": backend})
    feed = RunFeed(run)
    feed.poll()
    assert [mark.label for mark in feed.marks("env_steps")] == ["switched to PyTorch", "continued on PyTorch"]
