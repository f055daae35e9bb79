"""Dashboards whose terminal goes away: they leave, and training does not notice."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

from faults_support import Stopwatch, receipts, times
from process_support import LIMIT_S, eventually

from motrix_core.runs.layout import Run

# As in a window or over SSH the terminal belongs to the session, so that the kernel hangs it up.
IN_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Dashboard:
    """`motrix-tui` in a terminal of 120×40 of its own."""

    def __init__(self, run: Run, config_home: Path) -> None:
        self._leader, follower = pty.openpty()
        ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": str(config_home)}
        # It must not count as a process of the run.
        environ.pop("MOTRIX_TEST_RUN", None)
        argv = [sys.executable, "-m", "motrix_tui", "--runs-dir", str(run.path.parents[1]), "--open", "last"]
        argv = [sys.executable, "-c", IN_OWN_TERMINAL, *argv]
        self.process = subprocess.Popen(
            argv, stdin=follower, stdout=follower, stderr=follower, env=environ, start_new_session=True
        )
        os.close(follower)

    def wait_for(self, text: str) -> None:
        seen = b""
        deadline = time.monotonic() + LIMIT_S
        while text.encode() not in seen:
            assert select.select([self._leader], [], [], max(0.0, deadline - time.monotonic()))[0], seen[-500:]
            seen += os.read(self._leader, 1 << 16)

    def end(self, how: str) -> None:
        if how == "killed":
            self.process.kill()
        elif how == "hung up":
            os.killpg(self.process.pid, signal.SIGHUP)
        os.close(self._leader)
        self.process.wait(LIMIT_S)


def test_a_terminal_that_goes_away_takes_the_dashboard_and_nothing_else(
    start: Callable[..., Run], run: Run, tmp_path: Path
) -> None:
    start("--interval-s", "0.02")
    eventually(lambda: len(receipts(run)) > 5, "training")
    before = run.state()
    opened = Stopwatch("from typing motrix-tui to its run on the screen")
    for index in range(times(3, 50)):
        dashboard = Dashboard(run, tmp_path)
        with opened.measure():
            dashboard.wait_for(run.id[-4:])
        dashboard.end(("closed", "killed", "hung up")[index % 3])
        seen = len(receipts(run))
        eventually(lambda seen=seen: len(receipts(run)) > seen, "training on")
    after = run.state()
    assert (after.supervisor, after.trainer, len(after.segments)) == (before.supervisor, before.trainer, 1)
    sys.stderr.write(f"{opened.what}: longest {max(opened.seconds):.2f} s\n")
