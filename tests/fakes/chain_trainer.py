"""A trainer whose every step depends on all before it: `chain_trainer.py RUN_DIR [OPTIONS]`, standard library only.

Step N is the SHA-256 of step N-1, so a run that was killed and continued ends with the right link or with a wrong one.
Events and checkpoints are written by the product's own code. After each event whose write has returned, its number is
appended to `receipts` in the run's folder: what is in there must be read back, whatever happens.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import threading
from pathlib import Path

from motrix_core.errors import MotrixError
from motrix_core.process.lifeline import Lifeline
from motrix_core.runs import checkpoints
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run


def link_after(link: str, step: int) -> str:
    return hashlib.sha256(f"{link}/{step}".encode()).hexdigest()


def chain(steps: int) -> str:
    """The link that an undisturbed run of so many steps ends with."""
    link = ""
    for step in range(1, steps + 1):
        link = link_after(link, step)
    return link


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--interval-s", type=float, default=0.001)
    args = parser.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    Lifeline.from_environment().watch(stopped.set, kill_after_s=60.0)
    run = Run.open(args.run_dir)
    try:
        train(run, args, stopped)
    except MotrixError as error:
        with EventWriter(run.paths.events) as events:
            data = {"level": "error", "error": type(error).__name__, "message": str(error)}
            events.write("warning", env_steps=0, update=0, data=data)
        return 3
    return 130 if stopped.is_set() else 0


def train(run: Run, args: argparse.Namespace, stopped: threading.Event) -> None:
    newest = checkpoints.newest_valid(run)
    meta = checkpoints.read_meta(newest.path) if newest is not None else {"step": 0, "link": ""}
    step, link = meta["step"], meta["link"]
    receipts = os.open(run.path / "receipts", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with EventWriter(run.paths.events) as events:
        while step < args.steps and not stopped.is_set():
            step, link = step + 1, link_after(link, step + 1)
            events.write("metrics", env_steps=step, update=step, data={"link": link})
            os.write(receipts, b"%d\n" % step)
            if step % args.save_every == 0:
                save(run, events, step, link)
            stopped.wait(args.interval_s)
        save(run, events, step, link)


def save(run: Run, events: EventWriter, step: int, link: str) -> None:
    folder = checkpoints.save(run.paths.checkpoints, step, {}, {"step": step, "link": link})
    checkpoints.prune(run, keep_last=3)
    events.write("checkpoint", env_steps=step, update=step, data={"path": str(folder), "backend": "torch"})


if __name__ == "__main__":
    sys.exit(main())
