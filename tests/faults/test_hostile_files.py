"""Files of a run that hold anything at all: refused with a message, never executed, never a crash."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from faults_support import FULL, times
from hypothesis import given, settings
from hypothesis import strategies as st
from process_support import events

from motrix_core.cli import main
from motrix_core.config.schema import RunConfig
from motrix_core.errors import CheckpointError, MotrixError
from motrix_core.process.control import wait
from motrix_core.runs import checkpoints
from motrix_core.runs.control import REQUEST_TYPES, ControlReader
from motrix_core.runs.layout import Run, create_run, find_run, list_runs
from motrix_core.runs.notes import Notes, read_notes, write_notes

SECRET = "hunter2-must-not-be-written"
often = settings(max_examples=times(30, 1000), deadline=None, derandomize=not FULL, database=None)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner), max_leaves=8
)
contents = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())


@contextlib.contextmanager
def temporary_run() -> Any:
    folder = Path(tempfile.mkdtemp())
    try:
        yield create_run(RunConfig(env="cartpole", backend="jax"), folder, extra={})
    finally:
        shutil.rmtree(folder)


@often
@given(name=st.sampled_from(["config.json", "state.json", "events.jsonl", "notes.json"]), content=contents)
def test_whatever_a_file_holds_every_command_says_what_is_wrong(name: str, content: bytes) -> None:
    with temporary_run() as run:
        (run.path / name).write_bytes(content)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            for words in (["list"], ["show", run.id], ["stop", run.id]):
                assert main(["runs", *words, "--runs-dir", str(run.path.parents[1])]) in (0, 2, 3)
        for read in (run.config, run.current_config, run.state, lambda: read_notes(run)):
            with contextlib.suppress(MotrixError):
                read()
        assert [summary.run for summary in list_runs(run.path.parents[1])] == [run]


@often
@given(key=st.sampled_from(["type", "id", "values", "backend", "time"]), value=values, content=contents)
def test_whatever_is_asked_only_a_whole_request_is_taken(key: str, value: Any, content: bytes) -> None:
    with temporary_run() as run:
        request = {"type": "set", "id": "1", "values": {"ppo.learning_rate": 1e-3}, key: value}
        run.paths.control.write_bytes(content + b"\n" + json.dumps(request).encode() + b"\n")
        for taken in ControlReader(run.paths.control).poll():
            assert taken["type"] in REQUEST_TYPES
            assert isinstance(taken["id"], str)
            assert taken["type"] != "set" or set(taken["values"]) <= {
                "ppo.learning_rate",
                "ppo.entropy_loss_scale",
                "ppo.ratio_clip",
            }


@often
@given(name=st.sampled_from(["COMMIT", "meta.json", "../best.json", "PINNED"]), content=contents)
def test_whatever_a_checkpoint_holds_it_is_whole_or_refused(name: str, content: bytes) -> None:
    with temporary_run() as run:
        path = checkpoints.save(run.paths.checkpoints, 10, {}, {"step": 10})
        (path / name).write_bytes(content)
        newest = checkpoints.newest_valid(run)
        assert newest is None or checkpoints.read_meta(newest.path) == {"step": 10}
        assert checkpoints.best_score(run) is None or newest is not None


@pytest.mark.parametrize("token", ["..", "../..", "/etc", "a/../../b", ".hidden", "", "\x00", "~root", "-rf"])
def test_no_name_of_a_run_leads_out_of_the_runs_folder(token: str, run: Run) -> None:
    with pytest.raises(MotrixError):
        find_run(run.path.parents[1], token)


def test_no_name_in_a_checkpoint_leads_out_of_it(run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    path = checkpoints.save(run.paths.checkpoints, 10, {}, {})
    for name in ("../../outside.json", str(outside), "..", "a/b.json"):
        commit = {"format": 1, "env_steps": 10, "files": {name: {"bytes": 2, "sha256": "0"}}}
        (path / "COMMIT").write_text(json.dumps(commit))
        with pytest.raises(CheckpointError, match="which no checkpoint has"):
            checkpoints.load(path)


def test_what_a_run_writes_is_for_its_owner_and_holds_no_secret(
    run: Run, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", SECRET)
    start("--steps", "50")
    assert wait(run, 60).status == "finished"
    write_notes(run, Notes("looks well", ("good",)))
    assert events(run, "run_ended")
    for path in [run.path, *run.path.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
