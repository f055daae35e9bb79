"""What somebody set during training survives a kill: the run ends with the bits of one that was never killed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from learn_doubles import events_of
from short_trainings import assert_same_bits, saved

from motrix_core.learn.session import TrainSession
from motrix_core.learn.stepping import Transition
from motrix_core.learn.world import World
from motrix_core.runs.control import append_request
from motrix_core.runs.layout import Run
from motrix_core.runs.state import Segment, write_state

ROLLOUT, SAMPLES, UPDATES = 4, 32, 4
# Before the first checkpoint, which is that of update 2; right after it; and all three of them.
WANTED: Mapping[int, dict[str, float]] = {
    1: {"ppo.learning_rate": 3e-4},
    2: {"ppo.entropy_loss_scale": 0.05, "ppo.learning_rate": 2e-3},
    3: {"ppo.ratio_clip": 0.05},
}
Make = Callable[..., Run]


class _Killed(BaseException):
    """Ends a training as SIGKILL does: nothing catches it, nothing is written any more."""


def make(make_run: Make, backend: str, engine: str = "fused", **ppo: Any) -> Run:
    train = {"engine": engine, "tensorboard": False, "eval_every_updates": 0}
    return make_run(backend, train=train, max_env_steps=UPDATES * SAMPLES, check_point_interval=2 * ROLLOUT, **ppo)


def train(run: Run, wanted: Mapping[int, dict[str, float]], killed_after: int | None = None) -> None:
    """Train `run`; somebody sets `wanted` after the updates it names, and a kill comes so many batched steps later."""
    requests = run.paths.control.stat().st_size
    segments = (Segment(0, run.backend, 1.0, control_offset=requests),)
    write_state(run.paths.state, replace(run.state(), segments=segments))
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    session.write("segment_started", {"backend": run.backend})
    end_update, record_step, steps = session.end_update, session.record_step, 0

    def asked(report: Any) -> None:
        if values := wanted.get(session.update + 1):
            append_request(run, {"type": "set", "values": values})
        end_update(report)

    def counted(transition: Transition) -> None:
        nonlocal steps
        steps += 1
        if steps == killed_after:
            raise _Killed
        record_step(transition)

    session.end_update, session.record_step = asked, counted
    if killed_after is None:
        session.train()
        session.close()
    else:
        with pytest.raises(_Killed):
            session.train()


def rates(run: Run) -> list[float]:
    return [event["data"]["optim/learning_rate"] for event in events_of(run, "metrics")]


def test_a_run_that_was_set_and_killed_ends_like_one_that_was_only_set(
    backend: str, engine: str, make_run: Make
) -> None:
    whole, killed, unset = (make(make_run, backend, engine) for _ in range(3))
    train(whole, WANTED)
    train(unset, {})
    train(killed, {1: WANTED[1]}, killed_after=ROLLOUT + 2)
    train(killed, {2: WANTED[2]}, killed_after=2 * ROLLOUT + 3)
    train(killed, {3: WANTED[3]}, killed_after=ROLLOUT + 1)
    train(killed, {})
    assert len(events_of(killed, "control")) == len(events_of(whole, "control")) == 3
    assert_same_bits(saved(killed), saved(whole))
    with pytest.raises(AssertionError):
        assert_same_bits(saved(whole), saved(unset))


def test_after_going_back_the_trainer_says_what_no_longer_counts(backend: str, make_run: Make) -> None:
    run = make(make_run, backend, learning_rate_scheduler_kl_threshold=0.0)
    spoiled = [False]
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    end_update = session.end_update

    def asked(report: Any) -> None:
        if session.update == 2 and not spoiled[0]:
            append_request(run, {"type": "set", "values": {"ppo.ratio_clip": 0.05}})
        if session.update == 3 and not spoiled[0]:
            spoiled[0] = True
            report = replace(report, loss_value=float("nan"))
        end_update(report)

    session.end_update = asked
    session.train()
    session.close()
    (back,) = (event for event in events_of(run, "warning") if "back_to" in event["data"])
    assert (back["update"], back["data"]["learning_rate"]) == (2, 5e-4)
    assert "; ppo.ratio_clip as set since then no longer counts; the next time it fails" in back["data"]["message"]
    assert rates(run) == pytest.approx([1e-3, 1e-3, 1e-3, 1e-3, 5e-4, 5e-4])


def test_a_trainer_that_resumes_goes_on_with_the_learning_rate_that_was_halved(backend: str, make_run: Make) -> None:
    run = make(make_run, backend, learning_rate_scheduler_kl_threshold=0.0)
    train(run, {}, killed_after=2 * ROLLOUT + 1)
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    message = {"level": "warning", "message": "went back", "back_to": 2 * SAMPLES, "learning_rate": 5e-4}
    session.env_steps, session.update = 2 * SAMPLES, 2
    session.write("warning", message)
    session.close()
    train(run, {})
    assert rates(run) == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4])
