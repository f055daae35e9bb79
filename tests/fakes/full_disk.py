"""A run on a disk that fills up: `full_disk.py FOLDER SAVE_EVERY`.

It mounts a tmpfs over FOLDER, so it needs mounts of its own. The trainer saves every SAVE_EVERY steps.

Prints one line of JSON about what became of the run, and of its continuation once there was room again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from chain_trainer import chain
from faults_support import CHAIN_TRAINER, receipts
from process_support import LIMIT_S, eventually, processes_of

from motrix_core.config.schema import RunConfig
from motrix_core.process.control import wait
from motrix_core.process.launch import launch
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run


def fill(path: Path) -> None:
    """Take all that is left of the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    size = 1 << 16
    while size:
        try:
            os.write(descriptor, b"x" * size)
        except OSError:
            size //= 2
    os.close(descriptor)


def argv(run: Run, *options: str) -> list[str]:
    return [sys.executable, str(CHAIN_TRAINER), str(run.path), *options]


def main() -> int:
    disk, save_every = Path(sys.argv[1]), int(sys.argv[2])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=True)
    run = create_run(RunConfig(env="pendulum", backend="torch"), disk / "runs", extra={})
    launch(run, trainer_argv=argv(run, "--save-every", str(save_every)))
    eventually(lambda: len(receipts(run)) > save_every + 5, "training")
    supervisor = run.state().supervisor
    assert supervisor is not None
    process = psutil.Process(supervisor.pid)
    fill(disk / "filler")
    started, busy = time.monotonic(), 0.0
    while run.state().is_live and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        busy = sum(process.cpu_times()[:2])
        assert time.monotonic() - started < LIMIT_S
        time.sleep(0.02)
    full = wait(run, LIMIT_S)
    eventually(lambda: processes_of(run) == [] or None, "gone")
    newest = checkpoints.newest_valid(run)
    meta = checkpoints.read_meta(newest.path) if newest else {"step": 0, "link": ""}
    (disk / "filler").unlink()
    end = max(receipts(run)) + 50
    launch(run, trainer_argv=argv(run, "--steps", str(end)))
    again = wait(run, LIMIT_S)
    last = checkpoints.newest_valid(run)
    result = {
        "status": full.status,
        "cause": full.cause,
        "busy_s": busy,
        "valid": newest is not None and meta["link"] == chain(meta["step"]),
        "again": again.status,
        "link": last is not None and checkpoints.read_meta(last.path)["link"] == chain(end),
        "left": sorted(path.name for path in run.path.iterdir()),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
