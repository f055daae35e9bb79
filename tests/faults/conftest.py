from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from faults_support import CHAIN_TRAINER
from process_support import processes_of, trainer_argv

from motrix_core.config.schema import RunConfig
from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run, create_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    made = create_run(RunConfig(env="pendulum", backend="torch"), tmp_path / "runs", extra={})
    # Inherited by whatever the run starts, so that processes_of finds helpers too.
    monkeypatch.setenv("MOTRIX_TEST_RUN", str(made.path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    yield made
    while left := [process for process in processes_of(made) if process.pid != os.getpid()]:
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=10)


@pytest.fixture
def start(run: Run) -> Callable[..., Run]:
    """`start(*options, trainer=CHAIN_TRAINER, grace_s=30)`: a supervised run of a fake trainer."""

    def start_fake(*options: str, trainer: Path = CHAIN_TRAINER, grace_s: float = 30.0) -> Run:
        launch(run, trainer_argv=trainer_argv(run, *options, program=trainer), grace_s=grace_s)
        return run

    return start_fake
