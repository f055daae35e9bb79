"""The simulator's own window, in a process of its own.

A viewer that cannot draw ends its process, and one that draws in software takes a core; neither may happen to a
training. So the window's process makes the environment's model once more, and is sent nothing but the positions of one
world, at most 30 times a second, over a pipe that is never waited for.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.child import module_command
from motrix_core.envs.source import CATALOG, EnvSource
from motrix_core.errors import WindowUnusable

PERIOD_S = 1 / 30
_CHECK_LIMIT_S = 60.0
_CLOSE_LIMIT_S = 2.0
OPEN = b"open"
"""What the window's process says once the window is there."""
_MODULE = "motrix_core.view.window_child"


def check_window(
    env: str, sim: str, *, flag: str = "--render", environ: Mapping[str, str] = os.environ, ask_viewer: bool = True
) -> None:
    """Raise `WindowUnusable`, with the mend, unless `sim` can show `env` in a window of its own here.

    `flag` is what asked for the window. With `ask_viewer` a child process imports the viewer and looks for the
    display, which takes a second or two.
    """
    without = f"leave out {flag}"
    if flag == "--render":
        without += "; motrix play draws in the terminal"
    if sim == "none":
        raise WindowUnusable(f"{env} has no simulator, so there is no window that could show it", mend=without)
    if sys.platform.startswith("linux") and not (environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")):
        raise WindowUnusable(
            "there is no display for the simulator's window: neither DISPLAY nor WAYLAND_DISPLAY is set",
            mend=f"connect with ssh -X, or {without}",
        )
    if ask_viewer:
        cause = _viewer_problem(sim, environ)
        if cause is not None:
            raise WindowUnusable(f"the window of {sim} cannot be opened: {cause}", mend=f"mend that, or {without}")


def _viewer_problem(sim: str, environ: Mapping[str, str]) -> str | None:
    """Why the viewer of `sim` cannot be used, in one line, or None."""
    try:
        done = subprocess.run(
            module_command(_MODULE, "--check", sim, python=python_for(sim)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CHECK_LIMIT_S,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired:
        return f"its viewer does not answer within {_CHECK_LIMIT_S:g} s"
    except OSError as error:
        return f"{error.filename or sys.executable} cannot be started: {error.strerror or error}"
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return said[-1] if said else f"its viewer ends with exit code {done.returncode}"


def python_for(sim: str) -> list[str]:
    """The interpreter that opens windows. MuJoCo has one of its own for macOS, where they belong to the main thread."""
    if sim == "mujoco" and sys.platform == "darwin":
        return [str(Path(sys.executable).with_name("mjpython"))]
    return [sys.executable]


class Window:
    """A window on one world of the environment `env` of `source` on `sim`, made with `options`.

    `show` may be called at any rate. `ended` says why the window is gone, None while it is there. `command` takes the
    place of our own process. Raises `WindowUnusable` if the process cannot be started.
    """

    def __init__(
        self,
        env: str,
        sim: str,
        options: Mapping[str, Any],
        source: EnvSource = CATALOG,
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        argv = list(command) if command is not None else module_command(_MODULE, python=python_for(sim))
        try:
            self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise WindowUnusable(f"the window's process cannot be started: {error.strerror or error}") from error
        assert self._process.stdin is not None
        self._pipe = self._process.stdin.fileno()
        os.set_blocking(self._pipe, False)
        what = {"env": env, "sim": sim, "options": dict(options), "source": [source.module, source.path]}
        header = json.dumps(what) + "\n"
        self._unsent = memoryview(header.encode())
        self._due_at = 0.0
        self.ended: str | None = None
        self._send()

    def wait_until_open(self, timeout_s: float) -> bool:
        """Wait for the window to be on the screen: False if it is not after `timeout_s`, or never will be."""
        assert self._process.stdout is not None
        if self.ended is None and select.select([self._process.stdout], [], [], timeout_s)[0]:
            line = self._process.stdout.readline().strip()
            if line == OPEN:
                return True
            self._note_end(line.decode(errors="replace"))
        return False

    def due(self) -> bool:
        """Whether it is time for the next picture. Costs a look at the clock."""
        return time.monotonic() >= self._due_at and self.ended is None

    def show(self, positions: NDArray[np.float32]) -> None:
        """Show a world whose `dof_pos` are `positions`, (num_pos,); dropped while the window cannot keep up."""
        self._due_at = time.monotonic() + PERIOD_S
        if self.ended is not None:
            return
        if self._process.poll() is not None:
            self._note_end()
            return
        if self._send():
            self._unsent = memoryview(np.ascontiguousarray(positions, np.float32).tobytes())
            self._send()

    def _send(self) -> bool:
        """Write what is left of the last message; True if nothing is left."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._pipe, self._unsent) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self._note_end()
            return False
        return True

    def _note_end(self, said: str = "") -> None:
        """Find out why the process is gone, or going; `said` is what it has said already."""
        assert self._process.stdout is not None
        try:
            code = self._process.wait(_CLOSE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        rest = self._process.stdout.read().decode(errors="replace").replace(OPEN.decode() + "\n", "").strip()
        cause = said or rest or f"its process ended with exit code {code}"
        self.ended = "it was closed" if code == 0 else cause
        self._release()

    def close(self) -> None:
        """Take the window off the screen; again is fine."""
        if self.ended is not None:
            return
        self.ended = "it was closed"
        # The end of the pipe is the message.
        self._release()
        try:
            self._process.wait(_CLOSE_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _release(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
