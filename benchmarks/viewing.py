"""How many pictures a second `motrix view` shows, and what it sends for them.

    python -m benchmarks.viewing [--envs E …] [--num-envs N …] [--sizes 80x24 …] [--seconds 10] [--over 'ssh -tt HOST']

`motrix view` runs in a pseudo-terminal, or behind the remote shell that `--over` names, which has to see this folder.
What arrives is read, and answered, as a terminal would. Pictures are counted by the marks of a synchronised update
(DEC mode 2026), which stand around all that is sent at once; a picture equal to the last is not sent. Processor time
is that of `motrix view` alone, and is not known when it runs behind a remote shell. At the end `q` is pressed, and the
time is taken until `motrix view` has gone and all that it had sent has arrived.

A slow line: --over "ssh -tt -o 'ProxyCommand=python -m benchmarks.slow_line %h %p --rate 50 --delay 0.05' HOST".
"""

from __future__ import annotations

import argparse
import itertools
import os
import select
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.dashboard import Terminal
from motrix_core.bench.common import table
from motrix_core.play.terminal import ANSWER, ASK, BEGIN

_ENVS = ("cartpole", "dm-walker", "go1-rough-terrain-walk", "franka-open-cabinet")
_START_LIMIT_S, _WARM_S, _LEAVING_LIMIT_S = 60.0, 2.0, 60.0


@dataclass(frozen=True)
class Found:
    """What `seconds` of looking brought."""

    seconds: float
    pictures: int
    sent: int
    gaps_ms: list[float]
    cpu_share: float | None
    left_s: float


def look(argv: Sequence[str], columns: int, rows: int, seconds: float, *, remote: bool) -> Found:
    """Run `argv` in a terminal of `columns` × `rows`, and read for `seconds` after its pictures have begun."""
    terminal = Terminal(argv, columns=columns, rows=rows)
    begin, ask = BEGIN.encode(), ASK.encode()
    arrived: list[float] = []
    seen, over = b"", False

    def read(until: float) -> int:
        """Bytes that came before `until`; the terminal's questions are answered."""
        nonlocal seen, over
        sent = 0
        while (left := until - time.perf_counter()) > 0 and select.select([terminal.master], [], [], left)[0]:
            try:
                data = os.read(terminal.master, 65536)
            except OSError:
                data = b""
            if not data:
                over = True
                break
            sent += len(data)
            seen += data
            arrived.extend([time.perf_counter()] * seen.count(begin))
            os.write(terminal.master, ANSWER.encode() * seen.count(ask))
            # A mark may have been cut in two by the reading.
            seen = seen[max(seen.rfind(begin) + len(begin), seen.rfind(ask) + len(ask), len(seen) - len(begin) + 1) :]
        return sent

    try:
        limit = time.perf_counter() + _START_LIMIT_S
        while not arrived and not over and time.perf_counter() < limit:
            read(time.perf_counter() + 0.1)
        read(time.perf_counter() + _WARM_S)
        process = None if remote else psutil.Process(terminal.process.pid)
        busy = 0.0 if process is None else sum(process.cpu_times()[:2])
        arrived.clear()
        started = time.perf_counter()
        sent = read(started + seconds)
        took = time.perf_counter() - started
        pictures, gaps = len(arrived), [1e3 * (later - earlier) for earlier, later in itertools.pairwise(arrived)]
        share = None if process is None else (sum(process.cpu_times()[:2]) - busy) / took
        pressed = time.perf_counter()
        os.write(terminal.master, b"q")
        while not over and time.perf_counter() < pressed + _LEAVING_LIMIT_S:
            read(time.perf_counter() + 0.1)
        left_s = time.perf_counter() - pressed
    finally:
        terminal.close()
    return Found(took, pictures, sent, gaps, share, left_s)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", nargs="+", default=_ENVS, metavar="E")
    parser.add_argument("--num-envs", nargs="+", type=int, default=(1, 4, 16), metavar="N")
    parser.add_argument("--sizes", nargs="+", default=("80x24", "120x40"), metavar="COLUMNSxROWS")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--over", default="", metavar="COMMAND", help="a remote shell: 'ssh -tt HOST'")
    options = parser.parse_args(argv)
    lines = []
    for env in options.envs:
        for size in options.sizes:
            columns, rows = (int(part) for part in size.split("x"))
            for count in options.num_envs:
                command = [sys.executable, "-m", "motrix_core.cli", "view", "--env", env, "--num-envs", str(count)]
                remote = bool(options.over)
                if remote:
                    there = f"cd {shlex.quote(str(Path.cwd()))} && LC_ALL=C.UTF-8 {shlex.join(command)}"
                    command = [*shlex.split(options.over), there]
                found = look(command, columns, rows, options.seconds, remote=remote)
                lines.append(
                    [
                        f"`{env}`",
                        f"{columns}×{rows}",
                        str(count),
                        f"{found.pictures / found.seconds:.1f}",
                        f"{statistics.quantiles(found.gaps_ms, n=20)[-1]:.0f}" if len(found.gaps_ms) > 1 else "–",
                        f"{found.sent / found.seconds / 1e3:.0f}",
                        f"{found.left_s:.2f}",
                        "–" if found.cpu_share is None else f"{100 * found.cpu_share:.0f}",
                    ]
                )
    head = [
        "task",
        "terminal",
        "environments",
        "pictures/s",
        "95 % of gaps under (ms)",
        "kB/s",
        "q to the end (s)",
        "CPU (%)",
    ]
    print(table(head, lines))


if __name__ == "__main__":
    main()
