"""The trainer process: `python -m motrix_core.learn RUN_DIR`.

Trains the run in RUN_DIR as its config.json and its newest segment say, continuing from its newest checkpoint if it has
one. SIGTERM and SIGINT stop it after the current rollout and a final checkpoint, and so does the loss of its
supervisor. Exit codes: 0 finished, 130 stopped, 10 to be continued by the other backend, 3 failed; a failure is also
told by a `warning` event of level "error".
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from motrix_core.errors import MotrixError
from motrix_core.process.lifeline import Lifeline
from motrix_core.process.outcome import EXIT_FAILED, EXIT_FINISHED, EXIT_STOPPED, EXIT_SWITCHED
from motrix_core.runs.events import EventWriter
from motrix_core.runs.files import PRIVATE
from motrix_core.runs.layout import Run
from motrix_core.sim.threads import use_threads

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.learn.session import TrainSession

_LIFELINE_GRACE_S = 60.0
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "NPROC")
"""Read by PyTorch and by XLA, each when it is first imported."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m motrix_core.learn", description="Train the run in RUN_DIR.")
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="the run's folder, made by motrix run")
    args = parser.parse_args(argv)
    # TensorBoard's writer, and whatever else is imported, asks for files that everybody may read.
    os.umask(PRIVATE)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Without its supervisor nobody would stop it, nor record its end: it keeps what it has learned, and leaves.
    Lifeline.from_environment().watch(stop.set, kill_after_s=_LIFELINE_GRACE_S)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(levelname)s: %(message)s", stream=sys.stderr)
    try:
        run = Run.open(args.run_dir)
    except MotrixError as error:
        logging.error("%s", error)
        return EXIT_FAILED
    return train(run, stop)


def train(run: Run, stop: threading.Event) -> int:
    """Train `run` until its budget is used up or `stop` is set. Returns the process's exit code."""
    session: TrainSession | None = None
    try:
        config = run.current_config()
        prepare_process(config)
        # Heavy imports: only now, when the configuration has said what they shall use.
        from motrix_core.learn.session import TrainSession
        from motrix_core.learn.world import current_world

        session = TrainSession(run, config, world=current_world(config.backend), stop=stop)
        session.train()
        session.close()
    except Exception as error:
        _print_failure()
        tell_failure(run, session, error)
        return EXIT_FAILED
    if session.finished:
        return EXIT_FINISHED
    return EXIT_STOPPED if session.requests.successor is None or stop.is_set() else EXIT_SWITCHED


def tell_failure(run: Run, session: TrainSession | None, error: Exception) -> None:
    """Write the event that says why training ended, at the session's step count if there is one."""
    data = {"level": "error", "error": type(error).__name__, "message": str(error)}
    env_steps, update = (session.env_steps, session.update) if session is not None else (0, 0)
    try:
        with EventWriter(run.paths.events) as events:
            events.write("warning", env_steps=env_steps, update=update, data=data)
        if session is not None:
            session.close()
    except MotrixError:
        # A full disk, for example: the exit code still says that there was a failure.
        _print_failure()


def _print_failure() -> None:
    # console.log is on the same disk as the events.
    with suppress(OSError):
        traceback.print_exc()


def prepare_process(config: RunConfig) -> None:
    """Say what the run may use: to simulators, and to libraries by variables that they read when they are imported."""
    # How long PyTorch's threads spin while they wait for each other, before they sleep. Where they never spin, each of
    # the many short operations of an update pays for waking them (dm-walker, 32 mini-batches: 0.69 of plain skrl's
    # speed); as long as by default, they take the cores from the simulator, or from whatever else wants them.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "100000")
    # NumPy multiplies matrices in evaluations only, and small ones: more threads would fight with the simulator's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    use_threads(config.train.threads)
    if config.train.threads:
        for name in _THREAD_VARIABLES:
            os.environ[name] = str(config.train.threads)
    if config.train.device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"


if __name__ == "__main__":
    sys.exit(main())
