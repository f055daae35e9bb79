"""Disks that are full, read-only or gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faults_support import receipts, times
from process_support import eventually, processes_of

from motrix_core.runs.layout import Run, list_runs

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
can_mount = (
    shutil.which("unshare") is not None
    and subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
)


@pytest.mark.skipif(not can_mount, reason="this system lets nobody mount a small disk to fill")
@pytest.mark.parametrize("save_every", [20, 100], ids=["in a checkpoint", "in an event"])
def test_a_disk_that_fills_up_ends_the_run_with_its_cause_and_loses_no_checkpoint(
    save_every: int, tmp_path: Path
) -> None:
    script = ROOT / "tests" / "fakes" / "full_disk.py"
    paths = [ROOT, *(ROOT / "tests" / name for name in ("process", "fakes", "faults"))]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    for _ in range(times(1, 10)):
        argv = [*OWN_MOUNTS, sys.executable, str(script), str(tmp_path), str(save_every)]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["status"] == "failed"
        assert "cannot be written: No space left on device" in result["cause"]
        assert result["valid"]
        assert result["busy_s"] < 5.0, "the supervisor waits, it does not spin"
        assert (result["again"], result["link"]) == ("finished", True)
        assert ".reserve" not in result["left"]


def test_a_folder_that_is_deleted_under_a_run_ends_it(start: Callable[..., Run], run: Run) -> None:
    start()
    eventually(lambda: len(receipts(run)) > 20, "training")
    # Renamed first, as motrix runs rm does it: then nothing that comes later is a remainder, but was made anew.
    shutil.rmtree(run.path.rename(run.path.with_name("gone")))
    eventually(lambda: [process for process in processes_of(run) if process.pid != os.getpid()] == [], "gone")
    assert list_runs(run.path.parents[1]) == []


def test_a_mirror_that_cannot_be_written_is_given_up_and_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    from motrix_core.learn.tensorboard import TensorBoardMirror

    told: list[str] = []
    (tmp_path / "tb").write_text("in the way")
    TensorBoardMirror(tmp_path / "tb", told.append).write({"return/mean": 1.0}, 1)
    assert len(told) == 1 and "tb cannot be written" in told[0]

    mirror = TensorBoardMirror(tmp_path / "mirror", told.append)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mirror._writer, "add_event", full)
    for step in range(3):
        mirror.write({"return/mean": 1.0}, step)
    mirror.close()
    assert told[1:] == [
        f"{tmp_path / 'mirror'} cannot be written: No space left on device; "
        "training goes on without the TensorBoard mirror"
    ]
