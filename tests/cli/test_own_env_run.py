"""Runs of environments that users bring, end to end with a real trainer: trained, continued, scored; or refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from motrix_core.commands.own_env import TEMPLATE

TINY = ["--backend", "torch", "--num-envs", "8", "--set", "ppo.rollouts=8", "--set", "ppo.mini_batches=2"]
TINY += ["--set", "ppo.policy_hidden_layer_sizes=8", "--set", "ppo.value_hidden_layer_sizes=8", "--quiet"]
pytestmark = pytest.mark.real


def motrix(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "motrix_core.cli", *words, "--runs-dir", str(folder / "runs")]
    return subprocess.run(argv, capture_output=True, text=True, cwd=folder)


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mine.py, and with one run of it in runs/."""
    folder = tmp_path_factory.mktemp("trained")
    # It prints, which must not get into what is promised to be JSON.
    (folder / "mine.py").write_text(TEMPLATE.read_text() + 'print("hello")\n')
    done = motrix("run", *TINY, "--max-env-steps", "128", "--env-module", "mine.py", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """The run's folder, as if it had been trained in `tmp_path`."""
    shutil.copytree(trained_once, tmp_path, dirs_exist_ok=True)
    (run,) = (tmp_path / "runs").glob("*/*")
    record = run / "config.json"
    record.write_text(record.read_text().replace(str(trained_once), str(tmp_path)))
    return run


def test_a_file_is_found_again_to_continue_and_to_score(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    words = ("run", "--resume", "last", "--max-env-steps", "256", "--quiet", "--runs-dir", str(tmp_path / "runs"))
    argv = [sys.executable, "-m", "motrix_core.cli", *words]
    continued = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path / "elsewhere")
    assert continued.returncode == 0, continued.stderr
    assert events(trained)[-1]["env_steps"] == 256
    # Its own state is saved, so nothing has to be said about new episodes.
    assert not [event for event in events(trained) if event["type"] == "warning"]
    scored = motrix("eval", "last", "--episodes", "8", "--json", folder=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["env"] == "my-env"
    assert "hello" in scored.stderr
    # Gone, it is missed by its path, and the run stays as it is.
    (tmp_path / "mine.py").unlink()
    missed = motrix("run", "--resume", "last", "--max-env-steps", "512", folder=tmp_path)
    assert missed.returncode == 2
    assert f"environment file {tmp_path / 'mine.py'} does not exist" in missed.stderr
    assert events(trained)[-1]["env_steps"] == 256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("STEP_S = 1 / 0", "mine.py, line 24: ZeroDivisionError"),
        ("STEP_S = 0.05; 1 +", "mine.py, line 24: SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_no_run_behind(tmp_path: Path, change: str, message: str) -> None:
    text = TEMPLATE.read_text().replace("STEP_S = 0.05", change)
    (tmp_path / "mine.py").write_text(text)
    done = motrix("run", *TINY, "--env-module", "mine.py", folder=tmp_path)
    assert done.returncode == 3
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_what_is_made_of_a_run_finds_its_file_without_being_told(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()

    def type_in(*words: str) -> str:
        argv = [sys.executable, "-m", "motrix_core.cli", *words]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path / "elsewhere")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    runs = ("--runs-dir", str(tmp_path / "runs"))
    # Its bounds are in the file only, and the ONNX file clips to them.
    assert type_in("export", "last", *runs) == "my-env-128.onnx"
    converted = type_in("convert", str(trained / "checkpoints" / "step_128"), "--to", "jax")
    assert converted == "my-env-jax/step_128"
    # For another run: of the file, whose place is in the config.json of the first.
    initial = str(tmp_path / "elsewhere" / converted)
    again = Path(type_in("run", "--config", str(trained / "config.json"), "--init-from", initial, "--quiet", *runs))
    assert again != trained
    assert json.loads((again / "config.json").read_text())["config"]["env_module"] == str(tmp_path / "mine.py")
    assert events(again)[-1]["data"]["status"] == "finished"


def test_a_file_that_was_edited_meanwhile_is_told_once_when_its_run_goes_on(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEMPLATE.read_text().replace("FORCE_N = 10.0", "FORCE_N = 5.0"))
    argv = ("run", "--resume", "last", "--max-env-steps", "256")
    done = motrix(*argv, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    warnings = [event["data"]["message"] for event in events(trained) if event["type"] == "warning"]
    assert len(warnings) == 1
    assert f"{tmp_path / 'mine.py'} is not the file that this run began with" in warnings[0]
    assert [line for line in done.stderr.splitlines() if "not the file that this run began with" in line] == [
        f"motrix: warning: {warnings[0]}"
    ]
    assert events(trained)[-1]["env_steps"] == 256


def test_a_state_that_is_not_taken_back_ends_the_resumed_run_with_file_and_line(trained: Path, tmp_path: Path) -> None:
    text = TEMPLATE.read_text().replace('state["target"]', 'state["targett"]')
    (tmp_path / "mine.py").write_text(text)
    (line,) = (number for number, said in enumerate(text.splitlines(), 1) if "targett" in said)
    done = motrix("run", "--resume", "last", "--max-env-steps", "256", folder=tmp_path)
    assert done.returncode == 3
    place = f"{tmp_path / 'mine.py'}, line {line}"
    assert f"environment my-env failed in set_state: {place}: KeyError: 'targett'" in done.stderr
    assert events(trained)[-1]["data"]["status"] == "failed"


@pytest.mark.parametrize("words", [["envs"], ["config", "show", "--env", "my-env", "--backend", "torch"]])
def test_what_a_file_prints_is_not_in_the_json(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(TEMPLATE.read_text() + 'print("hello")\n')
    argv = [sys.executable, "-m", "motrix_core.cli", *words, "--json", "--env-module", "mine.py"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    assert "my-env" in str(json.loads(done.stdout)) and "hello" in done.stderr
