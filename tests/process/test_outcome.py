from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from motrix_core.process.outcome import Outcome, Stop, console_tail, judge


def judged(exit_code: int, stop: Stop | None = None, error: dict[str, Any] | None = None, *console: str) -> Outcome:
    return judge(exit_code, stop=stop, error=error, console=list(console))


@pytest.mark.parametrize(
    ("exit_code", "stop", "status"),
    [
        (0, None, "finished"),
        (0, "asked", "finished"),
        (130, None, "stopped"),
        (130, "asked", "stopped"),
        (3, None, "failed"),
        (3, "asked", "failed"),
        (-9, None, "crashed"),
        (-9, "grace over", "stopped"),
        (-9, "killed", "stopped"),
        (-signal.SIGTERM, "asked", "stopped"),
        (-signal.SIGTERM, None, "crashed"),
        (-signal.SIGSEGV, "asked", "crashed"),
    ],
)
def test_status_follows_from_exit_code_and_from_what_was_asked(exit_code: int, stop: Stop, status: str) -> None:
    assert judged(exit_code, stop).status == status


def test_the_cause_of_a_failure_is_the_trainers_own_words() -> None:
    error = {"level": "error", "error": "EnvironmentFailed", "message": "NaN in\x1b[31m sensor"}
    assert judged(3, None, error, "ignored").cause == "EnvironmentFailed: NaN in\\x1b[31m sensor"


@pytest.mark.parametrize(
    ("successor", "stop", "status"),
    [("jax", None, "switched"), ("jax", "asked", "stopped"), ("jax", "killed", "stopped"), (None, None, "failed")],
)
def test_a_hand_over_needs_somebody_to_hand_over_to(successor: str | None, stop: Stop | None, status: str) -> None:
    assert judge(10, stop=stop, error=None, console=[], successor=successor).status == status


def test_without_words_the_cause_is_the_last_line_of_the_log() -> None:
    assert judged(1, None, None, "Traceback", "ImportError: x").cause == "exit code 1: ImportError: x"
    assert judged(1).cause == "exit code 1: it printed nothing"


def test_a_kill_from_outside_names_the_signal_and_hints_at_memory() -> None:
    cause = judged(-9).cause or ""
    assert cause.startswith("crashed (signal 9)") and "memory" in cause
    assert judged(-signal.SIGSEGV).cause == "crashed (signal 11): Segmentation fault"
    assert judged(-63).cause is not None


def test_an_error_with_damaged_fields_is_still_a_cause() -> None:
    assert judged(3, None, {"error": 3, "message": None}).cause == "3: None"


def test_the_tail_of_a_log_begins_after_the_offset_and_is_harmless(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"earlier\n")
    since = log.stat().st_size
    log.write_bytes(b"earlier\n\n\x1b[2Jnow\xff\r50%\r100%\n\n")
    assert console_tail(log, since) == ["\\x1b[2Jnow�", "50%", "100%"]
    log.write_bytes(b"earlier\n" + b"x" * 100_000 + b"\nlast\n")
    assert console_tail(log, since)[-1] == "last"
    assert console_tail(tmp_path / "none") == ["none cannot be read: No such file or directory"]
