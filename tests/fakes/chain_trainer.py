"""A trainer whose every step depends on all before it: `chain_trainer.py RUN_DIR [OPTIONS]`, standard library only.

Step N is the SHA-256 of step N-1 and of the learning rate, so a run that was killed and continued ends with the right
link or with a wrong one. Events, checkpoints and answers to requests are the product's own code. After each event whose
write has returned, its number is appended to `receipts` in the run's folder: what is in there must be read back,
whatever happens.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from motrix_core.errors import MotrixError, TrainingFailed
from motrix_core.learn.requests import Requests
from motrix_core.process.lifeline import Lifeline
from motrix_core.process.outcome import EXIT_FAILED, EXIT_FINISHED, EXIT_STOPPED, EXIT_SWITCHED
from motrix_core.runs import checkpoints
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run

FIRST_RATE = 1e-3


def link_after(link: str, step: int, rate: float) -> str:
    return hashlib.sha256(f"{link}/{step}/{rate!r}".encode()).hexdigest()


def chain(steps: int, rates: Mapping[int, float] = MappingProxyType({})) -> str:
    """The link that an undisturbed run of so many steps ends with; `rates` were set after steps."""
    link, rate = "", FIRST_RATE
    for step in range(1, steps + 1):
        link = link_after(link, step, rate)
        rate = rates.get(step, rate)
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
    session = Session(run, args.save_every, stopped)
    try:
        session.train(args.steps, args.interval_s)
    except MotrixError as error:
        # What the disk does not take, the exit code still says.
        with suppress(OSError):
            sys.stderr.write(f"{error}\n")
            sys.stderr.flush()
        with suppress(MotrixError):
            session.write("warning", {"level": "error", "error": type(error).__name__, "message": str(error)})
        return EXIT_FAILED
    if stopped.is_set() or (session.requests.stopping and session.requests.successor is None):
        return EXIT_STOPPED
    return EXIT_FINISHED if session.requests.successor is None else EXIT_SWITCHED


class Session:
    """What `Requests` needs of a training session, with the chain in the place of a policy."""

    finished = False

    def __init__(self, run: Run, save_every: int, stop: threading.Event) -> None:
        self.run, self.stop, self._save_every = run, stop, save_every
        checkpoints.recover(run)
        newest = checkpoints.newest_valid(run)
        meta = checkpoints.read_meta(newest.path) if newest is not None else {"step": 0, "link": "", "rate": FIRST_RATE}
        self.step, self.link, self.rate = meta["step"], meta["link"], meta["rate"]
        segment = run.state().segment
        self.config = SimpleNamespace(backend=segment.backend if segment is not None else "torch")
        self.requests = Requests(self)
        self._events = EventWriter(run.paths.events)
        self.requests.begin(self)
        self.requests.take_again()

    @property
    def update(self) -> int:
        return self.step

    def adjust(self, *, learning_rate: float) -> None:
        self.rate = learning_rate

    @property
    def should_stop(self) -> bool:
        return self.requests.stopping or self.stop.is_set()

    def train(self, steps: int, interval_s: float) -> None:
        receipts = os.open(self.run.path / "receipts", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        while self.step < steps and not self.should_stop:
            self.step, self.link = self.step + 1, link_after(self.link, self.step + 1, self.rate)
            self.write("metrics", {"link": self.link})
            os.write(receipts, b"%d\n" % self.step)
            if self.step % self._save_every == 0:
                self.save_checkpoint()
            self.requests.serve()
            self.stop.wait(interval_s)
        self.save_checkpoint()
        self._events.close()

    def save_checkpoint(self) -> None:
        meta = {"step": self.step, "link": self.link, "rate": self.rate}
        folder = checkpoints.save(self.run.paths.checkpoints, self.step, {}, meta)
        checkpoints.prune(self.run, keep_last=3)
        self.write("checkpoint", {"path": str(folder), "backend": self.config.backend})

    def evaluate(self) -> None:
        raise TrainingFailed("a chain has no score")

    def warn(self, message: str) -> None:
        self.write("warning", {"level": "warning", "message": message})

    def write(self, type: Any, data: dict[str, Any]) -> None:
        self._events.write(type, env_steps=self.step, update=self.step, data=data)


if __name__ == "__main__":
    sys.exit(main())
