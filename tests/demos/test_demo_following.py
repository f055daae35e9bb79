"""A demo whose run somebody else has begun: followed, told of when it is paused, and theirs to stop."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from process_support import eventually, trainer_argv

from motrix_core.commands.demos import _trained, _until_learned
from motrix_core.commands.demos_progress import Lines
from motrix_core.demos import runner
from motrix_core.demos.plan import Demo, plan
from motrix_core.demos.runner import MARK, Attempt, attempt
from motrix_core.process.asking import ask
from motrix_core.process.control import request_stop, wait
from motrix_core.process.launch import launch
from motrix_core.process.lost import is_orphaned
from motrix_core.runs.layout import Run, create_run, list_runs


class Pressing(Lines):
    """Somebody who presses Ctrl-C as soon as they have read how a training begins."""

    def begin(self, demo: Demo, found: Attempt) -> None:
        super().begin(demo, found)
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def demo() -> Demo:
    return plan(["pendulum"], ["torch"], ["auto"], "quick")[0]


@pytest.fixture
def others(demo: Demo, tmp_path: Path) -> Iterator[Run]:
    """The run of `demo` that another call trains."""
    run = create_run(demo.config, tmp_path, extra={MARK: demo.budget})
    launch(run, trainer_argv=trainer_argv(run, "--obey"))
    yield run
    request_stop(run, kill=True)
    wait(run)


def followed(demo: Demo, folder: Path) -> tuple[str, bool]:
    """What a call says that follows until it is interrupted, and whether it was."""
    said = io.StringIO()
    ((_, interrupted),) = _trained([demo], folder, Pressing(1, said))
    return said.getvalue(), interrupted


def test_a_trainer_that_is_still_ending_is_waited_for_and_its_run_goes_on(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(demo.config, tmp_path, extra={MARK: demo.budget})
    launch(run, trainer_argv=trainer_argv(run, "--obey"))
    trainer, supervisor = eventually(lambda: run.state().trainer), run.state().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    eventually(lambda: is_orphaned(run.state()), "orphaned")

    def waited(of: Run) -> None:
        # A fake one does not see by itself that nothing supervises it.
        os.kill(trainer.pid, signal.SIGKILL)
        wait(of)

    monkeypatch.setattr(runner, "wait", waited)
    monkeypatch.setattr(runner, "launch", lambda run: None)
    found = attempt(demo, tmp_path)
    assert found.run.path == run.path and found.how.startswith("goes on from")
    assert len(list_runs(tmp_path)) == 1


def test_a_run_of_anothers_is_not_stopped_where_ours_would_have_learned(demo: Demo, others: Run) -> None:
    learning = replace(demo, until_learned=True, threshold=0.0)
    good = {"return/mean": 1.0, "episodes": demo.config.ppo.num_envs}
    for is_anothers, asked in ((True, b""), (False, b'"stop"')):
        found = Attempt(others, "", is_anothers=is_anothers)
        list(_until_learned(learning, found, iter([{"type": "metrics", "data": good}])))
        assert asked in others.paths.control.read_bytes() and bool(others.paths.control.read_bytes()) == bool(asked)


def test_whoever_follows_anothers_run_only_leaves_it(demo: Demo, others: Run, tmp_path: Path) -> None:
    eventually(lambda: others.state().status == "running", "training")
    said, interrupted = followed(demo, tmp_path)
    assert interrupted and "is being trained already" in said
    assert f"left run {others.id}" in said and f"motrix runs stop {others.id}" in said
    assert others.state().status == "running" and others.paths.control.read_bytes() == b""
    assert len(list_runs(tmp_path)) == 1


def test_a_paused_run_is_called_so_with_the_command_that_lets_it_go_on(demo: Demo, others: Run, tmp_path: Path) -> None:
    eventually(lambda: others.state().status == "running", "training")
    ask(others, {"type": "pause"}, timeout_s=60)
    eventually(lambda: others.state().status == "paused", "the pause")
    said, interrupted = followed(demo, tmp_path)
    assert interrupted and f"is paused; motrix runs resume {others.id} lets it go on" in said
    assert others.state().status == "paused"
