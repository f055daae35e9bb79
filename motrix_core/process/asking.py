"""Asking a live run for something, and waiting for its answer: one way for the command line and the dashboard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motrix_core.errors import ConfigError, Problem, RunsFolderError, RunStateError
from motrix_core.process.resume import check_backend
from motrix_core.runs.control import SETTABLE, append_request, request_problem
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import EventReader
from motrix_core.runs.state import LOST
from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig

ANSWER_LIMIT_S = 60.0
_POLL_S = 0.02


def ask(
    run: Run,
    request: Mapping[str, Any],
    *,
    timeout_s: float = ANSWER_LIMIT_S,
    cancelled: threading.Event | None = None,
) -> dict[str, Any]:
    """Hand `request` (as `append_request` takes it) to the trainer of `run` and return the data of its answer.

    A trainer answers after its current rollout; one that is still starting, once it has started. Raises RunStateError
    if the run is not live, ends without an answer, refuses (with its reason), or has not answered after `timeout_s`
    seconds or when `cancelled` is set; UsageError for a request that no trainer would take.
    """
    check_live(run, str(request.get("type")))
    reader = EventReader(run.paths.events)
    reader.start_after(_size(run))
    identifier = append_request(run, request)
    deadline = time.monotonic() + timeout_s
    waiting = cancelled or threading.Event()
    while True:
        # Looked at before the events: an answer that a run gave before it ended is then never missed.
        over = not run.state().is_live
        answer = _answer_to(identifier, reader)
        if answer is not None:
            break
        if over:
            raise RunStateError(f"run {run.id} ended ({run.state().shown_status}) before it took the request")
        if waiting.is_set() or time.monotonic() > deadline:
            raise RunStateError(
                f"run {run.id} has not answered within {timeout_s:g} s",
                mend=f"it takes the request after its current rollout; motrix runs show {run.id} shows what it does",
            )
        waiting.wait(_POLL_S)
    if answer.get("done") is not True:
        reason = plain(answer.get("message") or "it gave no reason", limit=400)
        raise RunStateError(f"run {run.id} refused to {request['type']}: {reason}")
    return answer


def check_live(run: Run, verb: str) -> None:
    """Raises RunStateError, with the mend, unless `run` has a trainer that could be asked to `verb`."""
    state = run.state()
    if state.is_live:
        return
    what = "its processes are gone" if state.shown_status == LOST else "nothing trains it"
    raise RunStateError(
        f"run {run.id} is {state.shown_status}: {what}, so it cannot {verb}",
        mend=f"motrix run --resume {run.id} continues it",
    )


def _answer_to(identifier: str, reader: EventReader) -> dict[str, Any] | None:
    try:
        events = reader.poll()
    except OSError as error:
        raise RunsFolderError(f"{reader.path} cannot be read: {error.strerror or error}") from error
    for event in events:
        if event["type"] == "control" and event["data"].get("id") == identifier:
            return event["data"]
    return None


def _size(run: Run) -> int:
    try:
        return run.paths.events.stat().st_size
    except OSError:
        return 0


def switch(
    run: Run,
    backend: str,
    *,
    check: Callable[[RunConfig, str], None] = check_backend,
    timeout_s: float = ANSWER_LIMIT_S,
    cancelled: threading.Event | None = None,
) -> dict[str, Any]:
    """Ask a live `run` to hand over to `backend` after a checkpoint; returns the answer.

    A backend that cannot be used here is refused before anything is asked: `check` raises BackendUnusable then. Other
    errors as in `ask`.
    """
    request = {"type": "switch", "backend": backend}
    if (problem := request_problem(request)) is not None:
        raise problem
    state = run.state()
    if not state.is_live:
        raise RunStateError(
            f"run {run.id} is {state.shown_status}, so nothing of it can be switched",
            mend=f"motrix run --resume {run.id} --backend {backend} continues it on {backend}",
        )
    if state.segment is not None and state.segment.backend == backend:
        raise RunStateError(f"run {run.id} trains on {backend} already", mend="motrix runs list shows the backends")
    check(run.config(), backend)
    return ask(run, request, timeout_s=timeout_s, cancelled=cancelled)


def read_settings(texts: Iterable[tuple[str, str]]) -> dict[str, float]:
    """What a `set` request takes, from pairs of key and text; "learning_rate" is short for "ppo.learning_rate".

    Raises ConfigError with every problem at once.
    """
    from motrix_core.config.fields import field_at
    from motrix_core.config.text import InvalidValue, parse_value

    values: dict[str, float] = {}
    problems: list[Problem] = []
    for key, text in texts:
        path = key if "." in key else f"ppo.{key}"
        if path not in SETTABLE:
            mend = f"these can: {', '.join(name.removeprefix('ppo.') for name in SETTABLE)}"
            problems.append(Problem(plain(key, limit=80), plain(text, limit=80), "cannot change during training", mend))
            continue
        try:
            values[path] = float(parse_value(field_at(path), text))
        except InvalidValue as error:
            problems.append(Problem(path, plain(text, limit=80), error.rule, error.mend))
    if problems:
        raise ConfigError(problems)
    return values
