"""`control.jsonl`: requests to a running trainer, each answered by a `control` event."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from motrix_core.errors import RunsFolderError, RunStateError, UnknownName, UsageError
from motrix_core.runs.events import encode
from motrix_core.runs.files import FILE_MODE
from motrix_core.runs.lines import JsonLineReader

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

RequestType = Literal["stop", "pause", "resume", "checkpoint", "evaluate", "set", "switch"]
REQUEST_TYPES: tuple[str, ...] = get_args(RequestType)
# What `set` may change while training goes on, within the configuration's own bounds.
SETTABLE = ("ppo.learning_rate", "ppo.entropy_loss_scale", "ppo.ratio_clip")
_BACKENDS = ("jax", "torch")
_MAX_ID = 64


def append_request(run: Run, request: Mapping[str, Any]) -> str:
    """Hand `request` to the trainer of `run` and return the request's id, which the answer will carry.

    `request` has a `type` of REQUEST_TYPES; "set" also `values` (path of SETTABLE → number), "switch" also `backend`.
    Raises UsageError for a request that no trainer would take, RunStateError if the run is over, RunsFolderError if
    the file cannot be written.
    """
    problem = request_problem(request)
    if problem is not None:
        raise problem
    state = run.state()
    if state.is_final:
        raise RunStateError(
            f"run {run.id} is {state.status}, so it takes no {request['type']} request",
            mend="motrix runs list shows which runs are going on",
        )
    identifier = secrets.token_hex(6)
    line = encode({**request, "id": identifier, "time": time.time()})
    path = run.paths.control
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            # A newline in front keeps a half line that a full disk left from spoiling this one.
            written = os.write(descriptor, b"\n" + line)
        finally:
            os.close(descriptor)
        if written < len(line) + 1:
            raise OSError(28, "no space left for the request")
    except OSError as error:
        raise RunsFolderError(f"{path} cannot be written: {error.strerror or error}") from error
    return identifier


def request_problem(request: Mapping[str, Any]) -> UsageError | None:
    """What is wrong with `request`, or None."""
    kind = request.get("type")
    if kind not in REQUEST_TYPES:
        return UnknownName("request", str(kind), REQUEST_TYPES)
    if kind == "switch" and request.get("backend") not in _BACKENDS:
        return UnknownName("backend", str(request.get("backend")), _BACKENDS)
    if kind == "set":
        return _values_problem(request.get("values"))
    return None


def _values_problem(values: Any) -> UsageError | None:
    from motrix_core.config.fields import field_at

    if not isinstance(values, Mapping) or not values:
        return UsageError("a set request needs values", mend="for example ppo.learning_rate=3e-4")
    for path, value in values.items():
        if path not in SETTABLE:
            return UnknownName("setting that can change during training", str(path), SETTABLE)
        field = field_at(path)
        lower, upper = field.lower or 0.0, field.upper or 0.0
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not lower <= value <= upper or not math.isfinite(value):
            return UsageError(f"{path}={value!r:.80} {field.rule}")
    return None


def answer(request: Mapping[str, Any], *, done: bool = True, message: str | None = None) -> dict[str, Any]:
    """The `data` of the `control` event that answers `request`: its `id` and `type`, `done`, and why not."""
    given = {key: request[key] for key in ("values", "backend") if key in request}
    return {"id": request["id"], "type": request["type"], "done": done, "message": message, **given}


class ControlReader(JsonLineReader):
    """Reads requests; those that no trainer would take are counted in `corrupt`. `poll` as in JsonLineReader."""

    MAX_LINE = 64 << 10

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._seen: set[str] = set()

    def skip_to_end(self) -> None:
        """Pass over what is in the file: requests to an earlier trainer of this run."""
        while self.poll() or not self.at_end:
            pass

    def accepts(self, value: dict[str, Any]) -> bool:
        identifier = value.get("id")
        if not isinstance(identifier, str) or not 0 < len(identifier) <= _MAX_ID or identifier in self._seen:
            return False
        if request_problem(value) is not None:
            return False
        # A file that is replaced is read again from its beginning, but no request is answered twice.
        self._seen.add(identifier)
        return True
