from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults_support import CHAIN_TRAINER
from process_support import run_cleared_away, trainer_argv

from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with run_cleared_away(tmp_path / "runs", monkeypatch) as made:
        yield made


@pytest.fixture
def start(run: Run) -> Callable[..., Run]:
    """`start(*options, trainer=CHAIN_TRAINER, grace_s=30)`: a supervised run of a fake trainer."""

    def start_fake(*options: str, trainer: Path = CHAIN_TRAINER, grace_s: float = 30.0) -> Run:
        launch(run, trainer_argv=trainer_argv(run, *options, program=trainer), grace_s=grace_s)
        return run

    return start_fake
