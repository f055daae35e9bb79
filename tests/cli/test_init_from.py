"""What `--init-from` means, and what it refuses before a run is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.commands.init_from import find_initial
from motrix_core.config.form import command_line
from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.errors import CheckpointError, CheckpointNotFound, UsageError
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run

SIZES: dict[str, Any] = {"policy_hidden_layer_sizes": (8,), "value_hidden_layer_sizes": (8,)}


@pytest.fixture
def source(tmp_path: Path) -> Run:
    """A run with three checkpoints of a network that does not fit, of which the second is the best."""
    config = RunConfig(env="pendulum", backend="torch", sim="none", ppo=PPOCfg(**SIZES))
    run = create_run(config, tmp_path / "runs", extra={})
    agent = {"trunk.layers.0.weight": np.zeros((8, 3), np.float32)}
    for env_steps in (64, 128, 1024):
        checkpoints.save(run.paths.checkpoints, env_steps, {"agent": agent}, {"env": "pendulum"})
    checkpoints.set_best(run, run.paths.checkpoints / "step_128", 1.0)
    return run


def test_a_run_is_its_best_checkpoint_unless_another_is_named(source: Run, tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    for token, step in (("last", 128), (source.id, 128), (f"{source.id}@last", 1024), (f"{source.id}@64", 64)):
        assert find_initial(token, runs_dir) == source.paths.checkpoints / f"step_{step}", token
    assert find_initial(str(source.path), runs_dir).name == "step_128"


def test_a_folder_is_a_checkpoint_or_holds_some(source: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source.paths.checkpoints)
    assert find_initial("step_64", tmp_path) == source.paths.checkpoints / "step_64"
    assert find_initial(".", tmp_path) == source.paths.checkpoints / "step_1024"


def test_what_cannot_be_started_from_is_refused_with_the_way_out(source: Run, tmp_path: Path) -> None:
    agent = tmp_path / "agent.pt"
    agent.write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"agent\.pt is a file.*; motrix convert FILE --to jax\|torch --env ENV"):
        find_initial(str(agent), tmp_path)
    with pytest.raises(CheckpointNotFound, match="empty is no checkpoint, and there is none in it; name a run instead"):
        find_initial(str(tmp_path / "empty"), tmp_path)
    with pytest.raises(UsageError, match=r"--init-from nowhere: there is no such checkpoint and no such run; motrix"):
        find_initial("nowhere", tmp_path / "runs")
    with pytest.raises(CheckpointNotFound, match="has no checkpoint '65'; use best, last, or one of 64, 128, 1024"):
        find_initial(f"{source.id}@65", tmp_path / "runs")


def test_the_command_line_and_the_record_say_what_a_run_started_from() -> None:
    config = RunConfig(env="pendulum", backend="torch", sim="none", init_from="/runs/a/checkpoints/step_64")
    argv = command_line(config)
    assert argv[argv.index("--init-from") + 1] == "/runs/a/checkpoints/step_64"
    assert "--init-from" not in command_line(config.model_copy(update={"init_from": None}))
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.real
def test_networks_of_other_sizes_are_refused_before_a_run_is_made(
    source: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["run", "--env", "pendulum", "--backend", "torch", "--init-from", source.id, "--runs-dir"]
    # The environment's own networks, of 64 and 64.
    assert main([*argv, str(tmp_path / "runs")]) == CheckpointError.exit_code
    error = capsys.readouterr().err
    assert f"no run can start from {source.paths.checkpoints / 'step_128'}: trunk.layers.0.weight is (8, 3)" in error
    assert error.count("\n") == 1
    assert [path.name for path in (tmp_path / "runs" / "pendulum").iterdir()] == [source.id]
