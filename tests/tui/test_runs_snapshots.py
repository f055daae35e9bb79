"""Pictures of Runs and Compare; accept new ones with --snapshot-update."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot

from motrix_core.runs.layout import Run
from motrix_core.runs.notes import Notes, write_notes
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings

SIZES = [(120, 40), (80, 24), (60, 20)]
EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
EACH_THEME = pytest.mark.parametrize("theme", ["night", "paper"])
MARK_FOUR = ("3", *("space", "j") * 4)
Compare = Callable[..., bool]


def write_curve(run: Run, backend: str, best: float, updates: int = 60) -> None:
    """Events whose times are the same everywhere: a return that rises to `best`, and what comes with it."""
    lines = [{"type": "segment_started", "data": {"backend": backend, "max_env_steps": 4_000_000}}]
    for update in range(1, updates + 1):
        done = update / updates
        wobble = 0.04 * best * math.sin(update * (1.7 if backend == "jax" else 1.1))
        data = {
            "return/mean": best * (1 - math.exp(-4 * done)) + wobble,
            "episode_length/mean": 100 + 900 * done,
            "perf/env_steps_per_s": (96_000 if backend == "jax" else 71_000) + 900 * math.sin(update),
            "policy/kl": 0.01 + 0.004 * math.cos(update),
            "loss/value": math.exp(-3 * done),
            "loss/policy": -0.02 * done,
        }
        lines.append({"type": "metrics", "data": data})
    for number, line in enumerate(lines):
        line.update(time=1_767_225_600.0 + number * (0.7 if backend == "jax" else 0.9), update=number)
        line.update(env_steps=65_536 * number)
    run.paths.events.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def runs(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Two backends with two seeds each, a run that failed and a damaged one, under ids that are always the same."""
    numbers = itertools.count(0x3F2A)
    monkeypatch.setattr("secrets.token_hex", lambda size=32: f"{next(numbers):0{2 * size}x}"[: 2 * size])
    # A damaged run counts as made at the beginning of its second, so it comes first.
    damaged = make_run(env="dm-walker")
    damaged.paths.state.write_text("{")
    bare = make_run(env="pendulum", status="failed")
    found = []
    for backend, seed, best in (("jax", 1, 980.0), ("jax", 2, 900.0), ("torch", 1, 960.0), ("torch", 2, 870.0)):
        run = make_run(backend=backend)
        record = json.loads(run.paths.config.read_text())
        record["config"]["ppo"].update(seed=seed)
        run.paths.config.write_text(json.dumps(record))
        write_curve(run, backend, best)
        found.append(run)
    write_notes(found[-1], Notes("the one in the paper", ("good", "lr")))
    return [bare, damaged, *found]


def pressing(*pressed: str) -> Callable[[Pilot[Any]], Any]:
    async def press(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in pressed:
            await pilot.press(key)
            await settle(pilot)
        await settle(pilot)

    return press


def dashboard(core: FakeCore, tmp_path: Path, theme: str) -> MotrixApp:
    return MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)


@EACH_SIZE
@EACH_THEME
def test_runs(
    core: FakeCore, tmp_path: Path, runs: list[Run], snap_compare: Compare, size: tuple[int, int], theme: str
) -> None:
    app = dashboard(core, tmp_path, theme)
    assert snap_compare(app, terminal_size=size, run_before=pressing("3", "space", "j", "space"))


def test_runs_filtered_and_in_order(app: MotrixApp, runs: list[Run], snap_compare: Compare) -> None:
    pressed = pressing("3", "s", "S", "slash", *"num_envs>1k", "enter")
    assert snap_compare(app, terminal_size=(120, 40), run_before=pressed)


@EACH_SIZE
@EACH_THEME
def test_compare(
    core: FakeCore, tmp_path: Path, runs: list[Run], snap_compare: Compare, size: tuple[int, int], theme: str
) -> None:
    app = dashboard(core, tmp_path, theme)
    assert snap_compare(app, terminal_size=size, run_before=pressing(*MARK_FOUR, "c"))


@EACH_SIZE
def test_compare_of_seeds(app: MotrixApp, runs: list[Run], snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=pressing(*MARK_FOUR, "c", "m"))


def test_compare_with_a_crosshair_over_time(app: MotrixApp, runs: list[Run], snap_compare: Compare) -> None:
    pressed = pressing(*MARK_FOUR, "c", "a", "a", "i", "f")
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressed)


def test_compare_without_runs(app: MotrixApp, snap_compare: Compare) -> None:
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing("4"))
