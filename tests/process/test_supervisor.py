from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from process_support import FAKE_TRAINER, LIMIT_S, events, eventually, processes_of, trainer_argv

from motrix_core.errors import RunStateError, TrainingFailed
from motrix_core.process import launch as launch_module
from motrix_core.process.control import request_stop, wait
from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import EventReader
from motrix_core.runs.state import RunState, write_state

Start = Callable[..., Run]
ROOT = Path(__file__).parents[2]


def others(run: Run) -> list[psutil.Process]:
    return [process for process in processes_of(run) if process.pid != os.getpid()]


def status(run: Run) -> str:
    return run.state().shown_status


def until_running(run: Run) -> None:
    eventually(lambda: status(run) == "running", "running")


def test_a_run_is_recorded_from_its_start_to_its_end(start: Start) -> None:
    run = start("--events", "3")
    state = wait(run, LIMIT_S)
    assert (state.status, state.exit_code, state.cause) == ("finished", 0, None)
    recorded = events(run)
    assert [event["type"] for event in recorded] == [
        "run_started",
        "segment_started",
        "metrics",
        "metrics",
        "metrics",
        "segment_ended",
        "run_ended",
    ]
    assert recorded[0]["data"]["run"] == str(run.path)
    assert recorded[1]["data"]["backend"] == "torch"
    assert recorded[1]["data"]["max_env_steps"] == run.config().ppo.max_env_steps
    assert [(event["env_steps"], event["update"]) for event in recorded[-2:]] == [(300, 3)] * 2
    assert recorded[-1]["data"]["status"] == "finished"
    (segment,) = state.segments
    assert (segment.status, segment.exit_code, segment.backend) == ("finished", 0, "torch")
    assert state.trainer is None and segment.elapsed_s > 0
    assert stat.S_IMODE(run.paths.console.stat().st_mode) == 0o600


def test_the_status_follows_the_trainer(start: Start) -> None:
    run = start("--answer", "pause", "--interval-s", "0.2")
    eventually(lambda: status(run) == "paused", "paused")
    request_stop(run)
    assert wait(run, LIMIT_S).status == "stopped"


def test_resources_of_the_whole_tree_are_sampled(start: Start) -> None:
    run = start("--children", "2")
    sample = eventually(lambda: run.state().resources, "sampled")
    assert sample["processes"] == 3
    assert sample["memory_bytes"] > 1 << 20
    assert eventually(lambda: run.state().resources.get("cpu_percent") is not None, "compared")
    assert run.state().elapsed_s > 0
    request_stop(run, kill=True)
    assert wait(run, LIMIT_S).resources == {}


def test_a_stop_is_graceful(start: Start) -> None:
    run = start()
    until_running(run)
    request_stop(run)
    state = wait(run, LIMIT_S)
    assert (state.status, state.exit_code) == ("stopped", 130)
    assert eventually(lambda: not others(run), "gone")


def test_a_trainer_and_children_that_ignore_term_are_killed_after_the_grace(start: Start) -> None:
    run = start("--ignore-term", "--children", "4", grace_s=0.2)
    until_running(run)
    assert len(others(run)) == 6
    request_stop(run)
    state = wait(run, LIMIT_S)
    assert (state.status, state.exit_code) == ("stopped", -signal.SIGKILL)
    assert "did not stop in time" in str(state.cause)
    assert eventually(lambda: not others(run), "gone")


def test_a_kill_does_not_wait(start: Start) -> None:
    run = start("--ignore-term", "--children", "1", grace_s=600)
    until_running(run)
    request_stop(run)
    eventually(lambda: status(run) == "stopping", "stopping")
    request_stop(run, kill=True)
    state = wait(run, LIMIT_S)
    assert (state.status, state.cause) == ("stopped", "killed on request, without a final checkpoint")
    assert eventually(lambda: not others(run), "gone")


def test_what_a_trainer_leaves_behind_ends_with_it(start: Start) -> None:
    run = start("--children", "2", "--events", "1")
    assert wait(run, LIMIT_S).status == "finished"
    assert eventually(lambda: not others(run), "gone")


@pytest.mark.parametrize(
    ("options", "expected", "cause"),
    [
        (["--crash", "kill"], "crashed", "crashed (signal 9)"),
        (["--crash", "abort"], "crashed", "crashed (signal 6)"),
        (["--crash", "raise"], "failed", "exit code 1: RuntimeError: the physics exploded"),
        (["--exit-code", "3", "--error", "no such joint"], "failed", "ValueError: no such joint"),
        (["--exit-code", "130"], "stopped", None),
    ],
)
def test_the_cause_of_the_end_is_recorded(options: list[str], expected: str, cause: str | None, start: Start) -> None:
    run = start("--events", "2", *options)
    state = wait(run, LIMIT_S)
    assert state.status == expected
    assert state.cause is None if cause is None else str(state.cause).startswith(cause)
    (ended,) = events(run, "run_ended")
    assert (ended["data"]["status"], ended["data"]["cause"]) == (state.status, state.cause)


def test_a_trainer_killed_in_the_middle_of_a_line_costs_that_line_only(start: Start) -> None:
    run = start("--events", "2", "--torn", "--crash", "kill")
    wait(run, LIMIT_S)
    reader = EventReader(run.paths.events)
    assert [event["type"] for event in reader.poll()][-3:] == ["metrics", "segment_ended", "run_ended"]
    assert reader.corrupt == 1


def test_a_trainer_that_cannot_be_started_is_a_failed_run(run: Run) -> None:
    launch(run, trainer_argv=["/no/such/program"])
    state = wait(run, LIMIT_S)
    assert (state.status, state.cause) == ("failed", "the trainer cannot be started: No such file or directory")
    assert [event["type"] for event in events(run)] == ["run_started", "segment_ended", "run_ended"]


def test_a_run_that_is_over_can_go_on_in_the_same_folder(start: Start) -> None:
    run = start("--events", "2")
    wait(run, LIMIT_S)
    start("--events", "1", "--exit-code", "3")
    state = wait(run, LIMIT_S)
    assert [segment.status for segment in state.segments] == ["finished", "failed"]
    assert [event["data"]["resumed"] for event in events(run, "run_started")] == [False, True]
    assert [event["data"]["segment"] for event in events(run, "segment_ended")] == [0, 1]


def test_a_long_history_is_passed_over_and_its_last_step_known(start: Start, run: Run) -> None:
    with run.paths.events.open("ab") as file:
        for step in range(3000):
            data = {"type": "metrics", "time": 1.0, "env_steps": step, "update": step, "data": {"note": "x" * 500}}
            file.write(json.dumps(data, separators=(",", ":")).encode() + b"\n")
    start("--events", "1")
    wait(run, LIMIT_S)
    assert events(run, "run_started")[0]["env_steps"] == 2999


def test_a_run_that_goes_on_is_not_started_again(start: Start, run: Run) -> None:
    start()
    with pytest.raises(RunStateError, match="going on already"):
        start()
    # Even if its state was lost, there is never a second supervisor.
    run.paths.state.unlink()
    with pytest.raises(RunStateError, match="going on already"):
        start()
    eventually(lambda: run.paths.state.exists() and status(run) == "running", "written again")


def test_a_supervisor_that_cannot_start_says_why(run: Run) -> None:
    run.paths.config.write_text("{}")
    with pytest.raises(TrainingFailed, match=r"config\.json"):
        launch(run, trainer_argv=trainer_argv(run))
    assert status(run) == "failed"


def test_a_supervisor_that_ends_without_a_report_is_not_waited_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text("import os\nos.pipe2 = lambda flags: 1 / 0\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(broken), str(ROOT)]))
    with pytest.raises(TrainingFailed, match=r"did not start: it ended without a report(.|\n)*ZeroDivisionError"):
        launch(run, trainer_argv=trainer_argv(run), start_limit_s=600)
    assert status(run) == "failed"


def test_a_supervisor_that_is_there_and_silent_is_not_called_failed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    # The detached one waits where it would take the first look at the events, until somebody makes the file.
    go = slow / "go"
    waiting = f"import os, time\npipe2 = os.pipe2\ndef late(flags):\n    while not os.path.exists({str(go)!r}):\n"
    waiting += "        time.sleep(0.01)\n    return pipe2(flags)\nos.pipe2 = late\n"
    (slow / "sitecustomize.py").write_text(waiting)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(slow), str(ROOT)]))
    now = iter([0.0, 0.0, 1000.0])
    monkeypatch.setattr(launch_module, "time", SimpleNamespace(monotonic=lambda: next(now), sleep=lambda _: None))
    with pytest.raises(TrainingFailed, match="is there, but has not reported within 600 s"):
        launch(run, trainer_argv=trainer_argv(run, "--events", "2"), start_limit_s=600.0)
    go.touch()
    assert wait(run, LIMIT_S).status == "finished"


def test_training_outlives_the_program_and_the_terminal_that_started_it(run: Run) -> None:
    leader, follower = os.openpty()
    program = (
        "import sys\n"
        "from motrix_core.process.launch import launch\n"
        "from motrix_core.runs.layout import Run\n"
        f"run = Run.open({str(run.path)!r})\n"
        f"launch(run, trainer_argv=[sys.executable, {str(FAKE_TRAINER)!r}, str(run.path)])\n"
        "print('launched', flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    assert b"launched" in eventually(lambda: os.read(leader, 1000), "launched")
    until_running(run)
    os.close(leader)
    os.killpg(starter.pid, signal.SIGHUP)
    starter.kill()
    starter.wait(LIMIT_S)
    before = events(run)[-1]["update"]
    eventually(lambda: events(run)[-1]["update"] > before + 5, "training on")
    supervisor = run.state().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGHUP)
    before = events(run)[-1]["update"]
    eventually(lambda: events(run)[-1]["update"] > before + 5, "training on")
    assert status(run) == "running"
    process = psutil.Process(supervisor.pid)
    assert process.terminal() is None
    assert os.getsid(supervisor.pid) not in (os.getsid(0), starter.pid)


def test_a_trainer_whose_supervisor_was_killed_stops_by_itself(start: Start) -> None:
    run = start("--lifeline")
    until_running(run)
    state = run.state()
    assert state.supervisor is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: status(run) == "lost", "lost")
    assert wait(run, LIMIT_S).shown_status == "lost"
    with pytest.raises(RunStateError, match="lost"):
        request_stop(run)
    start("--events", "1")
    assert wait(run, LIMIT_S).status == "finished"


def test_a_trainer_without_supervisor_is_not_doubled_and_is_continued_once_it_was_stopped(start: Start) -> None:
    run = start()
    until_running(run)
    state = run.state()
    assert state.supervisor is not None and state.trainer is not None
    os.kill(state.supervisor.pid, signal.SIGKILL)
    eventually(lambda: status(run) == "lost", "lost")
    with pytest.raises(RunStateError, match="still ending"):
        start()
    with pytest.raises(TimeoutError, match="is still running"):
        wait(run, 0.0)
    request_stop(run)
    assert wait(run, LIMIT_S).shown_status == "lost"
    start("--events", "1")
    assert wait(run, LIMIT_S).status == "finished"


def test_a_run_whose_folder_is_deleted_stops(start: Start) -> None:
    run = start("--ignore-term", grace_s=0.2)
    until_running(run)
    run.path.rename(run.path.with_name("gone"))
    eventually(lambda: not others(run), "gone")


def test_nothing_is_signalled_that_only_has_the_same_number(start: Start, run: Run) -> None:
    start("--events", "1")
    wait(run, LIMIT_S)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as bystander:
        from motrix_core.runs.identity import Identity

        reused = Identity(bystander.pid, 0.5)
        write_state(run.paths.state, RunState(status="running", supervisor=reused, trainer=reused))
        with pytest.raises(RunStateError, match="lost"):
            request_stop(run, kill=True)
        assert bystander.poll() is None
        bystander.kill()


def test_a_run_of_another_host_is_left_to_that_host(run: Run) -> None:
    state = RunState(status="running", host="else\x1bwhere", boot_id="theirs")
    write_state(run.paths.state, state)
    with pytest.raises(RunStateError, match=r"on host else\\x1bwhere"):
        request_stop(run)


def test_a_run_that_is_over_has_nothing_to_stop(start: Start) -> None:
    run = start("--events", "1")
    wait(run, LIMIT_S)
    with pytest.raises(RunStateError, match="is finished already"):
        request_stop(run)


def test_many_who_stop_at_once_make_one_end(start: Start) -> None:
    run = start()
    until_running(run)
    refused = []

    def stop() -> None:
        try:
            request_stop(run)
        except RunStateError as error:
            refused.append(error)

    threads = [threading.Thread(target=stop) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait(run, LIMIT_S).status == "stopped"
    assert len(events(run, "run_ended")) == 1


def test_waiting_has_a_limit(start: Start) -> None:
    run = start()
    with pytest.raises(TimeoutError, match="is still"):
        wait(run, 0.0)


def test_the_supervisor_stays_small() -> None:
    program = "import sys, motrix_core.process.supervisor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "pydantic", "rich", "textual", "safetensors", "jax", "torch", "skrl", "tomllib"}
