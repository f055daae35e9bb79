"""What runs in the worker processes of `env.vector=async`, each of which has one environment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from motrix_core.envs.blame import DescribedError, described


def work(entry_point: str | None, *args: Any) -> None:
    """Gymnasium's own worker, given `args`, in a process that ends when its parent does.

    `entry_point` is "module:Class" of the environment where its spec has that; what else makes environments, Gymnasium
    has put into `args`. What the environment raises reaches the parent as a `DescribedError`.
    """
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    # Ctrl-C in a terminal reaches every process in it; the trainer decides what is still to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from gymnasium.vector.async_vector_env import _async_worker

    index, make_env, pipe, parent_pipe, shared_memory, errors, *modes = args
    described_errors: Any = _DescribedErrors(errors)
    try:
        log_warnings_of_mujoco(entry_point)
        env = make_env()
        described_errors.written_as = type(env.unwrapped)
    except Exception as error:
        # Gymnasium's worker would end here, and the parent find nothing but a closed pipe.
        pipe.recv()
        described_errors.put((index, type(error), error, ""))
        pipe.send((None, False))
        return
    _async_worker(index, lambda: env, pipe, parent_pipe, shared_memory, described_errors, *modes)


class _DescribedErrors:
    """The queue by which Gymnasium's workers tell of errors, for errors that are described where they were raised.

    Their line is known only there. And an error that cannot be pickled would never arrive, so that the parent would
    wait for it for ever.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.written_as: type | None = None

    def put(self, told: tuple[int, type[BaseException], BaseException, str]) -> None:
        index, _, error, _ = told
        self._queue.put((index, DescribedError, described(error, self.written_as), ""))


@contextmanager
def told_once() -> Iterator[None]:
    """Keep Gymnasium from warning, in several lines, of the errors of workers that it then raises."""
    from gymnasium import logger

    level, logger.min_level = logger.min_level, logger.ERROR + 1
    try:
        yield
    finally:
        logger.min_level = level


def log_warnings_of_mujoco(entry_point: Any) -> None:
    """Keep the MuJoCo of an environment from writing its warnings into the working directory.

    The handler belongs to a process, so each one that steps environments calls this before it makes one. Raises what
    importing the environment's module raises.
    """
    from gymnasium.envs.registration import load_env_creator

    if isinstance(entry_point, str):
        load_env_creator(entry_point)
    # Only now is it known whether it is one with MuJoCo; others are not to wait for its import.
    if "mujoco" in sys.modules:
        from motrix_core.sim.mujoco_log import log_warnings

        log_warnings()


def _end_with_parent() -> None:
    # A worker waits for the next command on a pipe whose end it notices; in the middle of a step it would not.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
