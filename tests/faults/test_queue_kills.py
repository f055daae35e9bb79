"""The queue's worker is killed in the middle: nothing that waits is lost, and nothing is started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from process_support import FAKE_TRAINER, LIMIT_S, events, processes_of

from motrix_core.config.schema import RunConfig
from motrix_core.process.queue import is_worked_off
from motrix_core.runs.layout import list_runs
from motrix_core.runs.queue import change_queue, read_queue

WORKER = """
import os, signal, sys
from pathlib import Path

from motrix_core.process import queue
from motrix_core.process.launch import launch

folder, trainer, killed = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
make = queue.create_run

def die_if(now):
    if killed == now:
        os.kill(os.getpid(), signal.SIGKILL)

def made(*args, **kwargs):
    die_if("claimed")
    return make(*args, **kwargs)

def start(run):
    die_if("made")
    launch(run, trainer_argv=[sys.executable, trainer, str(run.path)])
    die_if("started")

queue.create_run = made
queue.work_off(folder, start=start, wait=lambda: None)
"""


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Path]:
    """A runs folder with two launches that wait and may run at once; whatever comes of them is ended."""
    runs_dir = tmp_path / "runs"
    for env in ("pendulum", "acrobot"):
        record = RunConfig(env=env, backend="torch", sim="none").model_dump(mode="json")
        change_queue(runs_dir, lambda queue, record=record: queue.with_entry(record, {}).running(2))
    yield runs_dir
    for summary in list_runs(runs_dir):
        while left := [process for process in processes_of(summary.run) if process.pid != os.getpid()]:
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=10)


def work(runs_dir: Path, *, killed: str) -> int:
    argv = [sys.executable, "-c", WORKER, str(runs_dir), str(FAKE_TRAINER), killed]
    return subprocess.run(argv, check=False, timeout=LIMIT_S).returncode


@pytest.mark.parametrize("killed", ["claimed", "made", "started"])
def test_a_worker_that_was_killed_leaves_nothing_to_be_started_twice(waiting: Path, killed: str) -> None:
    assert work(waiting, killed=killed) == -signal.SIGKILL
    assert not is_worked_off(waiting)
    first = read_queue(waiting).entries[0]
    assert first.run is not None and first.config["env"] == "pendulum"

    assert work(waiting, killed="never") == 0
    runs = [summary.run for summary in list_runs(waiting)]
    assert sorted(run.env for run in runs) == ["acrobot", "pendulum"]
    assert [len(events(run, "run_started")) for run in runs] == [1, 1]
    assert not read_queue(waiting).entries
    made = next(run for run in runs if run.env == "pendulum")
    if killed != "claimed":
        assert f"pendulum/{made.id}" == first.run


def test_an_entry_that_was_killed_again_and_again_is_still_started_once(waiting: Path) -> None:
    for killed in ("claimed", "made", "claimed", "made"):
        assert work(waiting, killed=killed) == -signal.SIGKILL
    assert work(waiting, killed="never") == 0
    runs = [summary.run for summary in list_runs(waiting)]
    assert sorted(run.env for run in runs) == ["acrobot", "pendulum"]
    assert [len(events(run, "run_started")) for run in runs] == [1, 1]
