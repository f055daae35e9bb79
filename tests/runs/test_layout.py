from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.errors import RunNotFound, RunsFolderError
from motrix_core.runs import layout
from motrix_core.runs.layout import Run, create_run, find_run, list_runs, remove_run
from motrix_core.runs.provenance import git_state

MakeRun = Callable[..., Run]
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def renamed(run: Run, name: str) -> Run:
    return Run(run.path.rename(run.path.with_name(name)))


def test_a_new_run_has_its_configuration_its_state_and_a_place_for_the_rest(make_run: MakeRun) -> None:
    run = make_run(hardware={"cpu": "one"})
    record = json.loads(run.paths.config.read_text())
    assert record["id"] == run.id
    assert record["hardware"] == {"cpu": "one"}
    assert record["packages"]["numpy"]
    assert run.config() == RunConfig(env="cartpole", backend="jax", ppo=PPOCfg(seed=run.config().ppo.seed))
    assert (run.env, run.backend, run.state().status) == ("cartpole", "jax", "starting")
    assert sorted(path.name for path in run.path.iterdir()) == [
        ".reserve",
        "checkpoints",
        "config.json",
        "control.jsonl",
        "events.jsonl",
        "state.json",
    ]


def test_only_the_owner_can_look_into_a_run(make_run: MakeRun, runs_dir: Path) -> None:
    run = make_run()
    folders = [runs_dir, run.path.parent, run.path, run.paths.checkpoints]
    files = [run.paths.config, run.paths.state, run.paths.events, run.paths.control]
    assert [mode(folder) for folder in folders] == [0o700] * 4
    assert [mode(file) for file in files] == [0o600] * 4


def test_two_runs_of_the_same_second_are_two_folders(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    suffixes = iter(["aaaa", "aaaa", "bbbb"])
    token_hex = layout.secrets.token_hex
    monkeypatch.setattr(layout.secrets, "token_hex", lambda size: next(suffixes) if size == 2 else token_hex(size))
    monkeypatch.setattr(layout.time, "strftime", lambda *_: "20260102-030405")
    assert [make_run().id, make_run().id] == ["20260102-030405-jax-aaaa", "20260102-030405-jax-bbbb"]


def test_a_runs_folder_below_a_file_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunsFolderError, match="--runs-dir"):
        create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "file" / "runs", extra={})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@as_root
def test_an_unwritable_runs_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunsFolderError, match="Permission denied"):
        create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})


def test_a_disk_that_fills_up_leaves_no_part_of_a_run(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, state: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layout, "write_state", full)
    with pytest.raises(RunsFolderError, match="No space left"):
        create_run(RunConfig(env="cartpole", backend="jax"), runs_dir, extra={})
    assert not runs_dir.exists()


def test_an_environment_name_cannot_lead_out_of_the_runs_folder(runs_dir: Path) -> None:
    config = SimpleNamespace(env="../outside", backend="jax", model_dump=lambda mode: {})
    with pytest.raises(RunsFolderError, match="cannot name a folder"):
        create_run(config, runs_dir, extra={})  # pyright: ignore[reportArgumentType]
    assert not runs_dir.exists()


def test_a_run_is_found_by_folder_id_part_and_last(make_run: MakeRun, runs_dir: Path) -> None:
    first, second = make_run(), make_run("pendulum", "torch")
    assert find_run(runs_dir, str(first.path)) == first
    assert find_run(runs_dir, first.id) == first
    assert find_run(runs_dir, "torch") == second
    assert find_run(runs_dir, "last") == second


def test_last_is_the_run_that_was_made_last_even_within_a_second(make_run: MakeRun, runs_dir: Path) -> None:
    runs = [make_run() for _ in range(5)]
    assert find_run(runs_dir, "last") == runs[-1]
    assert [summary.run for summary in list_runs(runs_dir)] == runs[::-1]


def test_a_whole_id_is_meant_even_if_another_contains_it(make_run: MakeRun, runs_dir: Path) -> None:
    short = renamed(make_run(), "best")
    renamed(make_run(), "best-of-all")
    assert find_run(runs_dir, "best") == short


def test_an_ambiguous_part_lists_the_candidates(make_run: MakeRun, runs_dir: Path) -> None:
    first, second = make_run(), make_run()
    with pytest.raises(RunNotFound) as caught:
        find_run(runs_dir, "jax")
    assert first.id in str(caught.value) and second.id in str(caught.value)


@pytest.mark.parametrize("token", ["..", "../runs", "a/b", "", ".", "x\x1b", "~"])
def test_what_is_neither_a_folder_nor_a_name_is_refused(token: str, make_run: MakeRun, runs_dir: Path) -> None:
    make_run()
    with pytest.raises(RunNotFound):
        find_run(runs_dir, token)


def test_no_run_at_all_says_how_to_make_one(runs_dir: Path) -> None:
    with pytest.raises(RunNotFound, match="motrix run"):
        find_run(runs_dir, "last")


def test_a_link_that_leads_outside_is_no_run(make_run: MakeRun, runs_dir: Path, tmp_path: Path) -> None:
    run = make_run()
    outside = run.path.rename(tmp_path / run.id)
    (runs_dir / "cartpole" / run.id).symlink_to(outside)
    assert list_runs(runs_dir) == []
    with pytest.raises(RunNotFound):
        find_run(runs_dir, run.id)


def test_foreign_files_in_the_runs_folder_are_passed_over(make_run: MakeRun, runs_dir: Path) -> None:
    run = make_run()
    (runs_dir / "notes.txt").write_text("mine")
    (runs_dir / "cartpole" / "plots").mkdir()
    (runs_dir / "cartpole" / ".new-1234").mkdir()
    assert [summary.run for summary in list_runs(runs_dir)] == [run]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"[1]"),
        ("config.json", b'{"config": {}, "created_at": "soon"}'),
        ("state.json", b""),
        ("state.json", b"[" * 100_000),
        ("state.json", b'{"status": "running"}'),
    ],
)
def test_a_damaged_run_is_listed_with_its_problem(name: str, content: bytes, run: Run, runs_dir: Path) -> None:
    (run.path / name).write_bytes(content)
    (summary,) = list_runs(runs_dir)
    assert summary.run == run
    assert summary.status == "unreadable"
    assert name in str(summary.problem)
    assert summary.created_at > 0


def test_a_pipe_in_the_place_of_a_file_does_not_hold_up_the_list(run: Run, runs_dir: Path) -> None:
    run.paths.state.unlink()
    os.mkfifo(run.paths.state)
    assert "not a regular file" in str(list_runs(runs_dir)[0].problem)


def test_a_configuration_changed_by_hand_is_refused_with_its_field(run: Run) -> None:
    record = json.loads(run.paths.config.read_text())
    record["config"]["ppo"]["num_envs"] = -1
    run.paths.config.write_text(json.dumps(record))
    with pytest.raises(RunsFolderError, match=r"ppo\.num_envs"):
        run.config()


def test_a_removed_run_is_gone_with_all_its_files(run: Run, runs_dir: Path) -> None:
    remove_run(run)
    assert list((runs_dir / "cartpole").iterdir()) == []


def test_a_folder_without_git_has_no_git_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) is None


def test_git_state_names_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)

    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-qm", "one")
    state = git_state(tmp_path)
    assert state is not None and len(state["commit"]) == 40 and state["dirty"] is False
    (tmp_path / "file").write_text("2")
    changed = git_state(tmp_path)
    assert changed is not None and changed["dirty"] is True


def test_a_seed_that_is_drawn_is_found_in_the_record(runs_dir: Path) -> None:
    config = RunConfig(env="cartpole", backend="jax", ppo=PPOCfg(seed=None))
    first, second = (create_run(config, runs_dir, extra={"sources": {"env": "flag", "ppo.seed": "flag"}}) for _ in "12")
    seeds = {run.config().ppo.seed for run in (first, second)}
    assert None not in seeds and len(seeds) == 2
    assert first.record()["sources"] == {"env": "flag", "ppo.seed": "drawn"}
    assert first.has_drawn_seed
    assert create_run(config, runs_dir, extra={}).has_drawn_seed
    assert config.ppo.seed is None


def test_a_seed_that_is_given_is_not_drawn(runs_dir: Path) -> None:
    config = RunConfig(env="cartpole", backend="jax", ppo=PPOCfg(seed=0))
    run = create_run(config, runs_dir, extra={"sources": {"ppo.seed": "flag"}})
    assert run.config().ppo.seed == 0
    assert run.record()["sources"] == {"ppo.seed": "flag"}
    assert not run.has_drawn_seed
