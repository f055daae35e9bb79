"""A real terminal: tmux, on a server of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

LIMIT_S = 120.0


class Tmux:
    """One terminal of 120×40."""

    def __init__(self, socket: Path) -> None:
        self._command = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def call(self, *words: str) -> str:
        return subprocess.run([*self._command, *words], check=True, capture_output=True, text=True).stdout

    def start(self, argv: list[str], cwd: Path) -> None:
        self.call("new-session", "-d", "-s", "t", "-x", "120", "-y", "40", "-c", str(cwd), *argv)

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self.call("send-keys", "-t", "t", *keys)

    def screen(self) -> str:
        return self.call("capture-pane", "-p", "-t", "t")

    def wait_for(self, *words: str) -> str:
        """The screen once all of `words` are on it."""
        until(lambda: all(word in self.screen() for word in words), self.screen)
        return self.screen()

    def close(self) -> None:
        """Close the terminal as a window manager does: whatever runs in it is hung up."""
        subprocess.run([*self._command, "kill-server"], capture_output=True)


def until(happened: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until `happened`; fails with `what` after two minutes."""
    deadline = time.monotonic() + LIMIT_S
    while not happened():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)
