"""Saves a checkpoint again and again, each time killed a little later: `crashing_saves.py RUN_DIR FIRST SECOND [HOW]`.

FIRST is saved whole; then a child that saves SECOND dies after its first line in the modules that save, another after
its second, and so on until one gets through. HOW "power": what the child had not synced is then gone too. HOW "calls":
it dies at its first system call, its second, and so on. For each, a line of JSON says what is listed and what the
newest valid one holds. Alone in a process, because it forks.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from motrix_core.runs import checkpoints, files
from motrix_core.runs.layout import Run

TRACED = (checkpoints.__file__, files.__file__)
PTRACE_TRACEME, PTRACE_SYSCALL = 0, 24
libc = ctypes.CDLL(None, use_errno=True)


def save(run: Run, env_steps: int, value: float) -> None:
    arrays = {"agent": {"w": np.full(3, value, np.float32)}}
    checkpoints.save(run.paths.checkpoints, env_steps, arrays, {"value": value})


def save_and_die(run: Run, env_steps: int, lines: int) -> None:
    left = lines

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os._exit(9)
        return trace

    sys.settrace(trace)
    save(run, env_steps, 2.0)
    os._exit(0)


def files_in(folder: Path) -> dict[int, Path]:
    return {path.stat().st_ino: path for path in folder.rglob("*") if path.is_file()}


def cut_power(run: Run, env_steps: int, lines: int) -> bool:
    """As `die_at_line`, and every byte that was not synced is lost."""
    before = set(files_in(run.paths.checkpoints))
    reader, writer = os.pipe()
    os.fsync = lambda descriptor: os.write(writer, b"%d\n" % os.fstat(descriptor).st_ino)
    survived = die_at_line(run, env_steps, lines)
    os.fsync = lambda descriptor: None
    os.close(writer)
    with os.fdopen(reader) as notes:
        synced = before | {int(line) for line in notes}
    for inode, path in files_in(run.paths.checkpoints).items():
        if inode not in synced:
            os.truncate(path, 0)
    return survived


def die_at_line(run: Run, env_steps: int, lines: int) -> bool:
    child = os.fork()
    if child == 0:
        save_and_die(run, env_steps, lines)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def die_at_call(run: Run, env_steps: int, calls: int) -> bool:
    child = os.fork()
    if child == 0:
        libc.ptrace(PTRACE_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        save(run, env_steps, 2.0)
        os._exit(0)
    os.waitpid(child, 0)
    # Each call stops the child twice, before and after; it dies before.
    for _ in range(2 * calls - 1):
        if libc.ptrace(PTRACE_SYSCALL, child, None, None) != 0:
            raise OSError(ctypes.get_errno(), "this system does not let a process trace its child")
        status = os.waitpid(child, 0)[1]
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status) == 0
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main() -> int:
    # A kill takes nothing from the kernel's memory, and hundreds of real syncs would take a minute.
    os.fsync = lambda descriptor: None
    run, first, second = Run.open(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    how = sys.argv[4] if len(sys.argv) > 4 else "lines"
    die = {"lines": die_at_line, "power": cut_power, "calls": die_at_call}[how]
    moment = 0
    while True:
        moment += 1
        shutil.rmtree(run.paths.checkpoints)
        save(run, 50, 0.0)
        save(run, first, 1.0)
        survived = die(run, second, moment)
        listed = [checkpoints.load(info.path).meta["value"] for info in checkpoints.list_checkpoints(run)]
        # What a trainer does before it looks for the newest one.
        checkpoints.recover(run)
        newest = checkpoints.newest_valid(run)
        save(run, 300, 3.0)
        remains = sorted(path.name for path in run.paths.checkpoints.iterdir())
        result = {"listed": listed, "newest": newest and newest.env_steps, "survived": survived, "remains": remains}
        print(json.dumps(result), flush=True)
        if survived:
            return 0


if __name__ == "__main__":
    sys.exit(main())
