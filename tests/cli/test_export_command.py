"""`motrix export` from the command line: which checkpoint, where to, and what is said."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.config.schema import RunConfig
from motrix_core.learn.spec import ModelSpec, adam_arrays, init_parameters, scaler_arrays
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import write_state

pytest.importorskip("onnxruntime")
SPEC = ModelSpec(obs_dim=3, act_dim=1, policy_hidden=(4,), value_hidden=(4,), shared=False)


def save(run: Run, env_steps: int) -> Path:
    parameters = init_parameters(SPEC, np.random.default_rng(env_steps))
    arrays = {
        **parameters,
        **adam_arrays(parameters, parameters, 1),
        **scaler_arrays("observation", np.zeros(3), np.ones(3), 1),
        **scaler_arrays("value", np.zeros(1), np.ones(1), 1),
    }
    return checkpoints.save(run.paths.checkpoints, env_steps, {"agent": arrays}, {"env": run.env, "backend": "torch"})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run with checkpoints at 100, 200 and 300, in ./runs, and a current folder of its own."""
    monkeypatch.chdir(tmp_path)
    # The command sets it for its own process, which here is everybody's.
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    made = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path / "runs", extra={})
    for env_steps in (100, 200, 300):
        save(made, env_steps)
    return made


@pytest.mark.parametrize(
    ("words", "steps"), [([], 300), (["--checkpoint", "last"], 300), (["--checkpoint", "200"], 200)]
)
def test_the_file_is_named_after_the_checkpoint(
    run: Run, words: list[str], steps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "last", "--format", "onnx", *words]) == 0
    out, err = capsys.readouterr()
    assert out == f"pendulum-{steps}.onnx\n"
    assert Path(out.strip()).is_file()
    assert f"step_{steps}" in err
    assert "4096 observations: numpy" in err and "torch" in err


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_file_may_be_read_by_whom_the_umask_lets(run: Run, tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        assert main(["export", "last", "-o", "policy.onnx"]) == 0
    finally:
        os.umask(before)
    assert (tmp_path / "policy.onnx").stat().st_mode & 0o777 == mode


def test_the_best_checkpoint_is_taken_where_one_is_known(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints.set_best(run, run.paths.checkpoints / "step_200", 12.0)
    for words in ([], ["--checkpoint", "best"]):
        assert main(["export", run.id, *words, "-o", "best.onnx"]) == 0
        assert "step_200" in capsys.readouterr().err


def test_a_damaged_last_checkpoint_is_passed_over(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    file = run.paths.checkpoints / "step_300" / "agent.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["export", "last"]) == 0
    assert capsys.readouterr().out == "pendulum-200.onnx\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--checkpoint", "best"], "use --checkpoint last"),
        (["--checkpoint", "250"], "use best, last, or one of 100, 200, 300"),
        (["--checkpoint", "../step_100"], "has no checkpoint"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_refused_in_one_line(
    run: Run, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "last", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err and err.count("\n") == 1
    assert not list(Path().glob("*.onnx"))


def test_a_run_without_checkpoints_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path / "runs", extra={})
    assert main(["export", "last"]) == 2
    assert "no checkpoint yet" in capsys.readouterr().err


def test_a_run_whose_checkpoints_were_never_finished_is_refused_with_the_reason(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write_state(run.paths.state, run.state().change(status="crashed"))
    for commit in run.paths.checkpoints.glob("*/COMMIT"):
        commit.unlink()
    assert main(["export", "last"]) == 3
    err = capsys.readouterr().err
    assert "step_300 cannot be used: it has no COMMIT" in err and err.count("\n") == 1
    assert f"motrix run --config {run.paths.config}" in err


def test_another_format_is_wrong_usage(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", "last", "--format", "tflite"])
    assert ended.value.code == 2
    assert "onnx" in capsys.readouterr().err
