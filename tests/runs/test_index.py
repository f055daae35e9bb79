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


def test_runs_that_are_over_are_not_read_at_the_next_start(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WORTHWHILE_RUNS", 2)
    over, live = make_run(), make_run("pendulum")
    write_state(over.paths.state, RunState(status="finished"))
    before = RunIndex(runs_dir).refresh()
    read: list[Run] = []
    real = index_module.summarise
    monkeypatch.setattr(index_module, "summarise", lambda run: read.append(run) or real(run))
    assert RunIndex(runs_dir).refresh() == before
    assert read == [live]


@pytest.mark.parametrize("kept", ["", "[]", '{"format":1,"entries":{"cartpole/x":[1]}}', '{"format":99,"entries":{}}'])
def test_what_is_kept_can_be_deleted_or_damaged(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    monkeypatch.setattr(index_module, "WORTHWHILE_RUNS", 1)
    run = make_run()
    write_state(run.paths.state, RunState(status="finished"))
    RunIndex(runs_dir).refresh()
    assert (runs_dir / ".index.json").exists()
    (runs_dir / ".index.json").write_text(kept)
    assert RunIndex(runs_dir).refresh() == list_runs(runs_dir)


def test_a_run_that_changed_since_it_was_kept_is_read(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WORTHWHILE_RUNS", 1)
    run = make_run()
    write_state(run.paths.state, RunState(status="finished"))
    RunIndex(runs_dir).refresh()
    write_state(run.paths.state, RunState(status="failed", cause="it broke"))
    (summary,) = RunIndex(runs_dir).refresh()
    assert (summary.status, summary.state.cause if summary.state else None) == ("failed", "it broke")
