from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motrix_core.errors import CheckpointError
from motrix_core.runs import checkpoints, files
from motrix_core.runs.checkpoints import (
    best_checkpoint,
    list_checkpoints,
    load,
    newest_valid,
    pin,
    prune,
    recover,
    save,
    set_best,
    verify,
)
from motrix_core.runs.layout import Run

ARRAYS: dict[str, dict[str, Any]] = {
    "agent": {
        "policy.layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "adam.step": np.array(7, np.int64),
        "transposed": np.arange(6, dtype=np.float64).reshape(2, 3).T,
        "empty": np.empty((0, 4), np.float32),
    },
    "env": {"rng": np.array([2**64 - 1, 1], np.uint64), "done": np.array([True, False])},
}


def saved(run: Run, env_steps: int) -> Path:
    return save(run.paths.checkpoints, env_steps, ARRAYS, {"update": env_steps // 10})


def names(run: Run) -> list[str]:
    return [info.path.name for info in list_checkpoints(run)]


def recommit(path: Path, name: str, data: bytes) -> None:
    """Replace a file of a checkpoint and its entry in COMMIT, as somebody who means harm would."""
    (path / name).write_bytes(data)
    commit = json.loads((path / "COMMIT").read_text())
    commit["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (path / "COMMIT").write_text(json.dumps(commit))


def test_what_is_saved_is_loaded(run: Run) -> None:
    path = saved(run, 640)
    assert path.name == "step_640"
    loaded = load(path)
    assert (loaded.env_steps, loaded.meta) == (640, {"update": 64})
    assert loaded.arrays.keys() == ARRAYS.keys()
    for group, arrays in ARRAYS.items():
        assert loaded.arrays[group].keys() == arrays.keys()
        for name, array in arrays.items():
            assert loaded.arrays[group][name].dtype == array.dtype
            np.testing.assert_array_equal(loaded.arrays[group][name], array)


def test_a_checkpoint_is_for_its_owner_only(run: Run) -> None:
    path = saved(run, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


def test_checkpoints_are_listed_by_steps_not_by_name(run: Run) -> None:
    for steps in (900, 1000, 20):
        saved(run, steps)
    assert names(run) == ["step_20", "step_900", "step_1000"]


def test_a_checkpoint_of_the_same_step_is_replaced(run: Run) -> None:
    saved(run, 5)
    save(run.paths.checkpoints, 5, {"agent": {"w": np.ones(1)}}, {"second": True})
    assert load(run.paths.checkpoints / "step_5").meta == {"second": True}
    assert [path.name for path in run.paths.checkpoints.iterdir()] == ["step_5"]


@pytest.mark.parametrize(("first", "second"), [(100, 200), (100, 100)])
def test_a_save_that_is_killed_at_any_line_leaves_it_whole_or_unlisted(run: Run, first: int, second: int) -> None:
    script = Path(__file__).parents[1] / "fakes" / "crashing_saves.py"
    done = subprocess.run(
        [sys.executable, str(script), str(run.path), str(first), str(second)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) > 50
    assert [result["survived"] for result in results[-2:]] == [False, True]
    for result in results:
        assert result["listed"] in ([0.0, 1.0], [0.0, 2.0], [0.0, 1.0, 2.0], [0.0])
        assert result["newest"] in (first, second)
        assert set(result["remains"]) <= {"step_50", f"step_{first}", f"step_{second}", "step_300"}


def test_a_checkpoint_that_was_moved_aside_and_never_replaced_is_put_back(run: Run) -> None:
    path = saved(run, 5)
    aside = path.rename(path.with_name(".step_5.0123abcd.old"))
    assert names(run) == []
    recover(run)
    assert names(run) == ["step_5"] and not aside.exists()
    load(path)
    # One that has been replaced stays replaced.
    (run.paths.checkpoints / ".step_5.0123abcd.old").mkdir()
    recover(run)
    load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": {}}', b'{"env_steps": 5, "files": 3}'])
def test_a_damaged_commit_is_refused(content: bytes, run: Run) -> None:
    path = saved(run, 5)
    (path / "COMMIT").write_bytes(content)
    with pytest.raises(CheckpointError, match="COMMIT"):
        load(path)


def test_a_flipped_byte_is_noticed(run: Run) -> None:
    path = saved(run, 5)
    data = bytearray((path / "agent.safetensors").read_bytes())
    data[-1] ^= 1
    (path / "agent.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match="SHA-256"):
        verify(path)


def test_a_short_or_missing_file_is_noticed(run: Run) -> None:
    path = saved(run, 5)
    os.truncate(path / "env.safetensors", 10)
    with pytest.raises(CheckpointError, match="10 bytes long"):
        verify(path)
    (path / "env.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"env\.safetensors"):
        verify(path)


def test_the_newest_valid_one_is_found_behind_a_damaged_one(run: Run) -> None:
    saved(run, 5)
    damaged = saved(run, 6)
    (damaged / "agent.safetensors").write_bytes(b"")
    newest = newest_valid(run)
    assert newest is not None and newest.env_steps == 5


def test_a_run_without_checkpoints_has_no_newest(run: Run) -> None:
    assert newest_valid(run) is None
    run.paths.checkpoints.rmdir()
    assert list_checkpoints(run) == []


def test_a_link_is_neither_listed_nor_loaded(run: Run, tmp_path: Path) -> None:
    path = saved(run, 5)
    outside = path.rename(tmp_path / "step_5")
    path.symlink_to(outside)
    assert list_checkpoints(run) == []
    with pytest.raises(CheckpointError, match="not a folder"):
        load(path)


def test_a_file_that_is_a_link_is_refused(run: Run, tmp_path: Path) -> None:
    path = saved(run, 5)
    outside = (path / "agent.safetensors").rename(tmp_path / "agent")
    (path / "agent.safetensors").symlink_to(outside)
    with pytest.raises(CheckpointError, match=r"agent\.safetensors"):
        load(path)


@pytest.mark.parametrize("name", ["../../config.json", "/etc/passwd", "agent.pkl", "a/b.json", ".json"])
def test_a_commit_that_names_other_files_is_refused(name: str, run: Run) -> None:
    path = saved(run, 5)
    commit = json.loads((path / "COMMIT").read_text())
    commit["files"][name] = {"bytes": 1, "sha256": ""}
    (path / "COMMIT").write_text(json.dumps(commit))
    with pytest.raises(CheckpointError, match="no checkpoint has"):
        load(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"{}" + b"left over",
        struct.pack("<Q", 2) + b"[]",
        b"\x80\x04cos\nsystem\n",
    ],
)
def test_a_malicious_array_file_is_refused(data: bytes, run: Run) -> None:
    path = saved(run, 5)
    recommit(path, "agent.safetensors", data)
    with pytest.raises(CheckpointError, match="not a valid safetensors file"):
        load(path)


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000])
def test_a_damaged_meta_is_refused(data: bytes, run: Run) -> None:
    path = saved(run, 5)
    recommit(path, "meta.json", data)
    with pytest.raises(CheckpointError, match=r"meta\.json"):
        load(path)


def test_the_last_the_best_and_the_pinned_are_kept(run: Run) -> None:
    paths = [saved(run, steps) for steps in (1, 2, 3, 4, 5, 6)]
    pin(paths[0])
    set_best(run, paths[1], 99.0)
    assert prune(run, keep_last=2) == paths[2:4]
    assert names(run) == ["step_1", "step_2", "step_5", "step_6"]
    assert [(info.pinned, info.best) for info in list_checkpoints(run)[:2]] == [(True, False), (False, True)]
    pin(paths[0], False)
    assert prune(run, keep_last=2) == [paths[0]]


def test_pruning_never_deletes_everything(run: Run) -> None:
    saved(run, 1)
    with pytest.raises(ValueError, match="at least 1"):
        prune(run, keep_last=0)


@pytest.mark.parametrize("content", ["", "[]", '{"checkpoint": "../x"}', '{"checkpoint": 3}'])
def test_a_damaged_note_of_the_best_is_as_none(content: str, run: Run) -> None:
    (run.paths.checkpoints / "best.json").write_text(content)
    assert best_checkpoint(run) is None


def test_only_a_checkpoint_can_be_pinned_or_best(run: Run) -> None:
    with pytest.raises(CheckpointError):
        pin(run.paths.checkpoints / "step_1")
    with pytest.raises(CheckpointError):
        set_best(run, run.path, 1.0)


def test_a_full_disk_leaves_the_checkpoints_that_were_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(run, 1)

    def full(path: Path, data: bytes) -> None:
        files.write_synced(path, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write_synced", full)
    with pytest.raises(CheckpointError, match="No space left"):
        saved(run, 2)
    assert [path.name for path in run.paths.checkpoints.iterdir()] == ["step_1"]
    verify(run.paths.checkpoints / "step_1")


def test_a_disk_that_fills_up_at_the_last_moment_leaves_the_one_of_the_same_step(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(run, 1)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "replace_file", full)
    with pytest.raises(CheckpointError, match="No space left"):
        save(run.paths.checkpoints, 1, {}, {})
    assert load(path).meta == {"update": 0}
    with pytest.raises(CheckpointError, match="No space left"):
        save(run.paths.checkpoints, 2, {}, {})
    assert names(run) == ["step_1"]


def test_arrays_that_cannot_be_saved_leave_nothing_behind(run: Run) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        save(run.paths.checkpoints, 1, {"../agent": {}}, {})
    assert list(run.paths.checkpoints.iterdir()) == []


def test_listing_and_verifying_need_no_safetensors(run: Run) -> None:
    path = saved(run, 5)
    program = (
        "import sys; sys.modules['safetensors'] = None; sys.modules['numpy'] = None\n"
        "from motrix_core.runs.layout import Run\n"
        "from motrix_core.runs.checkpoints import newest_valid\n"
        f"print(newest_valid(Run.open({str(run.path)!r})).path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(path)
