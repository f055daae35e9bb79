"""Cadence, control and failures, in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from learn_doubles import Breaking, Chain, events_of

from motrix_core.errors import RunsFolderError, TrainingFailed
from motrix_core.learn import __main__ as process
from motrix_core.learn import session as session_module
from motrix_core.learn.backend import UpdateReport
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import AgentState, ModelSpec, required_shapes
from motrix_core.learn.world import World
from motrix_core.process import outcome
from motrix_core.runs import checkpoints
from motrix_core.runs.control import append_request
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run
from motrix_core.sim import threads

REPORT = UpdateReport(0.1, 0.2, 0.0, 0.01, None, 1.0, 1.4, 0.5, 1e-3, None)


class FakeTrainer:
    """Learns nothing; `after` maps an update's number to what happens before it."""

    spec = ModelSpec(1, 1, (2,), (2,), False)
    device = "cpu"

    def __init__(self, session: TrainSession, *, after: dict[int, Callable[[], Any]] | None = None) -> None:
        self.session, self.after = session, after or {}
        self.restored: AgentState | None = None
        self.report = REPORT

    def train(self) -> None:
        while not (self.session.finished or self.session.should_stop):
            self.after.get(self.session.update, lambda: None)()
            self.session.end_update(self.report)

    def capture(self) -> AgentState:
        arrays = {name: np.zeros(shape, np.float32) for name, shape in required_shapes(self.spec).items()}
        return AgentState(arrays, 1e-3)

    def restore(self, state: AgentState) -> None:
        self.restored = state


@pytest.fixture
def open_session(make_run: Callable[..., Run], no_stop: threading.Event) -> Any:
    opened: list[TrainSession] = []

    def build(run: Run | None = None, **options: Any) -> TrainSession:
        run = run or make_run("torch", **{"num_envs": 4, "rollouts": 8, **options})
        opened.append(TrainSession(run, run.config(), world=World(), stop=no_stop))
        return opened[-1]

    yield build
    for session in opened:
        session.close()


def run_through(session: TrainSession, trainer: FakeTrainer) -> None:
    session.begin(trainer, Chain())
    trainer.train()
    session.end()


def test_checkpoints_come_at_their_interval_and_at_the_end(open_session: Any) -> None:
    # 5 updates of 8 batched steps: after 16 and 32 of them, and at 40.
    session = open_session(max_env_steps=160, check_point_interval=12)
    run_through(session, FakeTrainer(session))
    assert [event["env_steps"] for event in events_of(session.run, "checkpoint")] == [64, 128, 160]


def test_only_the_last_checkpoints_are_kept(open_session: Any) -> None:
    session = open_session(max_env_steps=160, check_point_interval=8, train={"keep_checkpoints": 2})
    run_through(session, FakeTrainer(session))
    assert [info.env_steps for info in checkpoints.list_checkpoints(session.run)] == [128, 160]


def test_a_checkpoint_at_the_end_is_not_written_twice(open_session: Any) -> None:
    session = open_session(max_env_steps=64, check_point_interval=16)
    run_through(session, FakeTrainer(session))
    assert [event["env_steps"] for event in events_of(session.run, "checkpoint")] == [64]


def test_requests_are_answered_between_rollouts(open_session: Any) -> None:
    session = open_session(max_env_steps=10**6)
    run = session.run
    asked: list[str] = []

    def ask(*requests: dict[str, Any]) -> Callable[[], None]:
        return lambda: asked.extend(append_request(run, request) for request in requests)

    trainer = FakeTrainer(
        session, after={0: ask({"type": "checkpoint"}, {"type": "evaluate"}), 2: ask({"type": "stop"})}
    )
    run_through(session, trainer)
    answers = [event["data"] for event in events_of(run, "control")]
    assert [answer["id"] for answer in answers] == asked
    assert [(answer["type"], answer["done"]) for answer in answers] == [
        ("checkpoint", True),
        ("evaluate", False),
        ("stop", True),
    ]
    assert "the policy takes 1 observations and gives 1 actions, but pendulum has 3 and 1" in answers[1]["message"]
    assert session.update == 3
    assert [event["update"] for event in events_of(run, "checkpoint")] == [1, 3]


def test_a_paused_session_waits_for_resume(open_session: Any) -> None:
    session = open_session(max_env_steps=64)
    run = session.run
    trainer = FakeTrainer(session, after={0: lambda: append_request(run, {"type": "pause"})})
    thread = threading.Thread(target=run_through, args=(session, trainer))
    thread.start()
    while not events_of(run, "control"):
        thread.join(0.01)
    assert thread.is_alive() and len(events_of(run, "metrics")) == 1
    append_request(run, {"type": "resume"})
    thread.join(30)
    assert not thread.is_alive()
    assert [event["data"]["type"] for event in events_of(run, "control")] == ["pause", "resume"]
    assert session.finished


def test_a_paused_session_can_be_stopped(open_session: Any, no_stop: threading.Event) -> None:
    session = open_session(max_env_steps=64)
    trainer = FakeTrainer(session, after={0: lambda: append_request(session.run, {"type": "pause"})})
    thread = threading.Thread(target=run_through, args=(session, trainer))
    thread.start()
    while not events_of(session.run, "control"):
        thread.join(0.01)
    no_stop.set()
    thread.join(30)
    assert not thread.is_alive() and session.update == 1


def test_numbers_that_learning_cannot_go_on_from_end_it(open_session: Any) -> None:
    session = open_session()
    trainer = FakeTrainer(session)
    trainer.report = UpdateReport(float("nan"), 0.2, 0.0, 0.01, None, 1.0, 1.4, 0.5, 1e-3, None)
    session.begin(trainer, Chain())
    with pytest.raises(TrainingFailed, match="loss/policy is not a finite number after update 1; try a smaller"):
        trainer.train()
    assert events_of(session.run, "metrics")[0]["data"]["loss/policy"] is None
    assert checkpoints.list_checkpoints(session.run) == []


def test_a_session_goes_on_from_the_newest_checkpoint(open_session: Any) -> None:
    first = open_session(seed=None, max_env_steps=64)
    run_through(first, FakeTrainer(first))
    second = open_session(first.run)
    trainer = FakeTrainer(second)
    second.begin(trainer, Chain())
    assert trainer.restored is not None
    assert (second.env_steps, second.update, second.seed) == (64, 2, first.seed)
    assert second.rng.bit_generator.state["state"]["key"].tolist() == (
        first.rng.bit_generator.state["state"]["key"].tolist()
    )
    assert "new episodes begin" in events_of(first.run, "warning")[-1]["data"]["message"]


def test_a_seed_that_is_left_open_is_drawn_and_recorded(open_session: Any) -> None:
    first, second = open_session(seed=None), open_session(seed=None)
    assert first.seed != second.seed
    run_through(first, FakeTrainer(first))
    (info,) = checkpoints.list_checkpoints(first.run)
    assert checkpoints.load(info.path).meta["seed"] == first.seed


def test_other_ranks_write_nothing(make_run: Callable[..., Run], no_stop: threading.Event) -> None:
    run = make_run("torch", num_envs=4, max_env_steps=32)
    session = TrainSession(run, run.config(), world=World(1, 2), stop=no_stop)
    run_through(session, FakeTrainer(session))
    session.close()
    assert session.seed == 8
    assert events_of(run) == [] and not run.paths.tensorboard.exists()
    assert checkpoints.list_checkpoints(run) == []


def test_an_environment_that_breaks_ends_the_process_with_its_cause(
    backend: str,
    make_run: Callable[..., Run],
    no_stop: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = Breaking()
    monkeypatch.setattr(session_module, "make", lambda *_, **__: env)
    run = make_run(backend, num_envs=4)
    assert process.train(run, no_stop) == outcome.EXIT_FAILED
    (problem,) = (data for data in (e["data"] for e in events_of(run, "warning")) if data["level"] == "error")
    assert problem["error"] == "EnvironmentFailed"
    assert problem["message"].startswith("environment Breaking failed in step at batched step 3: ")
    assert "learn_doubles.py, line " in problem["message"]
    assert problem["message"].endswith("ZeroDivisionError: the wheel came off")
    assert "ZeroDivisionError: the wheel came off" in capsys.readouterr().err
    assert env.closed


def test_a_gpu_that_is_not_there_is_said(
    backend: str, make_run: Callable[..., Run], no_stop: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    run = make_run(backend, train={"device": "gpu"})
    assert process.train(run, no_stop) == outcome.EXIT_FAILED
    (warning,) = events_of(run, "warning")
    assert warning["data"]["error"] == "BackendUnusable"
    assert "train.device=gpu" in warning["data"]["message"] and "train.device=auto" in warning["data"]["message"]


def test_the_process_is_prepared_before_libraries_look(
    make_config: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_count", 0)  # given back when the test ends
    for name in ("OMP_NUM_THREADS", "NPROC", "JAX_PLATFORMS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        # Set first, so that monkeypatch knows what to restore.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    process.prepare_process(make_config("torch", train={"threads": 0, "device": "auto"}))
    assert "OMP_NUM_THREADS" not in os.environ and "JAX_PLATFORMS" not in os.environ
    assert os.environ["GOMP_SPINCOUNT"] == "100000"
    process.prepare_process(make_config("torch", train={"threads": 3, "device": "cpu"}))
    assert [os.environ[name] for name in ("OMP_NUM_THREADS", "NPROC")] == ["3", "3"]
    assert threads.wanted_threads() == 3
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    process.prepare_process(make_config("torch"))
    assert "GOMP_SPINCOUNT" not in os.environ
    assert os.environ["JAX_PLATFORMS"] == "cpu"


def test_a_disk_that_takes_no_events_still_ends_in_failure(
    make_run: Callable[..., Run],
    no_stop: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RunsFolderError("events.jsonl cannot be written: no space left")

    monkeypatch.setattr(EventWriter, "write", full)
    monkeypatch.setattr(session_module, "make", lambda *_, **__: Chain())
    assert process.train(make_run("torch", num_envs=4), no_stop) == outcome.EXIT_FAILED
    assert "no space left" in capsys.readouterr().err


def test_a_stop_before_anything_was_built_builds_nothing(
    make_run: Callable[..., Run], no_stop: threading.Event
) -> None:
    run = make_run("torch")
    no_stop.set()
    assert process.train(run, no_stop) == outcome.EXIT_STOPPED
    assert events_of(run) == []
