"""Key to paint while 10,000 events a second arrive.

    python -m benchmarks.live [--seconds 20] [--rate 10000] [--json]

The dashboard itself, in a pseudo-terminal of 120×40, watches a run whose events a second process appends, each with 24
metrics, as a trainer's line is. A key is pressed about three times a second: `s`, after which every chart on the page
is smoothed and drawn anew. The time is from writing the key to the terminal until the changed picture (a border that
names the new smoothing) was read from it, so it holds the wait for the event loop, the drawing and Textual's output.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.dashboard import Terminal
from motrix_core.bench.common import spread, table

# What Monitor's s goes through, as the borders name it; none has no name, and the last is too long for three columns.
_STEPS = ("", "smooth 0.6", "smooth 0.9", "")
_FIRST = 1
_LIMIT_S = 10.0
_TICK_S = 0.02
_NAMES = (
    *(f"return/{part}" for part in ("mean", "min", "max")),
    *(f"episode_length/{part}" for part in ("mean", "min", "max")),
    *(f"loss/{part}" for part in ("policy", "value", "entropy")),
    *("policy/kl", "policy/clip_fraction", "policy/std", "optim/learning_rate", "optim/grad_norm"),
    *("value/explained_variance", "perf/env_steps_per_s"),
    *(f"time/{part}_ms" for part in ("physics", "task", "inference", "update")),
    *(f"reward/{part}/mean" for part in ("alive", "forward", "control", "height")),
)


def make_run(folder: Path) -> Path:
    """A run that we supervise ourselves; returns the path of its events."""
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.identity import own_identity
    from motrix_core.runs.layout import create_run
    from motrix_core.runs.state import RunState, Segment, write_state

    run = create_run(RunConfig(env="cartpole", backend="jax"), folder, extra={})
    me = own_identity()
    segments = (Segment(0, "jax", time.time()),)
    write_state(run.paths.state, RunState(status="running", supervisor=me, trainer=me, segments=segments))
    return run.paths.events


def write_events(path: Path, rate: int, seconds: float) -> None:
    """Append `rate` events a second for `seconds`, one write for each batch of a fiftieth of a second."""
    generator = random.Random(0)
    started, update = time.perf_counter(), 0
    pool = [json.dumps({name: generator.gauss(1.0, 0.2) for name in _NAMES}) for _ in range(512)]
    with path.open("ab", buffering=0) as file:
        while (elapsed := time.perf_counter() - started) < seconds:
            lines = []
            for number in range(update + 1, int(elapsed * rate) + 1):
                place = f'"type":"metrics","time":{time.time()},"env_steps":{number * 64},"update":{number}'
                lines.append(f'{{{place},"data":{pool[number % len(pool)]}}}\n')
            update += len(lines)
            file.write("".join(lines).encode())
            time.sleep(_TICK_S)


def key_to_paint_ms(terminal: Terminal, seconds: float) -> list[float]:
    """Milliseconds from each key to the picture it asked for."""
    terminal.read_until(_STEPS[_FIRST].encode())
    terminal.drain(3.0)
    at, found = _FIRST, []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        terminal.drain(0.25 + random.random() * 0.1)
        at = (at + 1) % len(_STEPS)
        pressed = time.perf_counter()
        os.write(terminal.master, b"s")
        if not _STEPS[at]:
            continue
        seen = b""
        while _STEPS[at].encode() not in seen:
            if time.perf_counter() - pressed > _LIMIT_S:
                raise RuntimeError(f"{_STEPS[at]!r} did not appear within {_LIMIT_S:.0f} s of the key")
            if select.select([terminal.master], [], [], 0.5)[0]:
                seen += os.read(terminal.master, 65536)
        found.append(1000 * (time.perf_counter() - pressed))
    return found


def measure(rate: int, seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        events = make_run(runs)
        writer = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.live", "--write", str(events)),
                *("--rate", str(rate), "--seconds", str(seconds + 30)),
            ]
        )
        os.environ["XDG_CONFIG_HOME"] = folder
        terminal = Terminal([sys.executable, "-m", "motrix_tui", "--runs-dir", str(runs), "--open", "last"])
        try:
            times = key_to_paint_ms(terminal, seconds)
            lines = sum(1 for _ in events.open("rb"))
            memory_mb = psutil.Process(terminal.process.pid).memory_info().rss / 1e6
        finally:
            terminal.close()
            writer.terminate()
            writer.wait()
    times.sort()
    return {"times_ms": times, "p95_ms": times[int(0.95 * (len(times) - 1))], "events": lines, "memory_mb": memory_mb}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=10_000, help="events per second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--write", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.write is not None:
        write_events(options.write, options.rate, options.seconds)
        return
    result = measure(options.rate, options.seconds)
    if options.json:
        print(json.dumps(result))
        return
    times = result["times_ms"]
    assert isinstance(times, list)
    rows = [
        ["key to paint (ms)", spread(times), "≤ 50"],
        ["key to paint, 95th percentile (ms)", f"{result['p95_ms']:.0f}", ""],
        ["events read or waiting", f"{result['events']:,}", ""],
        ["dashboard's memory at the end (MB)", f"{result['memory_mb']:.0f}", ""],
    ]
    print(f"{options.rate:,} events/s, {len(times)} keys in {options.seconds:.0f} s")
    print(table(["what", "measured", "reach"], rows))


if __name__ == "__main__":
    main()
