"""Beginning with a run, or with a place that is asked for before the first one is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fake_core import FakeCore, settle

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import Run, create_run
from motrix_tui.app import MotrixApp
from motrix_tui.core import Core
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.play.child import PlayChild
from motrix_tui.play.pane import PlayPane
from motrix_tui.settings import Settings
from motrix_tui.shell.help_screen import HelpScreen


async def test_a_run_that_is_named_on_the_command_line_is_shown_first(tmp_path: Path) -> None:
    run = create_run(RunConfig(env="pendulum", backend="jax", sim="none"), tmp_path, extra={})
    app = MotrixApp(Core(tmp_path), Settings.load(tmp_path / "settings.toml"), opened=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert app.place == "monitor"
        assert app.query_one(MonitorPane).run == run


@pytest.mark.parametrize("named", [False, True])
async def test_help_that_is_asked_for_before_the_first_place_is_there_is_that_of_this_place(
    core: FakeCore, tmp_path: Path, make_run: Callable[..., Run], named: bool
) -> None:
    class Hasty(MotrixApp):
        async def _start(self) -> None:
            self.action_help()

    app = Hasty(core, Settings.load(tmp_path / "settings.toml"), opened=make_run() if named else None)
    async with app.run_test(size=(120, 40)) as pilot:
        while not isinstance(app.screen, HelpScreen):
            await pilot.pause()
        assert app.available_actions()[0].place == ("monitor" if named else "launch")


async def test_a_place_chosen_before_the_first_is_there_is_kept(tmp_path: Path) -> None:
    app = MotrixApp(Core(tmp_path), Settings.load(tmp_path / "settings.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await pilot.pause()
        assert app.place == "runs"


@pytest.mark.parametrize(("key", "place", "status"), [("5", "play", "finished"), ("2", "monitor", "running")])
async def test_a_place_that_shows_a_run_opens_it_once_it_is_known_which_there_are(
    core: FakeCore,
    app: MotrixApp,
    make_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    place: str,
    status: str,
) -> None:
    run, read, listed = make_run(status=status), Event(), core.list_runs
    monkeypatch.setattr(core, "list_runs", lambda: read.wait(60) and listed())
    monkeypatch.setattr(core, "play", lambda *where, **how: PlayChild({}, argv=("true",)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        while not app.query(f"#{place}"):
            await pilot.pause()
        assert app.query_one(f"#{place}").run is None
        read.set()
        await app.workers.wait_for_complete()
        assert app.query_one(f"#{place}").run == run


async def test_a_place_that_was_left_meanwhile_opens_nothing(
    core: FakeCore, app: MotrixApp, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    read, listed = Event(), core.list_runs
    monkeypatch.setattr(core, "list_runs", lambda: read.wait(60) and listed())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "1")
        while not app.query("#play") or not app.query("#launch"):
            await pilot.pause()
        read.set()
        await settle(pilot)
        assert app.place == "launch" and app.runs and app.query_one(PlayPane).run is None


async def test_a_listing_that_takes_long_is_not_given_up_for_the_next(
    core: FakeCore, app: MotrixApp, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run()
    read, listed, begun = Event(), core.list_runs, []

    def slow() -> Any:
        begun.append(1)
        read.wait(60)
        return listed()

    monkeypatch.setattr(core, "list_runs", slow)
    async with app.run_test(size=(80, 24)) as pilot:
        while not begun:
            await pilot.pause()
        for _ in range(5):
            app.list_runs()
            await pilot.pause()
        assert len(begun) == 1
        read.set()
        await settle(pilot)
        # Once more for all who asked meanwhile, for something may have changed.
        assert len(begun) == 2 and app.runs is not None and len(app.runs) == 1
