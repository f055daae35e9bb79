"""What runs in the worker processes of `env.vector=async`, each of which has one environment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from typing import Any


def work(entry_point: str | None, *args: Any) -> None:
    """Gymnasium's own worker, given `args`, in a process that ends when its parent does.

    `entry_point` is "module:Class" of the environment where its spec has that; what else makes environments, Gymnasium
    has put into `args`.
    """
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    # Ctrl-C in a terminal reaches every process in it; the trainer decides what is still to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from gymnasium.vector.async_vector_env import _async_worker

    log_warnings_of_mujoco(entry_point)
    _async_worker(*args)


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
