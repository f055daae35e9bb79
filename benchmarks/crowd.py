"""A runs folder of 100 runs of which 20 are live: the dashboard's first frame, its memory, and from key to paint.

    python -m benchmarks.crowd [--runs 100] [--live 20] [--seconds 20] [--repeats 7]

Each live run is a process of its own that writes what a supervisor and a trainer write: an event of 24 metrics ten
times a second and a state every two seconds. The other runs are over and have 200 events each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.dashboard import BARE, Terminal, first_frame_s
from benchmarks.live import key_to_paint_ms, make_run
from motrix_core.bench.common import median, spread, table
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import own_identity
from motrix_core.runs.index import RunIndex
from motrix_core.runs.state import read_state, write_state

_EVENTS_PER_S = 10
_STATE_EVERY_S = 2.0
_OLD_EVENTS = 200
_NAMES = ("return/mean", "loss/value", *(f"reward/term_{number}/mean" for number in range(21)))


def metrics(generator: random.Random) -> dict[str, float]:
    return {**{name: generator.gauss(1.0, 0.2) for name in _NAMES}, "perf/env_steps_per_s": 1e5}


def make_runs(folder: Path, count: int, live: int) -> list[Path]:
    """`count` runs below `folder`, of which the last `live` are to be trained; returns the folders of those."""
    first = make_run(folder).parent
    with EventWriter(first / "events.jsonl") as writer:
        for update in range(1, _OLD_EVENTS + 1):
            writer.write("metrics", env_steps=update * 64, update=update, data=metrics(random.Random(update)))
    made = []
    for number in range(count):
        # The newest are those that live: that is what Monitor opens.
        day = 2 if number >= count - live else 1
        copy = first.with_name(f"202601{day:02}-{number:06d}-jax-{number:04x}")
        shutil.copytree(first, copy)
        record = json.loads((copy / "config.json").read_text())
        record["created_at"] += number
        (copy / "config.json").write_text(json.dumps(record))
        if day == 1:
            state = read_state(copy / "state.json")
            write_state(copy / "state.json", state.change(status="finished"), sync=False)
        else:
            made.append(copy)
    shutil.rmtree(first)
    return made


def train(folder: Path) -> None:
    """Write what a supervisor and a trainer write, until somebody ends this process."""
    generator, me = random.Random(str(folder)), own_identity()
    state, update, stated = read_state(folder / "state.json").change(supervisor=me, trainer=me), _OLD_EVENTS, 0.0
    with EventWriter(folder / "events.jsonl") as writer:
        while True:
            if time.monotonic() - stated >= _STATE_EVERY_S:
                stated = time.monotonic()
                state = state.change(resources={"time": time.time(), "cpu_percent": 100.0, "memory_bytes": 1 << 28})
                write_state(folder / "state.json", state, sync=False)
            update += 1
            writer.write("metrics", env_steps=update * 64, update=update, data=metrics(generator))
            time.sleep(1.0 / _EVENTS_PER_S)


def refresh_ms(folder: Path, times: int = 20) -> list[float]:
    """Milliseconds of processor time that each look at the list of runs costs, two seconds apart."""
    index, found = RunIndex(folder), []
    index.refresh()
    for _ in range(times):
        time.sleep(_STATE_EVERY_S)
        started = time.process_time()
        index.refresh()
        found.append(1000 * (time.process_time() - started))
    return found


def first_frames(argv: Sequence[str], repeats: int) -> list[float]:
    """The dashboard's first frame against a bare Textual app's, in turn; the first pair warms the file cache."""
    ratios = []
    for _ in range(repeats + 1):
        bare = first_frame_s([sys.executable, "-c", BARE], b"first frame")
        ratios.append(first_frame_s(argv, b"Launch") / bare)
    return ratios[1:]


def measure(options: argparse.Namespace) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "runs"
        live = make_runs(folder, options.runs, options.live)
        os.environ["XDG_CONFIG_HOME"] = name
        argv = [sys.executable, "-m", "benchmarks.crowd", "--train"]
        trainers = [subprocess.Popen([*argv, str(run)]) for run in live]
        try:
            dashboard = [sys.executable, "-m", "motrix_tui", "--runs-dir", str(folder)]
            ratios = first_frames(dashboard, options.repeats)
            listing = refresh_ms(folder)
            terminal = Terminal([*dashboard, "--open", "last"])
            try:
                times = sorted(key_to_paint_ms(terminal, options.seconds))
                process = psutil.Process(terminal.process.pid)
                memory_mb, handles = process.memory_info().rss / 1e6, process.num_fds()
                before, began = sum(process.cpu_times()[:2]), time.monotonic()
                terminal.drain(options.seconds)
                idle = 100 * (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
            finally:
                terminal.close()
            dead = sum(trainer.poll() is not None for trainer in trainers)
        finally:
            for trainer in trainers:
                trainer.kill()
                trainer.wait()
    if dead:
        raise RuntimeError(f"{dead} of {len(trainers)} fake trainers had ended")
    return [
        ["first frame against a bare Textual app's, median of pairs", f"{median(ratios):.2f}", "≤ 1.3"],
        ["key to paint (ms)", spread(times), "≤ 50"],
        ["key to paint, 95th percentile (ms)", f"{times[int(0.95 * (len(times) - 1))]:.0f}", ""],
        ["dashboard's memory (MB)", f"{memory_mb:.0f}", "≤ 150"],
        ["dashboard's open files", str(handles), ""],
        ["processor while nobody types (% of a core)", f"{idle:.0f}", ""],
        ["looking at all runs again, processor time (ms)", spread(listing), ""],
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20.0, help="of typing, and of looking on")
    parser.add_argument("--repeats", type=int, default=7, help="pairs of first frames")
    parser.add_argument("--train", type=Path, metavar="RUN", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.train is not None:
        train(options.train)
        return
    rows = measure(options)
    print(f"{options.runs} runs, {options.live} of them live")
    print(table(["what", "measured", "reach"], rows))


if __name__ == "__main__":
    main()
