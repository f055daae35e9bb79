"""Record the dashboard as people use it: launch, watch, switch the backend. Real runs in a real terminal.

Writes `launch-watch-switch.cast` beside this file, in asciinema's format (version 2):

    asciinema play screenshots/launch-watch-switch.cast
"""

from __future__ import annotations

import codecs
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from types import TracebackType

import psutil

from motrix_core.errors import RunStateError
from motrix_core.process.control import request_stop
from motrix_core.process.lock import is_supervised
from motrix_core.runs.layout import RunSummary, list_runs

CAST = Path(__file__).parent / "launch-watch-switch.cast"
COLUMNS, ROWS = 100, 30
FRAMES_PER_S = "4"
"""Enough to see a curve grow; every frame is kept in the repository."""
LIMIT_S = 180.0
ENDING_S = 60.0
_POLL_S = 0.1
TYPING_S = 0.12
LONGEST_PAUSE_S = 1.5


class Recording:
    """A program in a terminal of its own, and what it has written, with the seconds since the beginning.

    Waiting, as for the compiler, is recorded as a pause of at most a second and a half. With the context end
    the program and what it has started and not detached.
    """

    def __init__(self, argv: list[str], environ: dict[str, str]) -> None:
        self._leader, follower = pty.openpty()
        ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            argv, stdin=follower, stdout=follower, stderr=follower, env=environ, start_new_session=True
        )
        os.close(follower)
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._shown: list[tuple[float, str]] = []
        self._at, self._before = 0.0, time.monotonic()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(psutil.NoSuchProcess):
            program = psutil.Process(self._process.pid)
            # It can then start nothing after it was asked what it has started.
            program.suspend()
            for process in (*program.children(recursive=True), program):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait()
        os.close(self._leader)

    def _take(self, timeout_s: float) -> str | None:
        """What it writes next; "" if nothing comes in time, None once it has ended."""
        if not select.select([self._leader], [], [], timeout_s)[0]:
            return ""
        try:
            text = self._decode(os.read(self._leader, 1 << 16))
        except OSError:
            return None
        now = time.monotonic()
        self._at += min(now - self._before, LONGEST_PAUSE_S)
        self._before = now
        self._shown.append((round(self._at, 3), text))
        return text

    def watch(self, seconds: float) -> None:
        """Only look for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._take(0.05)

    def wait_for(self, words: str) -> None:
        """Until `words` are written. Raises RuntimeError if they are not, within three minutes."""
        seen, deadline = "", time.monotonic() + LIMIT_S
        while words not in seen:
            text = self._take(0.2)
            if text is None or time.monotonic() > deadline:
                raise RuntimeError(f"{words!r} did not appear; the last was {seen[-500:]!r}")
            seen = seen[-4096:] + text

    def type(self, keys: str) -> None:
        """Type as people do."""
        for key in keys:
            os.write(self._leader, key.encode())
            self.watch(TYPING_S)

    def end(self) -> None:
        """Wait until it has ended."""
        while self._take(0.2) is not None:
            pass
        self._process.wait()

    def save(self, path: Path, title: str) -> None:
        """Write the cast."""
        head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": title, "env": {"TERM": "xterm-256color"}}
        lines = [head, *([at, "o", text] for at, text in self._shown)]
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def scene(recording: Recording) -> None:
    """Pick cartpole, launch it on JAX, watch it learn, let PyTorch go on, and leave."""
    recording.wait_for("--env")
    recording.watch(2.0)
    recording.type("/cart\r")
    recording.watch(1.0)
    recording.type("\x12")
    recording.wait_for("ETA")
    recording.watch(5.0)
    recording.type("b")
    recording.wait_for("Switch to PyTorch?")
    recording.watch(1.0)
    recording.type("s")
    recording.wait_for("JAX → PyTorch")
    recording.wait_for("ETA")
    recording.watch(5.0)
    recording.type("i")
    recording.watch(1.5)
    recording.type("q")
    recording.wait_for("training")
    recording.watch(1.0)
    recording.type("s")
    recording.end()


def end_runs(runs_dir: Path) -> None:
    """End at once what trains in `runs_dir`; returns when nothing is left of it. Raises TimeoutError after a minute."""
    deadline = time.monotonic() + ENDING_S
    while left := [item.run for item in list_runs(runs_dir) if _goes_on(item)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{left[0].path} is still not over")
        for run in left:
            # It may have ended since, or its supervisor not have said yet that it is there.
            with suppress(RunStateError):
                request_stop(run, kill=True)
        time.sleep(_POLL_S)


def _goes_on(item: RunSummary) -> bool:
    state = item.state
    # A supervisor still writes once it has let go of its run, and a trainer still ends once its supervisor has.
    return is_supervised(item.run) or (
        state is not None and any(map(state.is_process_alive, (state.supervisor, state.trainer)))
    )


def played(play: Callable[[Recording], None], folder: Path) -> Recording:
    """What `play` did in a dashboard with its files in `folder`. However that ends, nothing started for it goes on."""
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "TEXTUAL_FPS": FRAMES_PER_S}
    environ |= {"XDG_CONFIG_HOME": str(folder / "config"), "MOTRIX_BACKEND": "jax"}
    for name in ("NO_COLOR", "LC_ALL", "COLORTERM"):
        environ.pop(name, None)
    argv = [sys.executable, "-m", "motrix_tui", "--runs-dir", str(folder / "runs")]
    try:
        with Recording(argv, environ) as recording:
            play(recording)
    finally:
        end_runs(folder / "runs")
    return recording


def record(play: Callable[[Recording], None] = scene) -> None:
    with tempfile.TemporaryDirectory(prefix="motrix-") as scratch:
        played(play, Path(scratch)).save(CAST, "motrix-tui: launch, watch, switch the backend")
    sys.stdout.write(f"screenshots/{CAST.name}\n")


if __name__ == "__main__":
    record()
