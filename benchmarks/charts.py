"""One refresh of 9 charts × 4 series × 100k points, drawn by the widget itself.

    python -m benchmarks.charts [--json]

Every round appends one update to all 36 series and asks each chart for all of its lines, as the screen does. Reported
in milliseconds, with and without smoothing, at 200×60 and 120×40: medians over the rounds, the fastest round, and the
median of the processor time, which other programs on the machine disturb least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence

import numpy as np
from textual.app import App, ComposeResult
from textual.containers import Grid

from motrix_tui.charts.chart import Chart
from motrix_tui.themes import DEFAULT_THEME, PALETTES

CHARTS, SERIES, POINTS, ROUNDS = 9, 4, 100_000, 20


class ChartsApp(App[None]):
    CSS = "Grid { grid-size: 3 3; }"

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = DEFAULT_THEME

    def compose(self) -> ComposeResult:
        with Grid():
            for number in range(CHARTS):
                yield Chart(f"chart {number}", smoothing=self.smoothing)


async def measure(size: tuple[int, int], smoothing: float) -> dict[str, float]:
    """Medians of one refresh: taking over the new points, and drawing."""
    generator = np.random.default_rng(0)
    x = np.arange(POINTS + ROUNDS, dtype=np.float64) * 65_536
    values = generator.normal(size=(CHARTS, SERIES, POINTS + ROUNDS)).cumsum(axis=2).astype(np.float32)
    append_ms: list[float] = []
    draw_ms: list[float] = []
    cpu_ms: list[float] = []
    app = ChartsApp(smoothing)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        charts = list(app.query(Chart))
        for extra in range(ROUNDS):
            started, cpu_started = time.perf_counter(), time.thread_time()
            for number, chart in enumerate(charts):
                for series in range(SERIES):
                    count = POINTS + extra
                    chart.set_series(f"series {series}", x[:count], values[number, series, :count])
            appended = time.perf_counter()
            for chart in charts:
                for line in range(chart.size.height):
                    chart.render_line(line)
            drawn = time.perf_counter()
            if extra:  # the first round takes over all 100k points
                append_ms.append(1000 * (appended - started))
                draw_ms.append(1000 * (drawn - appended))
                cpu_ms.append(1000 * (time.thread_time() - cpu_started))
    together = [sum(pair) for pair in zip(append_ms, draw_ms, strict=True)]
    return {
        "append_ms": round(statistics.median(append_ms), 3),
        "draw_ms": round(statistics.median(draw_ms), 3),
        "refresh_ms": round(statistics.median(together), 3),
        "fastest_ms": round(min(together), 3),
        "cpu_ms": round(statistics.median(cpu_ms), 3),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args(argv)
    results = {
        f"{width}x{height} smoothing {smoothing:g}": asyncio.run(measure((width, height), smoothing))
        for width, height in ((120, 40), (200, 60))
        for smoothing in (0.0, 0.9)
    }
    if arguments.json:
        print(json.dumps(results))
        return
    print(f"{CHARTS} charts × {SERIES} series × {POINTS:,} points, median of {ROUNDS - 1} refreshes")
    for name, result in results.items():
        print(
            f"  {name:22}  append {result['append_ms']:6.2f}  draw {result['draw_ms']:6.2f}  "
            f"together {result['refresh_ms']:6.2f}  fastest {result['fastest_ms']:6.2f}  cpu {result['cpu_ms']:6.2f} ms"
        )


if __name__ == "__main__":
    main()
