"""The window's process: `python -m motrix_core.view.window_child`, started by `window.Window`.

stdin has one JSON line that says what to show, then frames: the positions of one world, float32, one after the other.
Its end is the window's. stdout has nothing but, on failure, one line that says why. Exit codes: 0 the window was
closed, 1 it could not be opened. With `--check SIM` it only finds out whether the viewer of SIM could open a window.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

_PERIOD_S = 1 / 30
_CHUNK = 1 << 16


def main(argv: Sequence[str]) -> int:
    """Returns the process's exit code."""
    told = _keep_stdout()
    try:
        if argv[:1] == ["--check"]:
            from motrix_core.sim.windows import check_viewer

            check_viewer(argv[1])
        else:
            _show(told)
    except Exception as error:
        # Every way in which a viewer can fail has to reach the person as one line.
        said = " ".join(str(error).split())
        told.write(f"{said or type(error).__name__}\n")
        told.flush()
        return 1
    return 0


def _keep_stdout() -> TextIO:
    """The process's stdout, for us alone: viewers print to it, and that goes to stderr from now on."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _show(told: TextIO) -> None:
    # Ctrl-C in the terminal is for who feeds us; drawing must not take the cores from it either.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)
    line = _header()
    if line is None:
        return
    from motrix_core.envs.registry import make
    from motrix_core.envs.source import EnvSource
    from motrix_core.sim.windows import open_window

    wanted: dict[str, Any] = json.loads(line)
    source = EnvSource(*wanted["source"])
    env = make(wanted["env"], num_envs=1, sim=wanted["sim"], seed=0, options=wanted["options"], source=source)
    physics: Any = env.physics  # type: ignore[attr-defined]
    frames = Frames(0, physics.dofs.num_pos)
    window = open_window(physics, f"motrix {wanted['env']}")
    always, still = np.ones(1, np.bool_), np.zeros((1, physics.dofs.num_vel), np.float32)
    window.sync()
    told.write("open\n")
    told.flush()
    try:
        while window.is_open and not frames.over:
            positions = frames.newest(_PERIOD_S)
            if positions is not None:
                physics.reset(always, positions[None], still)
            window.sync()
    finally:
        window.close()


def _header() -> str | None:
    """stdin's first line, None if it ends before. Unbuffered: what follows it is not text."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        line += byte
    return line.decode()


class Frames:
    """float32 frames of `size` numbers each from the pipe `descriptor`. `over` once it has ended."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._bytes = 4 * size
        self._buffer = bytearray()
        self.over = False

    def newest(self, timeout_s: float) -> NDArray[np.float32] | None:
        """The last whole frame that has come, (size,), after waiting up to `timeout_s` for something; None if none."""
        wait_s = timeout_s
        while not self.over and select.select([self._descriptor], [], [], wait_s)[0]:
            chunk = os.read(self._descriptor, _CHUNK)
            self.over = not chunk
            self._buffer += chunk
            wait_s = 0.0
        whole = len(self._buffer) // self._bytes
        if whole == 0:
            return None
        frame = self._buffer[(whole - 1) * self._bytes : whole * self._bytes]
        del self._buffer[: whole * self._bytes]
        return np.frombuffer(bytes(frame), np.float32)


if __name__ == "__main__":
    # Viewers keep threads that Python would wait for at the end; there is nothing left to do for them.
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
