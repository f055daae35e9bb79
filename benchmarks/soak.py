"""A live run and the dashboard for half an hour: memory and open files of dashboard, supervisor and trainer.

    python -m benchmarks.soak [--minutes 30] [--backend torch] [--warm-up-minutes 5]

A real training, supervised, is watched in Monitor in a pseudo-terminal of 120×40, where somebody presses a key every
few seconds. A line a minute goes to stderr. Judged is what follows the warm-up: the change of a straight line through
the memory, from its beginning to its end, against its mean. The first minutes load libraries and compile.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from benchmarks.dashboard import Terminal
from motrix_core.bench.common import median, table

_SAMPLE_EVERY_S = 5.0
_TELL_EVERY_S = 60.0
# Smoothing, axes, pages of charts, the log, and all other places but Play, which would be a process of its own.
_KEYS = (b"s", b"a", b"]", b"[", b"g", b"3", b"2", b"o", b"1", b"2", b"4", b"2")
_SETTINGS = ("ppo.num_envs=256", "ppo.rollouts=64", "ppo.mini_batches=4", "train.threads=1")


@dataclass
class Watched:
    """One process: its memory in MB and its open files, by seconds since the beginning."""

    process: psutil.Process
    seconds: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)

    def sample(self, second: float) -> None:
        self.seconds.append(second)
        self.memory_mb.append(self.process.memory_info().rss / 1e6)
        self.handles.append(self.process.num_fds())

    def after(self, second: float) -> Watched:
        first = int(np.searchsorted(self.seconds, second))
        return Watched(self.process, self.seconds[first:], self.memory_mb[first:], self.handles[first:])

    @property
    def drift_percent(self) -> float:
        slope, _ = np.polyfit(self.seconds, self.memory_mb, 1)
        return float(100.0 * slope * (self.seconds[-1] - self.seconds[0]) / np.mean(self.memory_mb))


def start_run(folder: Path, backend: str) -> tuple[int, int]:
    """Start a training that does not end by itself; the process numbers of its supervisor and trainer."""
    from motrix_core.config.sources import ConfigSources
    from motrix_core.process.launch import launch
    from motrix_core.runs.layout import create_run

    config = ConfigSources(sets=(*_SETTINGS, "ppo.max_env_steps=100000000000"), environ={})
    run = create_run(config.build("pendulum", backend, "none").config, folder, extra={})
    launch(run)
    while (state := run.state()).status == "starting":
        time.sleep(0.2)
    if state.supervisor is None or state.trainer is None:
        raise RuntimeError(f"the training ended: {state.cause}")
    return state.supervisor.pid, state.trainer.pid


def press_keys(terminal: Terminal, done: threading.Event, every_s: float = 3.0) -> None:
    """Read what the dashboard draws, and press a key now and then."""
    for key in itertools.cycle(_KEYS):
        terminal.drain(every_s)
        if done.is_set():
            return
        os.write(terminal.master, key)


def soak(folder: Path, backend: str, minutes: float) -> Mapping[str, Watched]:
    supervisor, trainer = start_run(folder, backend)
    terminal = Terminal([sys.executable, "-m", "motrix_tui", "--runs-dir", str(folder), "--open", "last"])
    done = threading.Event()
    typist = threading.Thread(target=press_keys, args=(terminal, done))
    typist.start()
    try:
        pids = {"dashboard": terminal.process.pid, "supervisor": supervisor, "trainer": trainer}
        watched = {name: Watched(psutil.Process(pid)) for name, pid in pids.items()}
        started, told = time.monotonic(), 0.0
        while (second := time.monotonic() - started) < 60 * minutes:
            for one in watched.values():
                one.sample(second)
            if second - told >= _TELL_EVERY_S:
                told = second
                words = (f"{name} {one.memory_mb[-1]:.1f} MB, {one.handles[-1]} files" for name, one in watched.items())
                sys.stderr.write(f"{second / 60:5.1f} min: {'; '.join(words)}\n")
            time.sleep(_SAMPLE_EVERY_S)
    finally:
        done.set()
        typist.join()
        terminal.close()
        ending = psutil.Process(supervisor)
        ending.terminate()
        ending.wait(120)  # the trainer writes its last checkpoint
    return watched


def rows_of(watched: Mapping[str, Watched], warm_up_s: float) -> list[list[str]]:
    rows = []
    for name, one in watched.items():
        judged = one.after(warm_up_s)
        spread = f"{min(judged.memory_mb):.1f} to {max(judged.memory_mb):.1f}"
        rows.append([f"{name}, memory (MB)", spread, f"drift {judged.drift_percent:+.1f} % (≤ 5 %)"])
        # Files are read and closed again all the time: what counts is whether they become more.
        half = len(judged.handles) // 2
        medians = f"median {median(judged.handles[:half]):g}, later {median(judged.handles[half:]):g}"
        rows.append([f"{name}, open files", f"{min(judged.handles)} to {max(judged.handles)}; {medians}", "constant"])
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up-minutes", type=float, default=5.0)
    parser.add_argument("--backend", choices=("jax", "torch"), default="torch")
    options = parser.parse_args(argv)
    if options.minutes < options.warm_up_minutes + 1:
        parser.error(f"--minutes {options.minutes:g} must be at least one more than --warm-up-minutes")
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CONFIG_HOME"] = name
        watched = soak(Path(name) / "runs", options.backend, options.minutes)
    print(f"{options.minutes:g} min on {options.backend}, the first {options.warm_up_minutes:g} left out")
    print(table(["what", "measured", "reach"], rows_of(watched, 60 * options.warm_up_minutes)))


if __name__ == "__main__":
    main()
