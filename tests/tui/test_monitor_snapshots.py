"""Pictures of Monitor; accept new ones with --snapshot-update."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.app import MotrixApp
from motrix_tui.charts.chart import Chart
from motrix_tui.monitor.grid import ChartGrid
from motrix_tui.monitor.log import LogPane
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.settings import Settings

SIZES = [(120, 40), (80, 24), (60, 20)]
EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
EACH_THEME = pytest.mark.parametrize("theme", ["night", "paper"])
START = 1_767_225_600.0
STEPS = 65_536
UPDATES = 60
LOG = [f"update {update}: all is well" for update in range(1, 9)]
Compare = Callable[..., bool]


def metrics(update: int) -> dict[str, float]:
    done, wobble = update / UPDATES, math.sin(1.7 * update)
    best = 980 * (1 - math.exp(-4 * done))
    return {
        "return/mean": best + 30 * wobble,
        "return/max": best + 60 + 20 * wobble,
        "return/min": best / 2,
        "episode_length/mean": 100 + 900 * done,
        "loss/policy": -0.02 * done,
        "loss/value": math.exp(-3 * done),
        "reward/upright/mean": done,
        "reward/effort/mean": -0.2 * done,
        "policy/kl": 0.01 + 0.004 * wobble,
        "policy/clip_fraction": 0.1 + 0.05 * wobble,
        "optim/learning_rate": 1e-3 * (1 - 0.9 * done),
        "perf/env_steps_per_s": 96_000 + 900 * wobble,
        "time/physics_ms": 300.0,
        "time/task_ms": 40.0,
        "time/inference_ms": 60.0,
        "time/update_ms": 100.0,
    }


def events() -> list[str]:
    """A run of sixty updates that is evaluated twice, edited once and goes on with the other backend."""
    lines: list[str] = []

    def add(kind: str, update: int, **data: Any) -> None:
        moment = {"time": START + update, "update": update, "env_steps": STEPS * update}
        lines.append(json.dumps({"type": kind, "data": data, **moment}))

    add("segment_started", 0, backend="jax", max_env_steps=STEPS * UPDATES)
    for update in range(1, UPDATES + 1):
        add("metrics", update, **metrics(update))
        if update % 20 == 0:
            add("checkpoint", update)
            add("evaluation", update, **{"return/mean": 10.0 * update})
        if update == 30:
            add("control", update, type="set", done=True, values={"ppo.learning_rate": 3e-4})
        if update == 40:
            add("segment_started", update, backend="torch", max_env_steps=STEPS * UPDATES)
    return lines


@pytest.fixture
def run(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("secrets.token_hex", lambda size=32: "3f2a".ljust(2 * size, "0")[: 2 * size])
    made = make_run()
    made.paths.events.write_text("".join(line + "\n" for line in events()))
    made.paths.console.write_text("".join(line + "\n" for line in LOG))
    end(made, "finished")
    return made


def end(run: Run, status: str, cause: Mapping[str, Any] | None = None) -> None:
    segments = (
        Segment(0, "jax", START, elapsed_s=40.0, status="switched"),
        Segment(1, "torch", START + 40, elapsed_s=20.0, status=status),
    )
    write_state(run.paths.state, RunState(status=status, segments=segments, **(cause or {})))


def watching(run: Run, *pressed: str) -> Callable[[Pilot[Any]], Any]:
    """Watch `run`, and press keys once all of it is drawn."""

    async def watch(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.app.open_run(run)  # type: ignore[attr-defined]
        pane = pilot.app.query_one(MonitorPane)

        def is_drawn() -> bool:
            charts = [tile for tile in pane.query_one(ChartGrid).visible_tiles if isinstance(tile, Chart)]
            fed = bool(charts) and all(chart.labels for chart in charts)
            return fed and len(pane.query_one(LogPane).lines) == len(LOG) and pane.has_focus_within

        while not (pane.feed is not None and pane.feed.at_end and is_drawn()):
            await pilot.pause()
        # What a clock does ten times a second, now that all has been read.
        pane._tick()
        await settle(pilot)
        for key in pressed:
            await pilot.press(key)
            await settle(pilot)

    return watch


def dashboard(core: FakeCore, tmp_path: Path, theme: str) -> MotrixApp:
    return MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)


@EACH_SIZE
@EACH_THEME
def test_monitor(
    core: FakeCore, tmp_path: Path, run: Run, snap_compare: Compare, size: tuple[int, int], theme: str
) -> None:
    app = dashboard(core, tmp_path, theme)
    assert snap_compare(app, terminal_size=size, run_before=watching(run))


@EACH_SIZE
def test_monitor_of_a_run_that_crashed(app: MotrixApp, run: Run, snap_compare: Compare, size: tuple[int, int]) -> None:
    end(run, "crashed", {"cause": "killed by signal 9, which is what happens when memory runs out", "exit_code": -9})
    assert snap_compare(app, terminal_size=size, run_before=watching(run))


def test_monitor_with_a_crosshair_full_screen(app: MotrixApp, run: Run, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(80, 24), run_before=watching(run, "i", "left", "f"))


def test_monitor_without_a_run(app: MotrixApp, snap_compare: Compare) -> None:
    async def go(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=go)
