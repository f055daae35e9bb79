"""The dashboard's first frame against a bare Textual app's, opening it with a run, and its memory.

They are started in a pseudo-terminal of 120×40, in turn; a frame is there when its marker has been written to the
terminal. Imports are warm (each was started once before). The run has a thousand updates.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from motrix_core.bench.common import median, spread, table

BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("first frame")

Bare().run()
"""
LIMIT_S = 30.0
# In the border of every chart.
_FOLLOWING = "following · env steps".encode()


class Terminal:
    """A program in a pseudo-terminal of `columns` × `rows` characters."""

    def __init__(self, argv: Sequence[str], *, columns: int = 120, rows: int = 40) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)

    def read_until(self, marker: bytes) -> float:
        """Seconds from the start until `marker` was written."""
        seen = b""
        while time.perf_counter() - self.started < LIMIT_S:
            if select.select([self.master], [], [], 0.5)[0]:
                seen += os.read(self.master, 65536)
                if marker in seen:
                    return time.perf_counter() - self.started
        raise RuntimeError(f"{marker!r} did not appear within {LIMIT_S:.0f} s; the terminal had {seen[-500:]!r}")

    def drain(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                os.read(self.master, 65536)

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)


def first_frame_s(argv: Sequence[str], marker: bytes) -> float:
    terminal = Terminal(argv)
    try:
        return terminal.read_until(marker)
    finally:
        terminal.close()


def make_run(folder: Path, updates: int = 1000) -> str:
    """A finished run below `folder`; returns what names it on the screen."""
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.events import EventWriter
    from motrix_core.runs.layout import create_run
    from motrix_core.runs.state import RunState, Segment, write_state

    names: tuple[str, ...] = ("return/mean", "loss/policy", "policy/kl", "perf/env_steps_per_s")
    run = create_run(RunConfig(env="cartpole", backend="jax"), folder, extra={})
    write_state(run.paths.state, RunState(status="finished", segments=(Segment(0, "jax", 0.0),)))
    with EventWriter(run.paths.events) as writer:
        for update in range(1, updates + 1):
            data: dict[str, float] = dict.fromkeys(names, 1 / update)
            writer.write("metrics", env_steps=64 * update, update=update, data=data)
    return run.id[-4:]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args(argv).repeats
    bare, ours, named, charts = [], [], [], []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        name = make_run(Path(other))
        dashboard = [sys.executable, "-m", "motrix_tui", "--runs-dir", folder]
        opened = [sys.executable, "-m", "motrix_tui", "--runs-dir", other, "--open", "last"]
        for repeat in range(repeats + 1):
            times = (
                first_frame_s([sys.executable, "-c", BARE], b"first frame"),
                first_frame_s(dashboard, b"Launch"),
                first_frame_s(opened, name.encode()),
                first_frame_s(opened, _FOLLOWING),
            )
            if repeat:  # the first turn warms the file cache
                for seconds, found in zip(times, (bare, ours, named, charts), strict=True):
                    found.append(seconds)
        terminal = Terminal(dashboard)
        try:
            terminal.read_until(b"Launch")
            terminal.drain(12.0)  # probes come back, the panels fill
            memory_mb = psutil.Process(terminal.process.pid).memory_info().rss / 1e6
        finally:
            terminal.close()

    def ratio(found: Sequence[float]) -> str:
        return f"{median([one / other for one, other in zip(found, bare, strict=True)]):.2f}"

    print(
        table(
            ["what", "measured", "reach"],
            [
                ["bare Textual app, first frame (s)", spread(bare), ""],
                ["dashboard, first frame (s)", spread(ours), ""],
                ["ratio, median of pairs", ratio(ours), "≤ 1.3"],
                ["opened with a run, its name and status (s)", spread(named), "≤ 1"],
                ["ratio, median of pairs", ratio(named), ""],
                ["opened with a run, its charts (s)", spread(charts), ""],
                ["ratio, median of pairs", ratio(charts), ""],
                ["dashboard's memory, idle (MB)", f"{memory_mb:.0f}", "≤ 150"],
            ],
        )
    )


if __name__ == "__main__":
    main()
