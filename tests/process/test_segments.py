"""One run over several trainers: continued, and switched in the middle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest
from process_support import LIMIT_S, events, eventually, processes_of, trainer_argv

from motrix_core.errors import RunStateError
from motrix_core.process.asking import ask
from motrix_core.process.control import request_stop, wait
from motrix_core.process.launch import launch
from motrix_core.process.segments import close_lost, next_segment
from motrix_core.runs.control import append_request
from motrix_core.runs.layout import Run
from motrix_core.runs.state import Segment

Start = Callable[..., Run]
CONFIG = {"backend": "jax", "ppo": {"max_env_steps": 100}}


def until_running(run: Run) -> None:
    eventually(lambda: run.state().shown_status == "running", "running")


def switch(run: Run, backend: str) -> None:
    ask(run, {"type": "switch", "backend": backend}, timeout_s=LIMIT_S)


def test_a_segment_takes_over_what_is_not_changed_for_it() -> None:
    first = next_segment((), CONFIG)
    assert (first.index, first.backend, first.max_env_steps) == (0, "jax", 100)
    second = next_segment((first,), CONFIG, backend="torch", max_env_steps=200)
    third = next_segment((first, second), CONFIG, control_offset=7)
    assert (third.index, third.backend, third.max_env_steps, third.control_offset) == (2, "torch", 200, 7)


def test_a_segment_whose_end_nobody_saw_is_lost() -> None:
    open_ended = Segment(1, "jax", 10.0, elapsed_s=5.0)
    ended = replace(open_ended, index=0, ended_at=12.0, status="stopped")
    kept, lost = close_lost((ended, open_ended))
    assert kept == ended
    assert (lost.status, lost.ended_at) == ("lost", 15.0) and lost.cause


def test_a_switch_starts_another_trainer_under_the_same_supervisor(start: Start) -> None:
    run = start("--obey")
    until_running(run)
    supervisor = run.state().supervisor
    switch(run, "jax")
    eventually(lambda: len(run.state().segments) == 2 and run.state().shown_status == "running", "running again")
    state = run.state()
    assert state.supervisor == supervisor
    assert [(segment.backend, segment.status) for segment in state.segments] == [
        ("torch", "switched"),
        ("jax", "running"),
    ]
    assert run.current_config().backend == "jax" and run.config().backend == "torch"
    request_stop(run)
    assert wait(run, LIMIT_S).status == "stopped"
    kinds = [event["type"] for event in events(run) if event["type"] not in ("metrics", "control")]
    assert kinds == ["run_started", "segment_started", "segment_ended", "segment_started", "segment_ended", "run_ended"]
    assert [event["data"]["backend"] for event in events(run, "segment_started")] == ["torch", "jax"]
    assert events(run, "run_ended")[0]["data"]["backend"] == "jax"


def test_a_run_can_be_switched_back_and_forth(start: Start) -> None:
    run = start("--obey")
    supervisor = run.state().supervisor
    assert supervisor is not None
    until_running(run)
    open_files = psutil.Process(supervisor.pid).num_fds()
    for number, backend in enumerate(("jax", "torch", "jax"), start=2):
        until_running(run)
        switch(run, backend)
        eventually(lambda number=number: len(run.state().segments) == number, "switched")
    until_running(run)
    # Each trainer has a lifeline of its own, and takes it along.
    eventually(lambda: psutil.Process(supervisor.pid).num_fds() <= open_files, "closed")
    request_stop(run)
    assert [segment.backend for segment in wait(run, LIMIT_S).segments] == ["torch", "jax", "torch", "jax"]


def test_what_is_asked_during_a_switch_is_asked_of_the_new_trainer(start: Start) -> None:
    run = start("--obey")
    until_running(run)
    asked = append_request(run, {"type": "switch", "backend": "jax"})
    eventually(lambda: events(run, "control"), "answered")
    # The old trainer reads no more; the new one is not there yet.
    later = append_request(run, {"type": "checkpoint"})
    eventually(lambda: len(events(run, "control")) == 2, "answered too")
    assert [event["data"]["id"] for event in events(run, "control")] == [asked, later]
    request_stop(run, kill=True)
    wait(run, LIMIT_S)


def test_a_backend_that_does_not_start_ends_the_run_with_its_cause(start: Start) -> None:
    run = start("--obey", "--fails-on", "jax")
    until_running(run)
    switch(run, "jax")
    state = wait(run, LIMIT_S)
    assert (state.status, state.cause) == ("failed", "BackendUnusable: no such library")
    assert [segment.status for segment in state.segments] == ["switched", "failed"]


def test_a_stop_during_a_switch_starts_nothing_that_stays(start: Start) -> None:
    run = start("--obey")
    until_running(run)
    append_request(run, {"type": "switch", "backend": "jax"})
    request_stop(run)
    assert wait(run, LIMIT_S).status == "stopped"
    me = psutil.Process()
    assert eventually(lambda: [left for left in processes_of(run) if left != me] == [], "gone") is True


def test_a_trainer_that_leaves_for_another_without_having_agreed_has_failed(start: Start) -> None:
    run = start("--events", "1", "--exit-code", "10")
    state = wait(run, LIMIT_S)
    assert (state.status, state.exit_code) == ("failed", 10)


def test_a_run_that_goes_on_keeps_backend_and_budget_unless_told(run: Run) -> None:
    for changes in ({"backend": "jax", "max_env_steps": 500}, {}):
        launch(run, trainer_argv=trainer_argv(run, "--events", "1"), **changes)
        wait(run, LIMIT_S)
    assert [(segment.backend, segment.max_env_steps) for segment in run.state().segments] == [("jax", 500)] * 2
    assert [event["data"]["max_env_steps"] for event in events(run, "segment_started")] == [500, 500]
    config = run.current_config()
    assert (config.backend, config.ppo.max_env_steps) == ("jax", 500)
    assert [event["data"]["backend"] for event in events(run, "run_started")] == ["jax", "jax"]


def test_requests_to_an_earlier_trainer_are_not_for_the_next(start: Start) -> None:
    run = start("--obey")
    until_running(run)
    ask(run, {"type": "checkpoint"}, timeout_s=LIMIT_S)
    state = run.state()
    assert state.supervisor is not None and state.trainer is not None
    # Asked of a trainer that is killed before it can answer.
    os.kill(state.trainer.pid, signal.SIGSTOP)
    append_request(run, {"type": "stop"})
    os.kill(state.trainer.pid, signal.SIGKILL)
    wait(run, LIMIT_S)
    start("--obey")
    ask(run, {"type": "pause"}, timeout_s=LIMIT_S)
    assert [event["data"]["type"] for event in events(run, "control")] == ["checkpoint", "pause"]
    request_stop(run, kill=True)
    wait(run, LIMIT_S)


def test_a_segment_that_was_lost_is_closed_when_the_run_goes_on(start: Start) -> None:
    run = start("--lifeline")
    until_running(run)
    state = run.state()
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: run.state().shown_status == "lost" and not run.state().is_process_alive(state.trainer), "lost")
    start("--events", "1")
    assert [segment.status for segment in wait(run, LIMIT_S).segments] == ["lost", "finished"]


def test_waiting_for_an_answer_can_be_left(start: Start) -> None:
    run = start()
    until_running(run)
    left = threading.Event()
    left.set()
    with pytest.raises(RunStateError, match="has not answered"):
        ask(run, {"type": "pause"}, cancelled=left)
    request_stop(run, kill=True)
    wait(run, LIMIT_S)
