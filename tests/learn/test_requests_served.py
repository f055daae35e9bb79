"""What each request does to a session, or why it is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from motrix_core.errors import CheckpointError
from motrix_core.learn.requests import Requests
from motrix_core.runs.control import append_request
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, Segment, write_state


class Session:
    """What `Requests` needs of a session; `full` is a disk that takes no checkpoint."""

    def __init__(self, run: Run) -> None:
        self.run, self.config = run, run.config()
        self.stop = threading.Event()
        self.finished = self.full = False
        self.update = 0
        self.answers: list[dict[str, Any]] = []
        self.saved = 0
        self.adjusted: list[dict[str, float]] = []
        self.requests = Requests(self)  # type: ignore[arg-type]
        self.requests.begin(SimpleNamespace(adjust=lambda **changes: self.adjusted.append(changes)))  # type: ignore[arg-type]

    @property
    def should_stop(self) -> bool:
        return self.requests.stopping or self.stop.is_set()

    def save_checkpoint(self) -> None:
        if self.full:
            raise CheckpointError("no space left", mend="free some")
        self.saved += 1

    def write(self, type: str, data: dict[str, Any]) -> None:
        self.answers.append(data)

    def ask(self, *requests: dict[str, Any]) -> list[tuple[bool, str | None]]:
        for request in requests:
            append_request(self.run, request)
        before = len(self.answers)
        self.requests.serve()
        return [(answer["done"], answer["message"]) for answer in self.answers[before:]]


@pytest.fixture
def session(make_run: Callable[..., Run]) -> Session:
    return Session(make_run("torch"))


def test_set_adjusts_the_trainer(session: Session) -> None:
    assert session.ask({"type": "set", "values": {"ppo.learning_rate": 1e-4, "ppo.ratio_clip": 0.3}}) == [(True, None)]
    assert session.adjusted == [{"learning_rate": 1e-4, "ratio_clip": 0.3}]


def test_what_was_set_before_a_return_is_set_again_after_the_same_updates(session: Session) -> None:
    with EventWriter(session.run.paths.events) as writer:
        for update, values in ((2, {"ppo.ratio_clip": 0.3}), (3, {"ppo.learning_rate": 1e-4})):
            data = {"type": "set", "id": str(update), "done": True, "values": values}
            writer.write("control", env_steps=0, update=update, data=data)
    session.update = 2
    session.requests.take_again()
    assert session.adjusted == [{"ratio_clip": 0.3}]
    session.update = 3
    session.requests.serve()
    session.update = 4
    session.requests.serve()
    assert session.adjusted == [{"ratio_clip": 0.3}, {"learning_rate": 1e-4}]
    assert session.answers == [], "nobody asked again"


def test_what_somebody_sets_now_is_not_undone_by_what_was_set_before(session: Session) -> None:
    data = {"type": "set", "id": "1", "done": True, "values": {"ppo.learning_rate": 1e-4, "ppo.ratio_clip": 0.3}}
    with EventWriter(session.run.paths.events) as writer:
        writer.write("control", env_steps=0, update=3, data=data)
    session.requests.take_again()
    session.update = 2
    assert session.ask({"type": "set", "values": {"ppo.learning_rate": 5e-4}}) == [(True, None)]
    session.update = 3
    session.requests.serve()
    assert session.adjusted == [{"learning_rate": 5e-4}, {"ratio_clip": 0.3}]


def test_a_switch_writes_a_checkpoint_and_ends_this_trainers_part(session: Session) -> None:
    assert session.ask({"type": "switch", "backend": "jax"}) == [(True, None)]
    assert session.saved == 1 and session.should_stop and session.requests.successor == "jax"
    assert session.answers[0]["read"] == session.run.paths.control.stat().st_size


def test_without_a_checkpoint_nothing_is_handed_over_and_training_goes_on(session: Session) -> None:
    session.full = True
    answers = session.ask({"type": "switch", "backend": "jax"}, {"type": "checkpoint"})
    assert answers == [(False, "no space left; free some")] * 2
    assert not session.should_stop and session.requests.successor is None


def test_a_switch_to_the_backend_that_trains_is_refused(session: Session) -> None:
    assert session.ask({"type": "switch", "backend": "torch"}) == [(False, "the run trains on torch already")]
    assert session.saved == 0


def test_a_stop_after_a_switch_is_a_stop(session: Session) -> None:
    answers = session.ask({"type": "switch", "backend": "jax"}, {"type": "pause"}, {"type": "stop"})
    assert answers == [(True, None), (False, "the run is stopping"), (True, None)]
    assert session.requests.stopping and session.requests.successor is None


@pytest.mark.parametrize("kind", ["pause", "switch", "set"])
def test_a_run_that_has_used_up_its_budget_only_ends(session: Session, kind: str) -> None:
    session.finished = True
    extra = {"backend": "jax", "values": {"ppo.ratio_clip": 0.1}}
    assert session.ask({"type": kind, **extra}) == [(False, "the step budget is used up and the run is ending")]
    assert not session.requests.paused


def test_a_paused_run_answers_and_goes_on(session: Session) -> None:
    append_request(session.run, {"type": "pause"})
    waiting = threading.Thread(target=session.requests.serve)
    waiting.start()
    while not session.requests.paused:
        waiting.join(0.01)
    append_request(session.run, {"type": "set", "values": {"ppo.ratio_clip": 0.1}})
    append_request(session.run, {"type": "resume"})
    waiting.join(30)
    assert not waiting.is_alive()
    assert [answer["type"] for answer in session.answers] == ["pause", "set", "resume"]


def test_the_successor_takes_what_its_predecessor_left_unread(make_run: Callable[..., Run]) -> None:
    run = make_run("torch")
    append_request(run, {"type": "stop"})
    read = run.paths.control.stat().st_size
    append_request(run, {"type": "checkpoint"})
    write_state(run.paths.state, RunState(segments=(Segment(1, "torch", 1.0, control_offset=read),)))
    session = Session(run)
    session.requests.serve()
    assert [answer["type"] for answer in session.answers] == ["checkpoint"]
