"""The recording of the dashboard at work, which trains for real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_support import eventually, processes_of, run_cleared_away, trainer_argv

from motrix_core.process.launch import launch
from motrix_core.runs.layout import Run
from screenshots.record import Recording, played

pytestmark = pytest.mark.real


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with run_cleared_away(tmp_path / "runs", monkeypatch) as made:
        yield made


def test_a_scene_that_fails_leaves_neither_a_training_nor_a_dashboard_behind(run: Run, tmp_path: Path) -> None:
    def scene(recording: Recording) -> None:
        recording.wait_for("--env")
        launch(run, trainer_argv=trainer_argv(run))
        eventually(lambda: run.state().trainer)
        raise RuntimeError("a word did not appear")

    with pytest.raises(RuntimeError, match="a word did not appear"):
        played(scene, tmp_path)
    assert run.state().status == "stopped"
    # The dashboard and its probes have the run's folder in their environment, as all that is started from here.
    assert [process.pid for process in processes_of(run) if process.pid != os.getpid()] == []


def test_a_recording_that_is_left_early_says_what_was_shown(tmp_path: Path) -> None:
    recording = played(lambda recording: recording.wait_for("--env"), tmp_path)
    recording.save(tmp_path / "a.cast", "a title")
    assert '"version": 2' in (tmp_path / "a.cast").read_text(encoding="utf-8").splitlines()[0]
