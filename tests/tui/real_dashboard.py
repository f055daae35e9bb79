"""The real `motrix-tui` in a terminal of its own, without tmux: fast, and it can be taken away in every way."""

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
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path

LIMIT_S = 60.0
# As in a window or over SSH the terminal belongs to the session, so that the kernel hangs it up.
_IN_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Dashboard:
    """`motrix-tui --runs-dir RUNS_DIR OPTIONS` in 120×40; without `controlling` nobody tells it when that is gone."""

    def __init__(
        self,
        runs_dir: Path,
        config_home: Path,
        *options: str,
        controlling: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._leader, follower = pty.openpty()
        ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        known = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": str(config_home), **(environ or {})}
        # It must not count as a process of the run.
        known.pop("MOTRIX_TEST_RUN", None)
        argv = [sys.executable, "-m", "motrix_tui", "--runs-dir", str(runs_dir), *options]
        if controlling:
            argv = [sys.executable, "-c", _IN_OWN_TERMINAL, *argv]
        self.process = subprocess.Popen(
            argv, stdin=follower, stdout=follower, stderr=follower, env=known, start_new_session=True
        )
        os.close(follower)

    def read(self, timeout_s: float) -> bytes:
        """What it has written, after waiting for up to `timeout_s`; b"" if nothing came."""
        if not select.select([self._leader], [], [], max(timeout_s, 0.0))[0]:
            return b""
        try:
            return os.read(self._leader, 1 << 16)
        except OSError:
            # It has closed its end.
            return b""

    def wait_for(self, text: str) -> bytes:
        """What it writes until `text`, which must be written without a change of style in between."""
        seen = b""
        deadline = time.monotonic() + LIMIT_S
        while text.encode() not in seen:
            assert time.monotonic() < deadline and self.process.poll() is None, seen[-2000:]
            seen += self.read(deadline - time.monotonic())
        return seen

    def press(self, keys: str) -> None:
        """Type `keys`."""
        os.write(self._leader, keys.encode())

    def leave(self, keys: str = "q") -> str:
        """Type `keys`, and return what it writes until it has ended and given the terminal back."""
        self.press(keys)
        seen, deadline = b"", time.monotonic() + LIMIT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, seen[-2000:]
            seen += self.read(0.1)
        while more := self.read(0.0):
            seen += more
        os.close(self._leader)
        return seen.decode(errors="replace")

    def end(self, how: str) -> None:
        """Take the terminal away: "killed", "hung up" or "closed"; returns when the dashboard has ended."""
        if how == "killed":
            self.process.kill()
        elif how == "hung up":
            os.killpg(self.process.pid, signal.SIGHUP)
        os.close(self._leader)
        self.process.wait(LIMIT_S)
