"""Starting a run's supervisor so that it outlives whoever starts it."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

from motrix_core.child import module_command
from motrix_core.errors import RunsFolderError, RunStateError, TrainingFailed
from motrix_core.process.lock import is_supervised
from motrix_core.process.outcome import console_tail
from motrix_core.process.supervisor import EXIT_ALREADY_SUPERVISED, GRACE_S
from motrix_core.runs.files import FILE_MODE, reserve_room
from motrix_core.runs.identity import Identity
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, write_state

_START_LIMIT_S = 30.0
_POLL_S = 0.02


def launch(
    run: Run,
    *,
    trainer_argv: Sequence[str] | None = None,
    grace_s: float = GRACE_S,
    start_limit_s: float = _START_LIMIT_S,
    backend: str | None = None,
    max_env_steps: int | None = None,
) -> None:
    """Start a supervisor for `run`, and with it a trainer; returns once the supervisor has reported.

    The supervisor has a session of its own, belongs to init and has no pipe to this process: closing the terminal,
    or killing this process, does not touch it. `trainer_argv` is the trainer's command (default: the learning room's),
    `grace_s` the time from TERM to KILL when it is stopped. A run that goes on keeps its last segment's backend and
    budget, unless `backend` or `max_env_steps` name others; config.json stays as it is. Raises RunStateError if the run
    is going on, RunsFolderError if its folder takes nothing, TrainingFailed, with the end of the log, if the supervisor
    cannot be started.
    """
    before = _state_before(run)
    _hold_room(run)
    offset = _console_size(run)
    command = module_command("motrix_core.process.supervisor", "--detach", "--grace-s", str(grace_s))
    command += ["--backend", backend] if backend is not None else []
    command += ["--max-env-steps", str(max_env_steps)] if max_env_steps is not None else []
    command += [str(run.path), *(["--", *trainer_argv] if trainer_argv else [])]
    try:
        console = os.open(run.paths.console, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise RunsFolderError(f"{run.paths.console} cannot be written: {error.strerror or error}") from error
    try:
        starter = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )
    finally:
        os.close(console)
    deadline = time.monotonic() + start_limit_s
    try:
        code = starter.wait(start_limit_s)
    except subprocess.TimeoutExpired:
        starter.kill()
        starter.wait()
        raise _not_started(run, offset, f"it took longer than {start_limit_s:g} s") from None
    if code == EXIT_ALREADY_SUPERVISED:
        raise _going_on(run)
    if code != 0:
        raise _not_started(run, offset, f"exit code {code}")
    while not _has_reported(run, before):
        if not is_supervised(run) and not _has_reported(run, before):
            raise _not_started(run, offset, "it ended without a report")
        if time.monotonic() > deadline:
            raise _silent(run, start_limit_s)
        time.sleep(_POLL_S)


def _state_before(run: Run) -> Identity | None:
    """The supervisor that the run had before. Raises RunStateError if one of its processes is still there."""
    try:
        state = run.state()
    except RunsFolderError:
        # Damaged: the supervisor writes it anew, and its lock still keeps a second one away.
        return None
    if state.supervisor is not None and state.is_live:
        raise _going_on(run)
    if state.is_process_alive(state.trainer):
        raise RunStateError(
            f"the trainer of run {run.id} has lost its supervisor and is still ending", mend="try again in 10 s"
        )
    return state.supervisor


def _going_on(run: Run) -> RunStateError:
    return RunStateError(f"run {run.id} is going on already", mend=f"motrix runs stop {run.id} stops it")


def _hold_room(run: Run) -> None:
    """Refuse a full disk and a folder that is read-only while the run is as it was before.

    The supervisor makes sure of the room once more.
    """
    try:
        if not os.access(run.path, os.W_OK | os.X_OK):
            # The room may still be held since then.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        reserve_room(run.paths.reserve)
    except OSError as error:
        raise RunsFolderError(
            f"run {run.id} cannot be started: {run.path} takes no file: {error.strerror or error}",
            mend="free space there, or check who owns the folder",
        ) from error


def _silent(run: Run, limit_s: float) -> TrainingFailed:
    return TrainingFailed(
        f"the supervisor of run {run.id} is there, but has not reported within {limit_s:g} s; training may still begin",
        mend=f"motrix runs show {run.id} says what became of it",
    )


def _has_reported(run: Run, before: Identity | None) -> bool:
    try:
        supervisor = run.state().supervisor
    except RunsFolderError:
        return False
    return supervisor is not None and supervisor != before


def _not_started(run: Run, offset: int, reason: str) -> TrainingFailed:
    lines = console_tail(run.paths.console, offset)
    cause = f"the supervisor of run {run.id} did not start: {reason}"
    segments = ()
    with suppress(RunsFolderError):
        segments = run.state().segments
    with suppress(OSError):
        # Without this the run would look as if it were about to start.
        write_state(run.paths.state, RunState(status="failed", cause=cause, segments=segments))
    return TrainingFailed("\n".join([cause, *(f"  {line}" for line in lines)]), mend=f"see {run.paths.console}")


def _console_size(run: Run) -> int:
    try:
        return run.paths.console.stat().st_size
    except OSError:
        return 0
