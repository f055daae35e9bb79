"""The list of a long runs folder is kept by the supervisors of its runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from process_support import eventually

from motrix_core.config.schema import RunConfig
from motrix_core.process import supervisor
from motrix_core.process.lock import is_supervised
from motrix_core.runs.cache import WORTHWHILE_RUNS, key_of
from motrix_core.runs.layout import Run, create_run


def test_a_run_that_ends_in_a_long_folder_is_in_the_list_of_the_next_start(
    run: Run, start: Callable[..., object]
) -> None:
    runs_dir = run.path.parent.parent
    for _ in range(WORTHWHILE_RUNS - 1):
        create_run(RunConfig(env="cartpole", backend="torch"), runs_dir, extra={})
    start("--events", "1")
    kept = runs_dir / ".index.json"
    eventually(kept.exists, "the kept list")
    assert key_of(run) in json.loads(kept.read_text())["entries"]


def test_a_run_that_has_ended_can_go_on_while_its_supervisor_still_keeps_the_list(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervised: list[bool] = []

    class Index:
        def __init__(self, runs_dir: Path) -> None:
            assert runs_dir == run.path.parent.parent

        def refresh(self) -> None:
            supervised.append(is_supervised(run))

    monkeypatch.setattr(supervisor, "RunIndex", Index)
    monkeypatch.setattr(supervisor, "adopt_orphans", lambda: None)
    monkeypatch.setattr(supervisor.Supervisor, "supervise", lambda _: supervised.append(is_supervised(run)))
    assert supervisor.main([str(run.path)]) == 0
    assert supervised == [True, False]
