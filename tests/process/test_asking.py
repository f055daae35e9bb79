"""Requests that are answered, refused, or never answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from process_support import LIMIT_S, eventually

from motrix_core.errors import BackendUnusable, ConfigError, RunStateError, UnknownName
from motrix_core.process.asking import ask, read_settings, switch
from motrix_core.process.control import request_stop, wait
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, write_state

Start = Callable[..., Run]


def test_the_answer_is_waited_for_and_shown_as_the_runs_status(start: Start) -> None:
    run = start("--obey")
    answer = ask(run, {"type": "pause"}, timeout_s=LIMIT_S)
    assert (answer["type"], answer["done"]) == ("pause", True)
    eventually(lambda: run.state().shown_status == "paused", "paused")
    ask(run, {"type": "resume"}, timeout_s=LIMIT_S)
    eventually(lambda: run.state().shown_status == "running", "running")
    with pytest.raises(RunStateError, match="refused to evaluate: the fake cannot evaluate"):
        ask(run, {"type": "evaluate"}, timeout_s=LIMIT_S)
    request_stop(run)
    wait(run, LIMIT_S)


def test_a_trainer_that_does_not_answer_is_not_waited_for_for_ever(start: Start) -> None:
    run = start()
    with pytest.raises(RunStateError, match="has not answered within 0 s; it takes the request after its current"):
        ask(run, {"type": "pause"}, timeout_s=0.0)


def test_a_run_that_ends_without_an_answer_is_said_to_have_ended(start: Start) -> None:
    run = start("--events", "3", "--interval-s", "0.3")
    with pytest.raises(RunStateError, match=r"ended \(finished\) before it took the request"):
        ask(run, {"type": "checkpoint"}, timeout_s=LIMIT_S)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState(status="finished"), "is finished: nothing trains it, so it cannot pause; motrix run --resume"),
        (RunState(status="running", boot_id="another"), "is lost: its processes are gone, so it cannot pause"),
    ],
)
def test_a_run_that_is_not_live_is_not_asked(run: Run, state: RunState, words: str) -> None:
    write_state(run.paths.state, state)
    with pytest.raises(RunStateError, match=words):
        ask(run, {"type": "pause"})
    assert run.paths.control.read_bytes() == b""


def test_a_switch_is_refused_before_anything_is_asked(start: Start) -> None:
    def unusable(config: object, backend: str) -> None:
        raise BackendUnusable(backend, "it is not installed", mend="pip install it")

    run = start("--obey")
    with pytest.raises(RunStateError, match="trains on torch already"):
        switch(run, "torch", check=unusable)
    with pytest.raises(UnknownName, match="unknown backend 'tensorflow'"):
        switch(run, "tensorflow", check=unusable)
    with pytest.raises(BackendUnusable, match="pip install it"):
        switch(run, "jax", check=unusable)
    assert run.paths.control.read_bytes() == b""
    request_stop(run, kill=True)
    wait(run, LIMIT_S)
    with pytest.raises(RunStateError, match=f"motrix run --resume {run.id} --backend jax continues it on jax"):
        switch(run, "jax", check=unusable)


def test_settings_are_read_like_every_other_number() -> None:
    values = read_settings([("learning_rate", "3e-4"), ("ppo.ratio_clip", "0.3"), ("entropy_loss_scale", "0")])
    assert values == {"ppo.learning_rate": 3e-4, "ppo.ratio_clip": 0.3, "ppo.entropy_loss_scale": 0.0}


def test_every_wrong_setting_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings([("learning_rate", "7"), ("rollouts", "3"), ("ratio_clip", "x")])
    assert [problem.field for problem in caught.value.problems] == ["ppo.learning_rate", "rollouts", "ppo.ratio_clip"]
    assert "must be a number from 1e-9 to 1" in str(caught.value)
    assert "these can: learning_rate, entropy_loss_scale, ratio_clip" in str(caught.value)
