"""Draw the dashboard's screens from real runs: `make screenshots`.

Trains cartpole on both backends and pendulum on one, then visits the places and writes an SVG of each beside this file.
With no names, or with `recording` among them, the recording is made too (`record.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from motrix_core.runs.layout import find_run
from motrix_tui.app import MotrixApp
from motrix_tui.compare.pane import ComparePane
from motrix_tui.core import Core
from motrix_tui.launch.hardware import CandidateList
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.settings import Settings
from screenshots.record import end_runs, record

HERE = Path(__file__).parent
LARGE, SMALL = (120, 40), (80, 24)
LIMIT_S = 120.0
# What is shown last is trained last.
RUNS = (
    ("pendulum", "torch", "400k"),
    ("cartpole", "torch", "2M"),
    ("cartpole", "jax", "3M"),
)
RECORDING = "recording"
Visit = Callable[[MotrixApp, Pilot], Awaitable[None]]


def train(folder: str) -> None:
    for env, backend, budget in RUNS:
        argv = [sys.executable, "-m", "motrix_core.cli", "run", "--env", env, "--backend", backend, "--seed", "1"]
        subprocess.run([*argv, "--max-env-steps", budget, "--runs-dir", folder], check=True)


async def until(pilot: Pilot, what: str, happened: Callable[[], bool]) -> None:
    """Let the dashboard work until `happened`."""
    for _ in range(int(LIMIT_S / 0.1)):
        if happened():
            await pilot.pause(0.5)
            return
        await pilot.pause(0.1)
    raise RuntimeError(f"{what} did not happen within {LIMIT_S:.0f} s")


async def launch(app: MotrixApp, pilot: Pilot) -> None:
    def probed() -> bool:
        candidates = [item for widget in app.query(CandidateList) if widget.is_mounted for item in widget.candidates]
        return bool(candidates) and all(item.probe is not None for item in candidates)

    await until(pilot, "probing", probed)


async def monitor(app: MotrixApp, pilot: Pilot) -> None:
    def read() -> bool:
        return any(pane.feed is not None and pane.feed.at_end for pane in app.query(MonitorPane))

    await until(pilot, "reading the run", read)


async def runs(app: MotrixApp, pilot: Pilot) -> None:
    await pilot.press("3")
    await until(pilot, "listing the runs", lambda: bool(app.runs))


async def compare(app: MotrixApp, pilot: Pilot) -> None:
    await runs(app, pilot)
    await pilot.press("space", "j", "space", "c")

    def compared() -> bool:
        return any(pane.has_class("-some") for pane in app.query(ComparePane))

    await until(pilot, "comparing", compared)


async def play(app: MotrixApp, pilot: Pilot) -> None:
    await runs(app, pilot)
    await pilot.press("p")

    def moved() -> bool:
        status = [str(line.render()) for line in app.query("#play-status")]
        return any("×" in text and "checkpoint" in text for text in status)

    await until(pilot, "playing", moved)
    await pilot.pause(2.0)


PICTURES: tuple[tuple[str, Visit, tuple[int, int], str], ...] = (
    ("launch", launch, LARGE, "night"),
    ("monitor", monitor, LARGE, "night"),
    ("runs", runs, LARGE, "night"),
    ("compare", compare, LARGE, "night"),
    ("play", play, LARGE, "night"),
    ("monitor-80x24", monitor, SMALL, "night"),
    ("launch-light", launch, LARGE, "paper"),
)


async def draw(name: str, visit: Visit, size: tuple[int, int], theme: str, runs_dir: str, settings: Path) -> None:
    opened = find_run(Path(runs_dir), "last") if visit is monitor else None
    app = MotrixApp(Core(runs_dir), Settings.load(settings), theme=theme, opened=opened)
    async with app.run_test(size=size) as pilot:
        await visit(app, pilot)
        app.clear_notifications()
        await pilot.pause()
        (HERE / f"{name}.svg").write_text(without_remote_fonts(app.export_screenshot(title=f"motrix-tui · {name}")))
    sys.stdout.write(f"screenshots/{name}.svg\n")


def without_remote_fonts(svg: str) -> str:
    """A picture that loads nothing from the network: the reader's own monospace font will do."""
    return re.sub(r"@font-face\s*{[^}]*}", "", svg).replace(
        "font-family: Fira Code,", "font-family: Fira Code, DejaVu Sans Mono,"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs-dir", help="show these runs instead of training new ones")
    known = [*(name for name, *_ in PICTURES), RECORDING]
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(known)}; default: all")
    args = parser.parse_args()
    wanted = args.names or known
    with tempfile.TemporaryDirectory(prefix="motrix-") as scratch:
        folder = args.runs_dir or str(Path(scratch) / "runs")
        if args.runs_dir is None and wanted != [RECORDING]:
            try:
                train(folder)
            finally:
                end_runs(Path(folder))
        for name, visit, size, theme in PICTURES:
            if name in wanted:
                asyncio.run(draw(name, visit, size, theme, folder, Path(scratch) / "settings.toml"))
    if RECORDING in wanted:
        record()
    return 0


if __name__ == "__main__":
    sys.exit(main())
