"""Works off the queue of a runs folder, in a small process that outlives the dashboard.

One worker per runs folder holds `worker.lock` for as long as it lives, so nobody has to trust a process id. It ends
when nothing waits. After a reboot, or when it was killed, what waits stays in the file and nothing starts by itself.
What it was about to start is claimed in the file first, by the name of the run that will come of it, so that the next
worker goes on with that run instead of making a second one.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from motrix_core.child import module_command
from motrix_core.errors import MotrixError, RunNotFound, RunStateError
from motrix_core.process.launch import launch
from motrix_core.runs.index import RunIndex
from motrix_core.runs.layout import Run, create_run, free_run_id
from motrix_core.runs.queue import Entry, change_queue, folder, locked, open_lock, read_queue
from motrix_core.runs.text import plain

_POLL_S = 2.0


def is_worked_off(runs_dir: Path) -> bool:
    """Whether a worker of `runs_dir` is alive. Raises RunsFolderError."""
    if not (folder(runs_dir) / "worker.lock").exists():
        return False
    descriptor = open_lock(runs_dir, "worker.lock")
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)


def start_worker(runs_dir: Path) -> None:
    """Start a worker in a session of its own; one that finds another at work ends at once. Raises RunsFolderError."""
    log = open_lock(runs_dir, "worker.log")
    try:
        os.lseek(log, 0, os.SEEK_END)
        command = module_command("motrix_core.process.queue", "--detach", str(runs_dir))
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, check=False)
    finally:
        os.close(log)


def work_off(runs_dir: Path, *, start: Callable[[Run], None] = launch, wait: Callable[[], None] | None = None) -> bool:
    """Start what waits as places become free; returns once nothing waits, False if another worker is at it.

    `start` launches a run, `wait` passes the time between two looks (default: 2 s)."""
    descriptor = open_lock(runs_dir, "worker.lock")
    try:
        if not _taken(descriptor):
            return False
        index = RunIndex(runs_dir)
        while True:
            with locked(runs_dir):
                if not read_queue(runs_dir).waiting:
                    # Released inside the lock: whoever adds an entry afterwards finds no worker, and starts one.
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                    return True
            _start_next(runs_dir, index, start)
            (wait or (lambda: time.sleep(_POLL_S)))()
    finally:
        os.close(descriptor)


def _start_next(runs_dir: Path, index: RunIndex, start: Callable[[Run], None]) -> None:
    """Fill the free places. An entry that cannot be started stays, with the reason, and the next one has its turn."""
    for entry in read_queue(runs_dir).waiting:
        if entry.run is not None:
            _try(runs_dir, entry, partial(_go_on_with, runs_dir, entry, entry.run, start))
    live = sum(summary.state is not None and summary.state.is_live for summary in index.refresh())
    queue = read_queue(runs_dir)
    for entry in queue.waiting[: max(0, queue.at_once - live)]:
        _try(runs_dir, entry, partial(_begin, runs_dir, entry, start))


def _try(runs_dir: Path, entry: Entry, step: Callable[[], None]) -> None:
    try:
        step()
    except (MotrixError, OSError, ValueError) as error:
        problem = plain(error, limit=400)
        change_queue(runs_dir, lambda queue: queue.marked(entry.id, problem))


def _begin(runs_dir: Path, entry: Entry, start: Callable[[Run], None]) -> None:
    """Make a run of `entry`, unless that was taken out of the queue meanwhile, and start it."""
    # Not before somebody starts something: looking whether anything waits is no reason to make the models.
    from motrix_core.config.setting import folder_name
    from motrix_core.config.validate import config_from

    config = config_from(entry.config, "the queue")
    place = folder_name(config.env)
    id = free_run_id(runs_dir / place, config.backend, time.time())
    claim = f"{place}/{id}"
    # A worker may be killed at any moment. The claim is on the disk before there is anything to find.
    queue = change_queue(runs_dir, lambda queue: queue.claimed(entry.id, claim))
    if any(claimed.run == claim for claimed in queue.entries):
        start(create_run(config, runs_dir, extra=entry.extra, id=id))
        change_queue(runs_dir, lambda queue: queue.without(entry.id))


def _go_on_with(runs_dir: Path, entry: Entry, claim: str, start: Callable[[Run], None]) -> None:
    """Finish what a worker that was killed had begun to make of `entry`: a run that is there is never made again."""
    try:
        run = Run.open(runs_dir / claim)
    except RunNotFound:
        # It was killed before the run was made, which happens at one stroke: the entry waits as before.
        change_queue(runs_dir, lambda queue: queue.claimed(entry.id, None))
        return
    if run.state().supervisor is None:
        # A supervisor that is on its way just now holds the run's lock, and then this is refused.
        with suppress(RunStateError):
            start(run)
    change_queue(runs_dir, lambda queue: queue.without(entry.id))


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def main(argv: list[str]) -> int:
    """`[--detach] RUNS_DIR`; detached, the worker belongs to init and the caller goes on."""
    if argv[0] == "--detach":
        if os.fork():
            return 0
        os.setsid()
    work_off(Path(argv[-1]))
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
