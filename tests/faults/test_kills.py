"""Processes that are killed, and terminals that go away: nothing that was written is lost, and nobody is orphaned."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable

import psutil
from chain_trainer import chain
from faults_support import Stopwatch, receipts, times
from process_support import FAKE_TRAINER, LIMIT_S, events, eventually, processes_of

from motrix_core.process.asking import ask
from motrix_core.process.control import request_stop, wait
from motrix_core.process.identity import send_signal
from motrix_core.runs import checkpoints
from motrix_core.runs.identity import identity_of
from motrix_core.runs.layout import Run

Start = Callable[..., Run]


def others(run: Run) -> list[psutil.Process]:
    return [process for process in processes_of(run) if process.pid != os.getpid()]


def kill(run: Run, which: str) -> None:
    state = run.state()
    process = {"trainer": state.trainer, "supervisor": state.supervisor}[which]
    assert process is not None
    assert send_signal(process, state.boot_id, signal.SIGKILL)


def written(run: Run) -> set[int]:
    return {event["update"] for event in events(run, "metrics")}


def test_a_trainer_that_is_killed_at_any_moment_loses_nothing_that_it_had_written(start: Start, run: Run) -> None:
    moments = random.Random(6)
    noticed = Stopwatch("from SIGKILL of the trainer to the status crashed")
    for _ in range(times(4, 200)):
        start()
        goal = len(receipts(run)) + moments.randrange(1, 80)
        eventually(lambda goal=goal: len(receipts(run)) >= goal, "far enough")
        with noticed.measure():
            kill(run, "trainer")
            state = wait(run, LIMIT_S)
        assert (state.status, str(state.cause)[:18]) == ("crashed", "crashed (signal 9)")
        assert set(receipts(run)) <= written(run)
        newest = checkpoints.newest_valid(run)
        if newest is not None:
            meta = checkpoints.read_meta(newest.path)
            assert meta["link"] == chain(meta["step"])
    end = max(receipts(run)) + 50
    start("--steps", str(end))
    assert wait(run, LIMIT_S).status == "finished"
    assert events(run, "metrics")[-1]["data"]["link"] == chain(end)
    assert written(run) == set(range(1, end + 1))
    noticed.report(2.0)


def test_what_was_set_before_a_kill_is_set_again_after_the_same_step(start: Start, run: Run) -> None:
    draw = random.Random(7)
    rates: dict[int, float] = {}
    for _ in range(times(3, 50)):
        # No checkpoint but the one that is asked for, so that most of what is set is lost with the trainer.
        start("--save-every", "1000000")
        eventually(lambda: run.state().status == "running", "running")
        if draw.random() < 0.3:
            ask(run, {"type": "checkpoint"})
        ask(run, {"type": "set", "values": {"ppo.learning_rate": draw.uniform(1e-6, 1.0)}})
        kill(run, "trainer")
        assert wait(run, LIMIT_S).status == "crashed"
        told = [event for event in events(run, "control") if event["data"]["type"] == "set"][-1]
        # A trainer that went back sets anew what it had been told for later steps.
        rates = {step: rate for step, rate in rates.items() if step < told["update"]}
        rates[told["update"]] = told["data"]["values"]["ppo.learning_rate"]
    end = max(receipts(run)) + 50
    start("--steps", str(end))
    assert wait(run, LIMIT_S).status == "finished"
    assert events(run, "metrics")[-1]["data"]["link"] == chain(end, rates)


def test_a_trainer_without_supervisor_saves_and_leaves(start: Start, run: Run) -> None:
    left = Stopwatch("from SIGKILL of the supervisor to the last of the run's processes gone")
    for _ in range(times(2, 50)):
        start()
        goal = len(receipts(run)) + 10
        eventually(lambda goal=goal: len(receipts(run)) >= goal, "training")
        with left.measure():
            kill(run, "supervisor")
            eventually(lambda: not others(run), "gone")
        newest = checkpoints.newest_valid(run)
        assert newest is not None and newest.env_steps == max(receipts(run))
        assert run.state().shown_status == "lost"
    left.report(10.0)


def test_a_stop_ends_whatever_the_trainer_started_and_nobody_else(start: Start, run: Run) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={})
    gone = Stopwatch("stop of a trainer and 8 children that ignore TERM, after a grace of 0.2 s")
    try:
        for _ in range(times(1, 20)):
            start("--ignore-term", "--children", "8", trainer=FAKE_TRAINER, grace_s=0.2)
            eventually(lambda: run.state().status == "running", "running")
            family = [identity for process in others(run) if (identity := identity_of(process.pid))]
            assert len(family) == 10
            with gone.measure():
                request_stop(run)
                assert wait(run, LIMIT_S).status == "stopped"
                eventually(lambda family=family: not any(process.is_alive() for process in family), "gone")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    gone.report(5.2)


def test_ctrl_c_stops_then_terminates_then_kills(start: Start, run: Run) -> None:
    # The fake neither reads requests nor obeys TERM, so each Ctrl-C has to do what the one before could not.
    start("--ignore-term", trainer=FAKE_TRAINER, grace_s=600)
    program = (
        "import sys\n"
        "from motrix_core.commands.follow import follow\n"
        "from motrix_core.runs.layout import Run\n"
        f"sys.exit(follow(Run.open({str(run.path)!r})))\n"
    )
    eventually(lambda: run.state().status == "running", "running")
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
        assert follower.stderr
        lines = iter(follower.stderr.readline, "")
        next(lines)  # it follows: from here on it listens for signals
        follower.send_signal(signal.SIGINT)
        assert any("stopping after a checkpoint" in line for line in lines)
        assert '"type":"stop"' in eventually(run.paths.control.read_text, "asked")
        assert run.state().status == "running"
        follower.send_signal(signal.SIGINT)
        assert any("terminating" in line for line in lines)
        eventually(lambda: run.state().status == "stopping", "stopping")
        follower.send_signal(signal.SIGINT)
        assert any("killing" in line for line in lines)
        assert follower.wait(LIMIT_S) == 130
    state = run.state()
    assert (state.status, state.cause) == ("stopped", "killed on request, without a final checkpoint")
