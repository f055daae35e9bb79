from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
from process_support import eventually

from motrix_core.config.schema import RunConfig
from motrix_core.errors import RunsFolderError, TrainingFailed
from motrix_core.process import queue as queue_process
from motrix_core.process.queue import is_worked_off, start_worker, work_off
from motrix_core.runs.identity import identity_of
from motrix_core.runs.layout import Run, create_run, list_runs
from motrix_core.runs.queue import Queue, change_queue, folder, open_lock, read_queue
from motrix_core.runs.state import RunState, write_state


def config(env: str = "pendulum") -> dict[str, Any]:
    return RunConfig(env=env, backend="torch", sim="none").model_dump(mode="json")


def enqueue(runs_dir: Path, *envs: str) -> Queue:
    for env in envs:
        change_queue(runs_dir, lambda queue, env=env: queue.with_entry(config(env), {"hardware": None}))
    return read_queue(runs_dir)


def names(queue: Queue) -> list[str]:
    return [entry.config["env"] for entry in queue.entries]


def finish(run: Run) -> None:
    write_state(run.paths.state, RunState(status="finished"))


class Trainers:
    """Starts runs that are live for as long as a test wants; `most` is how many were so at a time."""

    def __init__(self) -> None:
        self.live: list[Run] = []
        self.started: list[str] = []
        self.most = 0

    def start(self, run: Run) -> None:
        write_state(run.paths.state, RunState(status="running", supervisor=identity_of(os.getpid())))
        self.live.append(run)
        self.started.append(run.env)
        self.most = max(self.most, len(self.live))

    def finish_one(self) -> None:
        if self.live:
            finish(self.live.pop(0))


def test_what_is_added_is_there_in_its_order(tmp_path: Path) -> None:
    assert read_queue(tmp_path) == Queue()
    assert names(enqueue(tmp_path, "a", "b", "c")) == ["a", "b", "c"]


def test_entries_move_and_the_ends_hold_them(tmp_path: Path) -> None:
    queue = enqueue(tmp_path, "a", "b", "c")
    last = queue.entries[2].id
    assert names(queue.moved(last, -1)) == ["a", "c", "b"]
    assert names(queue.moved(last, -9)) == ["c", "a", "b"]
    assert queue.moved(last, 1) == queue == queue.moved("gone", 1)
    assert names(queue.without(last)) == ["a", "b"]


@pytest.mark.parametrize(("wanted", "kept"), [(0, 1), (3, 3), (99, 16)])
def test_at_least_one_run_at_a_time_and_not_too_many(wanted: int, kept: int) -> None:
    assert Queue().running(wanted).at_once == kept


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"entries": [{"id": "a", "config": 3}], "at_once": 1}',
        '{"entries": [{"id": "a", "config": {}, "run": "../elsewhere"}], "at_once": 1}',
        '{"entries": [{"id": "a", "config": {}, "run": 3}], "at_once": 1}',
        '{"entries": []}',
    ],
)
def test_a_damaged_queue_is_named_and_not_written_over(tmp_path: Path, text: str) -> None:
    folder(tmp_path).mkdir()
    path = folder(tmp_path) / "queue.json"
    path.write_text(text)
    with pytest.raises(RunsFolderError, match=r"queue\.json"):
        change_queue(tmp_path, lambda queue: queue.running(2))
    assert path.read_text() == text


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_worker_starts_all_in_order_and_never_more_than_were_allowed(tmp_path: Path, at_once: int) -> None:
    enqueue(tmp_path, "pendulum", "acrobot", "mountain-car")
    change_queue(tmp_path, lambda queue: queue.running(at_once))
    trainers = Trainers()
    assert work_off(tmp_path, start=trainers.start, wait=trainers.finish_one)
    assert trainers.started == ["pendulum", "acrobot", "mountain-car"]
    assert trainers.most == at_once
    assert not read_queue(tmp_path).entries and not is_worked_off(tmp_path)


def test_a_run_that_was_started_otherwise_takes_a_place(tmp_path: Path) -> None:
    trainers = Trainers()
    enqueue(tmp_path, "pendulum")
    work_off(tmp_path, start=trainers.start, wait=lambda: None)
    enqueue(tmp_path, "acrobot")
    looks: list[list[str]] = []

    def wait() -> None:
        looks.append(list(trainers.started))
        if len(looks) == 3:
            trainers.finish_one()

    work_off(tmp_path, start=trainers.start, wait=wait)
    assert looks[:3] == [["pendulum"]] * 3 and trainers.started == ["pendulum", "acrobot"]


def test_what_cannot_be_started_stays_with_the_reason_and_the_next_has_its_turn(tmp_path: Path) -> None:
    enqueue(tmp_path, "pendulum", "acrobot")
    trainers = Trainers()

    def start(run: Run) -> None:
        if run.env == "pendulum":
            finish(run)
            raise TrainingFailed("no room on the GPU")
        trainers.start(run)

    work_off(tmp_path, start=start, wait=trainers.finish_one)
    (left,) = read_queue(tmp_path).entries
    assert left.problem is not None and "no room" in left.problem and trainers.started == ["acrobot"]
    assert not read_queue(tmp_path).waiting and read_queue(tmp_path).retried().waiting


def test_a_configuration_that_is_no_longer_valid_is_kept_and_named(tmp_path: Path) -> None:
    change_queue(tmp_path, lambda queue: queue.with_entry({**config(), "gone": 1}, {}))
    work_off(tmp_path, wait=lambda: None)
    (left,) = read_queue(tmp_path).entries
    assert left.problem is not None and "gone" in left.problem and not list_runs(tmp_path)


def test_there_is_one_worker_at_a_time(tmp_path: Path) -> None:
    enqueue(tmp_path, "pendulum")
    descriptor = open_lock(tmp_path, "worker.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert is_worked_off(tmp_path) and not work_off(tmp_path)
    finally:
        os.close(descriptor)
    assert not is_worked_off(tmp_path) and len(read_queue(tmp_path).entries) == 1


def test_what_is_taken_out_of_the_queue_while_the_worker_reads_it_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(tmp_path, "pendulum")
    trainers = Trainers()
    place = queue_process.free_run_id

    def removed_meanwhile(*args: Any) -> str:
        change_queue(tmp_path, lambda queue: queue.without(queue.entries[0].id))
        return place(*args)

    monkeypatch.setattr(queue_process, "free_run_id", removed_meanwhile)
    work_off(tmp_path, start=trainers.start, wait=lambda: None)
    assert not trainers.started and not list_runs(tmp_path)


def test_a_claim_on_a_run_that_was_deleted_since_is_let_go(tmp_path: Path) -> None:
    (entry,) = enqueue(tmp_path, "pendulum").entries
    change_queue(tmp_path, lambda queue: queue.claimed(entry.id, "pendulum/20260101-000000-torch-abcd"))
    trainers = Trainers()
    work_off(tmp_path, start=trainers.start, wait=trainers.finish_one)
    assert trainers.started == ["pendulum"] and not read_queue(tmp_path).entries


def test_a_claimed_run_that_has_trained_already_is_not_started_again(tmp_path: Path) -> None:
    (entry,) = enqueue(tmp_path, "pendulum").entries
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path, extra={})
    change_queue(tmp_path, lambda queue: queue.claimed(entry.id, f"pendulum/{run.id}"))
    write_state(run.paths.state, RunState(status="finished", supervisor=identity_of(os.getpid())))
    trainers = Trainers()
    work_off(tmp_path, start=trainers.start, wait=lambda: None)
    assert not trainers.started and not read_queue(tmp_path).entries


@pytest.mark.real
def test_a_detached_worker_works_the_queue_off_and_ends(tmp_path: Path) -> None:
    change_queue(tmp_path, lambda queue: queue.with_entry({**config(), "gone": 1}, {}))
    start_worker(tmp_path)
    # The worker holds its lock for as long as it lives, or has ended before we ask.
    eventually(lambda: not read_queue(tmp_path).waiting and not is_worked_off(tmp_path), "the worker ends")
    assert read_queue(tmp_path).entries[0].problem is not None
