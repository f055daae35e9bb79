"""1,000 runs from a cold start: reading the folder, and filling the table of Runs until it is painted.

    python -m benchmarks.runs_list [--runs 1000]

Nearly all runs are over, as in any folder that grew. At the first start nothing is known about them; at every later
one, what those that are over said is taken from `.index.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from textual.app import App, ComposeResult

from benchmarks.live import make_run
from motrix_core.bench.common import table
from motrix_core.runs.index import RunIndex
from motrix_core.runs.state import read_state, write_state
from motrix_tui.core import Core
from motrix_tui.runs_table.pane import RunsFilter, RunsPane


def make_runs(folder: Path, count: int) -> None:
    """`count` copies of one run, each under an id of its own, of which the first is live."""
    first = make_run(folder).parent
    for number in range(1, count):
        copy = first.with_name(f"20260101-{number:06d}-jax-{number:04x}")
        shutil.copytree(first, copy)
        state = read_state(copy / "state.json")
        write_state(copy / "state.json", state.change(status="finished"), sync=False)


async def fill_ms(folder: Path) -> tuple[float, float]:
    """Milliseconds to fill the table, and from a letter typed into the filter to the filtered table."""
    from motrix_tui.themes import DEFAULT_THEME, PALETTES

    class RunsApp(App[None]):
        def compose(self) -> ComposeResult:
            yield RunsPane(Core(folder), id="runs")

    app = RunsApp()
    for palette in PALETTES:
        app.register_theme(palette.theme())
    app.theme = DEFAULT_THEME
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.query_one(RunsPane)
        summaries = Core(folder).list_runs()
        started = time.perf_counter()
        pane.show_runs(summaries)
        await painted(app)
        filled = time.perf_counter()
        await pilot.pause()
        box = pane.query_one(RunsFilter)
        typed = time.perf_counter()
        box.value = "0042"
        await painted(app)
        return 1000 * (filled - started), 1000 * (time.perf_counter() - typed)


async def painted(app: App[None]) -> None:
    """Return when what was asked for has been laid out and drawn."""
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


def reading_ms(folder: Path) -> tuple[float, float]:
    """Milliseconds to list the runs for the first time, and again."""
    index = RunIndex(folder)
    started = time.perf_counter()
    index.refresh()
    read = time.perf_counter()
    index.refresh()
    return 1000 * (read - started), 1000 * (time.perf_counter() - read)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    count = parser.parse_args(argv).runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "runs"
        make_runs(folder, count)
        first, again = reading_ms(folder), reading_ms(folder)
        fill, typed = asyncio.run(fill_ms(folder))
    rows = [
        ["reading the folder, first start (ms)", f"{first[0]:.0f}", ""],
        ["reading the folder, later starts (ms)", f"{again[0]:.0f}", ""],
        ["filling the table (ms)", f"{fill:.0f}", ""],
        ["together, first start (ms)", f"{first[0] + fill:.0f}", "≤ 300"],
        ["together, later starts (ms)", f"{again[0] + fill:.0f}", "≤ 300"],
        ["reading it again (ms)", f"{again[1]:.0f}", ""],
        ["a word in the filter (ms)", f"{typed:.0f}", ""],
    ]
    print(f"{count:,} runs")
    print(table(["what", "measured", "reach"], rows))


if __name__ == "__main__":
    main()
