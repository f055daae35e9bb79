"""Stopping a run, and waiting for its end."""

from __future__ import annotations

import signal
import time

from motrix_core.errors import RunStateError
from motrix_core.process.identity import send_signal
from motrix_core.process.lost import is_orphaned
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState
from motrix_core.runs.text import plain

_POLL_S = 0.05


def request_stop(run: Run, *, kill: bool = False) -> None:
    """Ask for the end of `run` and return at once: after a final checkpoint, or with `kill` immediately.

    The supervisor does it; a trainer whose supervisor is gone is signalled itself. Raises RunStateError if nothing of
    the run is left to stop, or if it is another host's or another user's.
    """
    state = run.state()
    if state.is_final:
        raise RunStateError(f"run {run.id} is {state.status} already", mend="there is nothing to stop")
    if not state.is_here:
        host = plain(state.host, limit=80)
        raise RunStateError(f"run {run.id} is on host {host}", mend=f"type this command on {host}")
    number = signal.SIGUSR1 if kill else signal.SIGTERM
    try:
        if state.supervisor is not None and send_signal(state.supervisor, state.boot_id, number):
            return
        number = signal.SIGKILL if kill else signal.SIGTERM
        if state.trainer is not None and send_signal(state.trainer, state.boot_id, number):
            return
    except PermissionError:
        raise RunStateError(f"run {run.id} is another user's", mend="ask that user to stop it") from None
    if run.state().is_final:
        return
    raise RunStateError(f"run {run.id} is lost: its processes are gone", mend="its checkpoints can be resumed")


def wait(run: Run, timeout_s: float | None = None) -> RunState:
    """The state of `run` once it is over, or lost with its trainer gone too, so that it can be continued.

    Raises TimeoutError if it still goes on after `timeout_s`.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        state = run.state()
        if not (state.is_live or is_orphaned(state)):
            return state
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError(f"run {run.id} is still {state.status} after {timeout_s:g} s")
        time.sleep(_POLL_S)
