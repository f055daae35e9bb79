"""What the tests of supervised runs share."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.reader import EventReader

FAKE_TRAINER = Path(__file__).parents[1] / "fakes" / "fake_trainer.py"
LIMIT_S = 300.0


def eventually(condition: Callable[[], Any], what: str = "") -> Any:
    """The first true value of `condition`; fails if there is none before the limit."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"still not {what or condition}"
        time.sleep(0.02)


def events(run: Run, *kinds: str) -> list[dict[str, Any]]:
    reader = EventReader(run.paths.events)
    found = reader.poll()
    while not reader.at_end:
        found += reader.poll()
    return [event for event in found if not kinds or event["type"] in kinds]


def processes_of(run: Run) -> list[psutil.Process]:
    """Every process that has the run's folder in its command or environment: its supervisor, trainer and helpers."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(run.path) in word for word in [*process.cmdline(), *process.environ().values()]):
                found.append(process)
        except psutil.Error:
            continue
    return found


def trainer_argv(run: Run, *options: str, program: Path = FAKE_TRAINER) -> list[str]:
    return [sys.executable, str(program), str(run.path), *options]


@contextmanager
def run_cleared_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A new run below `folder`; whatever was started for it is killed at the end."""
    made = create_run(RunConfig(env="pendulum", backend="torch"), folder, extra={})
    # Inherited by whatever the run starts, so that processes_of finds helpers too.
    monkeypatch.setenv("MOTRIX_TEST_RUN", str(made.path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    yield made
    # Again until none is left: a supervisor may have been about to start its trainer.
    while left := [process for process in processes_of(made) if process.pid != os.getpid()]:
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)
