"""Saves a checkpoint again and again, each time killed one line later: `crashing_saves.py RUN_DIR FIRST SECOND`.

FIRST is saved whole; then a child that saves SECOND dies after its first line in the modules that save, another after
its second, and so on until one gets through. For each, a line of JSON says what is listed and what the newest valid
one holds. Alone in a process, because it forks.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from types import FrameType
from typing import Any

import numpy as np

from motrix_core.runs import checkpoints, files
from motrix_core.runs.layout import Run

TRACED = (checkpoints.__file__, files.__file__)


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


def main() -> int:
    # A kill takes nothing from the kernel's memory, and hundreds of real syncs would take a minute.
    os.fsync = lambda descriptor: None
    run, first, second = Run.open(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    lines = 0
    while True:
        lines += 1
        shutil.rmtree(run.paths.checkpoints)
        save(run, 50, 0.0)
        save(run, first, 1.0)
        child = os.fork()
        if child == 0:
            save_and_die(run, second, lines)
        survived = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        listed = [checkpoints.load(info.path).meta["value"] for info in checkpoints.list_checkpoints(run)]
        newest = checkpoints.newest_valid(run)
        save(run, 300, 3.0)
        remains = sorted(path.name for path in run.paths.checkpoints.iterdir())
        result = {"listed": listed, "newest": newest and newest.env_steps, "survived": survived, "remains": remains}
        print(json.dumps(result), flush=True)
        if survived:
            return 0


if __name__ == "__main__":
    sys.exit(main())
