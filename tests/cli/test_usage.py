"""Wrong usage: one clear message with the mend, the right exit code, no traceback, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from motrix_core.cli import build_parser, main
from motrix_core.commands.resume import plan
from motrix_core.commands.run import resolve
from motrix_core.config.schema import RunConfig
from motrix_core.errors import ConfigError
from motrix_core.runs.layout import create_run


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("MOTRIX_BACKEND", "MOTRIX_SIM", "MOTRIX_RUNS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def refused(argv: list[str], capsys: pytest.CaptureFixture[str], code: int = 2) -> str:
    """The message with which `argv` is refused; nothing may be on stdout or on disk."""
    try:
        got = main(argv)
    except SystemExit as ending:  # argparse
        got = int(ending.code or 0)
    out, err = capsys.readouterr()
    assert got == code, err
    assert out == ""
    assert "Traceback" not in err
    assert not (Path.cwd() / "runs").exists()
    return err


def test_an_unknown_environment_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(["run", "--env", "cartpol"], capsys)
    assert "cartpol" in err
    assert "did you mean cartpole?" in err
    assert "motrix envs" in err


def test_no_environment_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cartpole" in refused(["run"], capsys)


def test_an_unknown_backend_lists_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(["run", "--env", "pendulum", "--backend", "tensorflow"], capsys)
    assert "tensorflow" in err
    assert "jax" in err
    assert "torch" in err


def test_an_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean devices?" in refused(["device"], capsys)


def test_a_batch_that_does_not_divide_names_a_number_that_does(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(["run", "--env", "cartpole", "--backend", "jax", "--set", "ppo.mini_batches=3"], capsys)
    assert "ppo.mini_batches=3 must divide rollouts*num_envs=65536" in err
    assert "try 4" in err


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("ppo.learning_rate=nan", "learning_rate"),
        ("ppo.learning_rate=-1e-3", "learning_rate"),
        ("ppo.num_envs=-4", "num_envs"),
        ("ppo.max_env_steps=inf", "max_env_steps"),
        ("ppo.rollouts=0", "rollouts"),
        ("ppo.policy_hidden_layer_sizes=", "policy_hidden_layer_sizes"),
    ],
)
def test_an_impossible_number_is_refused_by_name(setting: str, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert field in refused(["run", "--env", "pendulum", "--backend", "jax", "--set", setting], capsys)


@pytest.mark.parametrize(
    ("env", "setting", "said"),
    [
        ("cartpole", "env.episode_s=abc", "env.episode_s=abc must be a number of seconds, at least one control step"),
        ("cartpole", "env.episode_s=-1", "env.episode_s=-1 must be a number of seconds"),
        ("pendulum", "env.episode_s=0", "env.episode_s=0 must be a number of seconds"),
        ("pendulum", "env.episode_s=true", "env.episode_s=True must be a number of seconds"),
        ("pendulum", "env.episode_s=nan", "env.episode_s=nan must be a number of seconds"),
        ("cartpole", "env.nosuch=1", "env.nosuch=1 is not an option of cartpole; it has env.episode_s"),
        ("cartpole", "env.episode=1", "did you mean env.episode_s?"),
        ("go1-flat-terrain-walk", "env.vary=2", "env.vary=2 must be a number from 0 to below 1; try 0.2"),
        ("franka-lift-cube", "env.model=menagery", "env.model=menagery must be own or menagerie; did you mean menag"),
        ("mountain-car", "env.energy_weight=-1", "env.energy_weight=-1 must be a number, 0 or more; try 100"),
    ],
)
def test_a_wrong_option_of_an_environment_is_refused_as_it_was_typed(
    env: str, setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(["run", "--env", env, "--backend", "jax", "--set", setting], capsys)


@pytest.mark.parametrize("words", [["demos"], ["envs", "check", "cartpole"], ["view", "--env", "cartpole"]])
def test_every_command_that_takes_options_refuses_one_that_there_is_not(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused([*words, "--set", "env.nosuch=1", *(["--frames", "1"] if words[0] == "view" else [])], capsys)
    assert "env.nosuch=1 is not an option of cartpole; it has env.episode_s" in said


def test_a_published_model_without_its_package_is_refused_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What is None there cannot be imported.
    monkeypatch.setitem(sys.modules, "robot_descriptions", None)
    argv = ["run", "--env", "go1-flat-terrain-walk", "--backend", "jax", "--set", "env.model=menagerie"]
    assert "pip install 'motrix-tui[menagerie]'" in refused(argv, capsys, code=4)


def test_options_are_looked_at_without_a_simulator_and_only_where_there_are_some() -> None:
    program = (
        "import sys\n"
        "from motrix_core.envs.registry import check_options, find_spec\n"
        "spec = find_spec('go1-rough-terrain-walk')\n"
        "check_options(spec, {})\n"
        "assert not [name for name in sys.modules if name.startswith('motrix_core.envs.tasks')]\n"
        "check_options(spec, {'vary': 0.5, 'terrain_seed': 3})\n"
        "assert not [name for name in ('mujoco', 'motrixsim', 'gymnasium') if name in sys.modules]\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_check_of_an_environment_on_an_unknown_simulator_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(["envs", "check", "cartpole", "--sim", "foo"], capsys)
    assert "unknown simulator 'foo'" in err and "mujoco" in err


def test_every_problem_is_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["run", "--env", "pendulum", "--backend", "jax", "--set", "ppo.learning_rate=nan", "--num-envs", "-1"]
    err = refused([*argv, "--set", "ppo.learning_rat=1"], capsys)
    assert "ppo.learning_rate=nan" in err
    assert "num_envs" in err
    assert "did you mean ppo.learning_rate" in err


def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.toml"
    file.write_text('env = "pendulum"\n[ppo\nlearning_rate = 1e-3\n')
    err = refused(["run", "--config", str(file)], capsys)
    assert "broken.toml" in err
    assert "line 2" in err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.toml" in refused(["run", "--config", "nowhere.toml"], capsys)


def test_a_runs_folder_that_cannot_be_made_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    # /proc takes no new folders, not even root's.
    err = refused(["run", "--env", "pendulum", "--backend", "jax", "--runs-dir", "/proc/motrix-runs"], capsys)
    assert "/proc/motrix-runs" in err


def test_a_runs_folder_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    err = refused(["run", "--env", "pendulum", "--backend", "jax", "--runs-dir", str(taken)], capsys)
    assert str(taken) in err
    assert taken.read_text() == "mine"


def test_a_simulator_that_the_environment_does_not_need_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(["run", "--env", "pendulum", "--backend", "jax", "--sim", "mujoco"], capsys)
    assert "needs no simulator" in err
    assert "--sim auto" in err


def test_a_preferred_simulator_does_not_keep_an_environment_without_one_from_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOTRIX_SIM", "mujoco")
    args = build_parser().parse_args(["run", "--env", "pendulum", "--backend", "jax"])
    assert resolve(args)[0].sim == "none"


def test_seed_and_random_seed_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--rand-seed" in refused(["run", "--env", "pendulum", "--seed", "1", "--rand-seed"], capsys)


def test_an_unknown_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no run" in refused(["runs", "show", "last"], capsys)


@pytest.mark.parametrize("words", [[], ["--help"], ["run", "--help"], ["runs", "--help"], ["devices", "--help"]])
def test_help_is_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ending:
        code = int(ending.code or 0)
    assert code == 0
    assert "usage: motrix" in capsys.readouterr().out


def test_the_file_that_drew_a_seed_still_fits_the_run_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(RunConfig(env="pendulum", backend="torch", sim="none"), tmp_path / "runs", extra={})
    monkeypatch.setattr("motrix_core.process.resume.plan_resume", lambda run, **changes: changes)
    file = tmp_path / "random.toml"
    file.write_text('ppo.seed = "random"\n')
    args = build_parser().parse_args(["run", "--resume", run.id, "--config", str(file)])
    assert plan(args, {})[0].id == run.id
    with pytest.raises(ConfigError, match=f"contradicts run {run.id}, which has ppo.seed={run.config().ppo.seed}"):
        plan(args, {"ppo.seed": "1"})


@pytest.mark.real
@pytest.mark.parametrize("asked", ["auto", "motrixsim"])
def test_a_simulator_that_cannot_be_imported_is_told_before_a_run_is_made(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shim = tmp_path / "shim" / "motrixsim"
    shim.mkdir(parents=True)
    (shim / "__init__.py").write_text("raise ImportError('libGL.so.1 is missing')")
    monkeypatch.setenv("PYTHONPATH", str(shim.parent))
    err = refused(["run", "--env", "cartpole", "--sim", asked], capsys, code=4)
    assert "simulator motrixsim cannot be used: ImportError: libGL.so.1 is missing" in err
    assert "pip install --force-reinstall motrixsim, or use --sim mujoco, which works" in err


@pytest.mark.parametrize(
    ("words", "closed", "code"), [("demos --envs nope", "2>&-", 2), ("envs --json", ">&-", 0), ("envs", ">&- 2>&-", 0)]
)
def test_a_closed_stdout_or_stderr_changes_no_exit_code(words: str, closed: str, code: int) -> None:
    done = subprocess.run(f"{sys.executable} -m motrix_core.cli {words} {closed}", shell=True, capture_output=True)
    assert done.returncode == code and not done.stdout and b"Traceback" not in done.stderr
