"""A clock that somebody sets by an hour while a run is going on: nothing is lost, and durations stay right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from chain_trainer import chain
from faults_support import receipts
from process_support import LIMIT_S, events, eventually

from motrix_core.process.asking import ask
from motrix_core.process.control import request_stop, wait
from motrix_core.runs.layout import Run, list_runs
from motrix_core.runs.series import RunSeries

ROOT = Path(__file__).parents[2]
HOUR_S = 3600.0


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])
def test_a_clock_that_is_set_under_a_run_changes_no_duration_and_no_status(
    by_s: float, start: Callable[..., Run], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "clock"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "tests" / "fakes" / "set_clock"), str(ROOT)]))
    monkeypatch.setenv("MOTRIX_SET_CLOCK", str(setting))
    started, real = time.monotonic(), time.time
    start()
    eventually(lambda: len(receipts(run)) > 20 and run.state().status == "running", "training")
    # Whole at once: they look at any moment.
    (tmp_path / "new").write_text(str(by_s))
    (tmp_path / "new").rename(setting)
    # For us as for everybody on the machine.
    monkeypatch.setattr(time, "time", lambda: real() + by_s)
    seen = len(receipts(run))
    eventually(lambda: len(receipts(run)) > seen + 20, "training on")
    assert run.state().shown_status == "running"
    assert [summary.status for summary in list_runs(run.path.parents[1])] == ["running"]
    assert ask(run, {"type": "checkpoint"})["done"] is True
    request_stop(run)
    state = wait(run, LIMIT_S)
    passed_s = time.monotonic() - started
    assert state.status == "stopped"
    assert 0.0 < state.elapsed_s <= passed_s
    found = events(run)
    times = [event["time"] for event in found]
    assert max(abs(after - before) for before, after in pairwise(times)) > HOUR_S / 2
    series = RunSeries()
    series.extend(found)
    assert 0.0 < series.elapsed_s <= passed_s
    x, _ = series.xy("link", "time")
    assert x.size and (x[1:] >= x[:-1]).all() and x[-1] <= passed_s
    assert events(run, "metrics")[-1]["data"]["link"] == chain(max(receipts(run)))


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])
def test_a_dashboard_whose_clock_is_set_still_knows_which_runs_live(
    by_s: float, start: Callable[..., Run], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    eventually(lambda: run.state().status == "running", "running")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by_s)
    assert run.state().is_live
    request_stop(run, kill=True)
    assert wait(run, LIMIT_S).status == "stopped"
    assert run.state().shown_status == "stopped"
