"""10 million metric points: reading them, the memory that they take, and what a look costs when nothing is new.

    python -m benchmarks.reading [--rows 200000] [--metrics 50]

The reader and the series are the dashboard's own, alone in a process, so that its memory is theirs: Python's, NumPy's,
the file's buffers and the columns.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from motrix_core.bench.common import median, table

_TICKS = 2000


def write_events(path: Path, rows: int, metrics: int) -> None:
    """`rows` events of `metrics` numbers each."""
    generator = random.Random(0)
    names = [f"reward/term_{number}/mean" for number in range(metrics)]
    pool = [json.dumps({name: generator.gauss(1.0, 0.2) for name in names}, separators=(",", ":")) for _ in range(256)]
    with path.open("w") as file:
        for row in range(1, rows + 1):
            place = f'"time":{1.7e9 + row},"clock":{float(row)},"env_steps":{row * 64},"update":{row}'
            file.write(f'{{"type":"metrics",{place},"data":{pool[row % len(pool)]}}}\n')


def read(path: Path) -> dict[str, float]:
    """Read all of `path` as the dashboard does, then look for more `_TICKS` times."""
    from motrix_core.runs.reader import FastEventReader
    from motrix_core.runs.series import RunSeries

    process = psutil.Process()
    before = process.memory_info().rss
    reader, series = FastEventReader(path), RunSeries()
    started, busy = time.perf_counter(), time.process_time()
    longest = 0.0
    while not reader.at_end:
        began = time.perf_counter()
        series.extend(reader.poll())
        longest = max(longest, time.perf_counter() - began)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
    ticks = []
    for _ in range(_TICKS):
        began = time.perf_counter()
        series.extend(reader.poll())
        ticks.append(1000 * (time.perf_counter() - began))
    if reader.corrupt:
        raise RuntimeError(f"{reader.corrupt} of the lines of {path} could not be read")
    return {
        "points": float(series.rows * len(series.names())),
        "seconds": seconds,
        "cpu_s": cpu_s,
        "longest_poll_ms": 1000 * longest,
        "before_mb": before / 1e6,
        "after_mb": process.memory_info().rss / 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "tick_ms": median(ticks),
        "tick_p99_ms": sorted(ticks)[int(0.99 * len(ticks))],
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--metrics", type=int, default=50)
    parser.add_argument("--read", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.read is not None:
        print(json.dumps(read(options.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        write_events(path, options.rows, options.metrics)
        size_mb = path.stat().st_size / 1e6
        child = [sys.executable, "-m", "benchmarks.reading", "--read", str(path)]
        found = json.loads(subprocess.run(child, stdout=subprocess.PIPE, text=True, check=True).stdout)
    rows = [
        ["metric points", f"{found['points']:,.0f} in {size_mb:.0f} MB", ""],
        ["memory, at most (MB)", f"{found['peak_mb']:.0f}", "≤ 300"],
        ["memory afterwards (MB)", f"{found['after_mb']:.0f}, of which {found['before_mb']:.0f} before", ""],
        ["look when nothing is new (ms)", f"{found['tick_ms']:.3f}; 99 of 100 below {found['tick_p99_ms']:.3f}", "≤ 1"],
        ["reading it (s)", f"{found['seconds']:.1f}, of which {found['cpu_s']:.1f} processor time", ""],
        ["longest single poll (ms)", f"{found['longest_poll_ms']:.0f}", ""],
    ]
    print(table(["what", "measured", "reach"], rows))


if __name__ == "__main__":
    main()
