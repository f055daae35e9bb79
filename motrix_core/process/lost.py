"""Runs that nobody saw the end of: recording that they are over."""

from __future__ import annotations

import os

from motrix_core.errors import RunsFolderError, RunStateError
from motrix_core.process.lock import take_lock
from motrix_core.process.segments import close_lost
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import newest_events
from motrix_core.runs.state import LOST, RunState, write_state

CAUSE = "nobody saw its end: its supervisor was gone, as after a reboot or a kill"


def is_orphaned(state: RunState) -> bool:
    """Whether the run's trainer goes on although nothing supervises it."""
    return state.shown_status == LOST and state.is_process_alive(state.trainer)


def mark_lost(run: Run) -> RunState:
    """Record the end of a lost run: from then on it is `crashed`, and can be continued as before.

    Returns its state. Raises RunStateError for a run that is not lost or whose trainer still runs, RunsFolderError if
    its folder takes nothing.
    """
    try:
        descriptor = take_lock(run)
    except OSError as error:
        raise RunsFolderError(f"{run.path} cannot be written: {error.strerror or error}") from error
    if descriptor is None:
        raise RunStateError(f"run {run.id} is supervised", mend=f"motrix runs stop {run.id} stops it")
    try:
        return _mark(run)
    finally:
        os.close(descriptor)


def _mark(run: Run) -> RunState:
    state = run.state()
    if state.shown_status != LOST:
        raise RunStateError(
            f"run {run.id} is {state.shown_status}, not lost", mend="motrix doctor names those that are"
        )
    if is_orphaned(state):
        raise RunStateError(f"the trainer of run {run.id} still runs", mend=f"motrix runs stop {run.id} stops it")
    segments = close_lost(state.segments)
    marked = state.change(status="crashed", cause=CAUSE, segments=segments, trainer=None, resources={})
    try:
        newest = list(newest_events(run.paths.events).values())[-1:]
        place = newest[0] if newest else {"env_steps": 0, "update": 0}
        backend = segments[-1].backend if segments else run.backend
        data = {"run": str(run.path), "id": run.id, "env": run.env, "backend": backend, "status": "crashed"}
        ended = {**data, "exit_code": None, "cause": CAUSE, "elapsed_s": round(marked.elapsed_s, 3)}
        with EventWriter(run.paths.events) as writer:
            writer.write("run_ended", env_steps=place["env_steps"], update=place["update"], data=ended)
        write_state(run.paths.state, marked)
    except OSError as error:
        raise RunsFolderError(f"{run.path} cannot be written: {error.strerror or error}") from error
    return marked
