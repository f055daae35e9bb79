from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_core.config.form import validate_form
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import identity_of
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings


@pytest.fixture(autouse=True)
def no_choices_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOTRIX_BACKEND", "MOTRIX_SIM", "MOTRIX_RUNS_DIR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the dashboard repeats every two seconds is asked for by the tests."""
    monkeypatch.setattr("motrix_tui.app.LOAD_PERIOD_S", 3600)
    monkeypatch.setattr("motrix_tui.app.RUNS_PERIOD_S", 3600)
    monkeypatch.setattr("motrix_tui.launch.preview.PERIOD_S", 3600)
    monkeypatch.setattr("motrix_tui.launch.estimating.DELAY_S", 0)
    # A picture has the messages that were shown, however long it took to get there.
    monkeypatch.setattr("textual.notifications.Notification.has_expired", False)
    monkeypatch.setattr("textual.notifications.Notification.time_left", 3600.0)
    # A cursor that blinks gives two pictures of one screen.
    monkeypatch.setattr("textual.widgets.Input._toggle_cursor", lambda box: None)


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def core(runs_dir: Path) -> FakeCore:
    return FakeCore(runs_dir)


@pytest.fixture
def app(core: FakeCore, tmp_path: Path) -> MotrixApp:
    return MotrixApp(core, Settings.load(tmp_path / "settings.toml"))


@pytest.fixture
def opened(app: MotrixApp) -> Callable[..., Any]:
    """`async with opened(size=(w, h)) as pilot`: the dashboard, everything loaded."""

    @asynccontextmanager
    async def open_app(app: MotrixApp = app, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[Any]]:
        async with app.run_test(size=size, notifications=True) as pilot:
            await settle(pilot)
            yield pilot

    return open_app


@pytest.fixture
def make_run(runs_dir: Path) -> Callable[..., Run]:
    """`make_run(env="cartpole", status="finished", returns=[…])`: a run on disk; a live one is supervised by us.

    `settings` are what its form says, by path.
    """

    def make(
        env: str = "cartpole",
        backend: str = "jax",
        status: str = "finished",
        returns: list[float] | None = None,
        settings: dict[str, str] | None = None,
    ) -> Run:
        config, problems = validate_form(env, backend, "none" if env == "pendulum" else "motrixsim", settings or {})
        assert config is not None, problems
        run = create_run(config, runs_dir, extra={})
        with EventWriter(run.paths.events) as writer:
            started = {"backend": backend, "max_env_steps": 1_000_000}
            writer.write("segment_started", env_steps=0, update=0, data=started)
            for update, value in enumerate(returns or (), start=1):
                data = {"return/mean": value, "perf/env_steps_per_s": 96_400.0}
                writer.write("metrics", env_steps=65_536 * update, update=update, data=data)
        segment = Segment(0, backend, time.time() - 100, elapsed_s=100.0, status=status)
        live = status in ("starting", "running", "paused", "stopping")
        state = RunState(status=status, segments=(segment,), supervisor=identity_of(os.getpid()) if live else None)
        write_state(run.paths.state, state)
        return run

    return make
