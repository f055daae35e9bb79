"""Beginning with a run, or with a place that is asked for before the first one is there."""

from __future__ import annotations

from pathlib import Path

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import create_run
from motrix_tui.app import MotrixApp
from motrix_tui.core import Core
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.settings import Settings


async def test_a_run_that_is_named_on_the_command_line_is_shown_first(tmp_path: Path) -> None:
    run = create_run(RunConfig(env="pendulum", backend="jax", sim="none"), tmp_path, extra={})
    app = MotrixApp(Core(tmp_path), Settings.load(tmp_path / "settings.toml"), opened=run)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert app.place == "monitor"
        assert app.query_one(MonitorPane).run == run


async def test_a_place_chosen_before_the_first_is_there_is_kept(tmp_path: Path) -> None:
    app = MotrixApp(Core(tmp_path), Settings.load(tmp_path / "settings.toml"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await pilot.pause()
        assert app.place == "runs"
