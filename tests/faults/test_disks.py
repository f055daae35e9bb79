"""Disks that are full, read-only or gone."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from chain_trainer import chain
from faults_support import receipts, times
from process_support import LIMIT_S, events, eventually, processes_of, trainer_argv

from motrix_core.config.schema import RunConfig
from motrix_core.errors import RunsFolderError
from motrix_core.process.control import wait
from motrix_core.process.launch import launch
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run, list_runs

ROOT = Path(__file__).parents[2]
FAILING_DISK = ROOT / "tests" / "fakes" / "failing_disk"
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
can_mount = (
    shutil.which("unshare") is not None
    and subprocess.run([*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
)


def environ_of_fakes() -> dict[str, str]:
    """For a program in tests/fakes that uses what the tests share."""
    paths = [ROOT, *(ROOT / "tests" / name for name in ("process", "fakes", "faults"))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}


@pytest.mark.skipif(not can_mount, reason="this system lets nobody mount a small disk to fill")
@pytest.mark.parametrize("save_every", [20, 100], ids=["in a checkpoint", "in an event"])
def test_a_disk_that_fills_up_ends_the_run_with_its_cause_and_loses_no_checkpoint(
    save_every: int, tmp_path: Path
) -> None:
    script = ROOT / "tests" / "fakes" / "full_disk.py"
    for _ in range(times(1, 10)):
        argv = [*OWN_MOUNTS, sys.executable, str(script), str(tmp_path), str(save_every)]
        done = subprocess.run(argv, env=environ_of_fakes(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["status"] == "failed"
        assert "cannot be written: No space left on device" in result["cause"]
        assert result["valid"]
        assert result["busy_s"] < 5.0, "the supervisor waits, it does not spin"
        assert (result["again"], result["link"]) == ("finished", True)
        assert ".reserve" not in result["left"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [("EDQUOT", "Disk quota exceeded"), ("EIO", "Input/output error"), ("EROFS", "Read-only file system")],
)
def test_a_disk_that_refuses_to_write_ends_the_run_and_loses_no_checkpoint(
    error: str, reason: str, start: Callable[..., Run], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = tmp_path / "trigger"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAILING_DISK), str(ROOT)]))
    monkeypatch.setenv("MOTRIX_FAILING_DISK", f"{error}:{run.path}:{trigger}")
    for _ in range(times(1, 10)):
        start()
        seen = len(receipts(run))
        eventually(lambda seen=seen: len(receipts(run)) > seen + 25, "training")
        supervisor = run.state().supervisor
        assert supervisor is not None
        process, busy_s = psutil.Process(supervisor.pid), 0.0
        trigger.touch()
        while supervisor.is_alive():
            with contextlib.suppress(psutil.Error):
                busy_s = sum(process.cpu_times()[:2])
            time.sleep(0.02)
        eventually(lambda: [other for other in processes_of(run) if other.pid != os.getpid()] == [], "gone")
        state = run.state()
        # A quota leaves the room that is held back; where nothing at all can be written, nothing can be said either.
        wanted = "failed" if error == "EDQUOT" else "lost"
        assert state.shown_status == wanted
        assert wanted == "lost" or reason in str(state.cause)
        assert reason in run.paths.console.read_text()
        assert busy_s < 5.0, "the supervisor waits, it does not spin"
        newest = checkpoints.newest_valid(run)
        assert newest is not None
        meta = checkpoints.read_meta(newest.path)
        assert meta["link"] == chain(meta["step"])
        trigger.unlink()
    end = max(receipts(run)) + 50
    start("--steps", str(end))
    assert wait(run, LIMIT_S).status == "finished"
    assert events(run, "metrics")[-1]["data"]["link"] == chain(end)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="nothing is read-only for this user")
def test_a_folder_that_becomes_read_only_under_a_run_ends_it_with_the_cause(tmp_path: Path) -> None:
    script = ROOT / "tests" / "fakes" / "read_only_folder.py"
    obeying = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    argv = [*obeying, sys.executable, str(script), str(tmp_path / "runs")]
    done = subprocess.run(argv, env=environ_of_fakes(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "failed"
    assert "cannot be written: Permission denied" in result["cause"]
    assert result["refused"].endswith("takes no file: Permission denied") and result["untouched"]
    assert result["valid"]
    assert (result["again"], result["link"]) == ("finished", True)


def test_a_run_that_finds_the_disk_full_is_not_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run.paths.state.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("motrix_core.runs.files.os.posix_fallocate", full)
    with pytest.raises(RunsFolderError, match="takes no file: No space left on device; free space there"):
        launch(run, trainer_argv=trainer_argv(run))
    assert run.paths.state.read_bytes() == before
    # Nor is a new one made: nothing would be there to say why it never began.
    with pytest.raises(RunsFolderError, match="cannot be written: No space left on device"):
        create_run(RunConfig(env="pendulum", backend="torch"), run.path.parents[1], extra={})
    assert [summary.run for summary in list_runs(run.path.parents[1])] == [run]


def test_a_disk_that_is_filled_between_making_a_run_and_starting_it_is_its_cause(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = tmp_path / "trigger"
    trigger.touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAILING_DISK), str(ROOT)]))
    monkeypatch.setenv("MOTRIX_FAILING_DISK", f"EDQUOT:{run.path}:{trigger}")
    run.paths.console.touch()
    (run.path / ".supervisor.lock").touch()
    launch(run, trainer_argv=trainer_argv(run))
    state = wait(run, LIMIT_S)
    assert (state.status, state.exit_code) == ("failed", None)
    assert str(state.cause).startswith("the trainer cannot be started: Disk quota exceeded")


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
