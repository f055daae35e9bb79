"""How a trainer ended, and why, as people want to read it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from motrix_core.runs.text import plain

EXIT_FINISHED = 0
EXIT_FAILED = 3
EXIT_STOPPED = 130
EXIT_SWITCHED = 10

SWITCHED = "switched"

_TAIL_BYTES = 16 << 10
_TAIL_LINES = 20
_CAUSE_LENGTH = 500

Stop = Literal["asked", "grace over", "killed"]


@dataclass(frozen=True)
class Outcome:
    """`status` is a final status of a run, or SWITCHED: then another trainer goes on with it.

    `exit_code` is negative for the signal that ended the trainer.
    """

    status: str
    exit_code: int | None
    cause: str | None = None


def judge(
    exit_code: int,
    *,
    stop: Stop | None,
    error: dict[str, Any] | None,
    console: list[str],
    successor: str | None = None,
) -> Outcome:
    """What became of a trainer.

    `stop` is what the supervisor did to end it, `error` the data of its last `warning` event of level "error",
    `console` the last lines of its output, `successor` the backend that it has agreed to hand over to.
    """
    if stop == "killed":
        return Outcome("stopped", exit_code, "killed on request, without a final checkpoint")
    if stop == "grace over":
        return Outcome("stopped", exit_code, "killed, because it did not stop in time; no final checkpoint")
    if exit_code == EXIT_FINISHED:
        return Outcome("finished", exit_code)
    if exit_code == EXIT_STOPPED:
        return Outcome("stopped", exit_code)
    if exit_code == EXIT_SWITCHED and successor is not None:
        return Outcome("stopped" if stop else SWITCHED, exit_code)
    if stop == "asked" and exit_code == -signal.SIGTERM:
        return Outcome("stopped", exit_code, "stopped before training had begun")
    if exit_code < 0:
        return Outcome("crashed", exit_code, _signal_cause(-exit_code))
    if error is not None:
        name, message = plain(error.get("error", "error")), plain(error.get("message", ""))
        return Outcome("failed", exit_code, f"{name}: {message}"[:_CAUSE_LENGTH])
    last = console[-1] if console else "it printed nothing"
    return Outcome("failed", exit_code, f"exit code {exit_code}: {last}"[:_CAUSE_LENGTH])


def _signal_cause(number: int) -> str:
    cause = f"crashed (signal {number})"
    if number == signal.SIGKILL:
        return f"{cause}: killed from outside, possibly because memory ran out"
    try:
        return f"{cause}: {signal.strsignal(number) or 'unknown signal'}"
    except ValueError:
        return cause


def console_tail(path: Path, since: int = 0) -> list[str]:
    """The last lines that are not blank which `path` got after offset `since`, made safe to show."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(min(since, size), size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError as error:
        return [f"{path.name} cannot be read: {error.strerror or error}"]
    lines = [plain(line.rstrip(), limit=_CAUSE_LENGTH) for line in text.splitlines()]
    return [line for line in lines if line.strip()][-_TAIL_LINES:]
