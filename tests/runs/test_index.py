from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from motrix_core.runs import index as index_module
from motrix_core.runs.index import RunIndex
from motrix_core.runs.layout import Run, list_runs, remove_run
from motrix_core.runs.state import RunState, write_state

MakeRun = Callable[..., Run]


def test_the_index_lists_what_the_list_does(make_run: MakeRun, runs_dir: Path) -> None:
    index = RunIndex(runs_dir)
    assert index.refresh() == []
    first = make_run()
    assert [summary.run for summary in index.refresh()] == [first]
    make_run("pendulum", "torch")
    write_state(first.paths.state, RunState(status="finished"))
    assert index.refresh() == list_runs(runs_dir)
    remove_run(first)
    assert index.refresh() == list_runs(runs_dir)


def test_a_run_that_did_not_change_is_not_read_again(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, changing = make_run(), make_run()
    index = RunIndex(runs_dir)
    index.refresh()
    read: list[Run] = []
    real = Run.state
    monkeypatch.setattr(Run, "state", lambda run: read.append(run) or real(run))
    monkeypatch.setattr(index_module, "summarise", lambda run: pytest.fail(f"{run} was read as a whole"))
    write_state(changing.paths.state, RunState(status="stopped"))
    statuses = {summary.run: summary.status for summary in index.refresh()}
    assert statuses == {quiet: "starting", changing: "stopped"}
    assert read == [changing]


def test_a_state_that_gets_damaged_and_mended_is_noticed(run: Run, runs_dir: Path) -> None:
    index = RunIndex(runs_dir)
    index.refresh()
    run.paths.state.write_text("{")
    (damaged,) = index.refresh()
    assert damaged.status == "unreadable" and "state.json" in str(damaged.problem)
    run.paths.state.unlink()
    assert "missing" in str(index.refresh()[0].problem)
    write_state(run.paths.state, RunState(status="finished"))
    (mended,) = index.refresh()
    assert (mended.status, mended.problem) == ("finished", None)
