"""`motrix convert` from the command line: across backends and back, from skrl's files, and what is refused."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.learn.session import TrainSession
from motrix_core.learn.world import World
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run

TINY = {
    "seed": 7,
    "num_envs": 4,
    "rollouts": 4,
    "mini_batches": 2,
    "learning_epochs": 1,
    "max_env_steps": 32,
    "policy_hidden_layer_sizes": (8, 4),
    "value_hidden_layer_sizes": (8, 4),
}


def make_run(runs_dir: Path, backend: str, engine: str = "fused") -> Run:
    train = TrainCfg(engine=engine, device="cpu", threads=1, tensorboard=False, eval_every_updates=0)
    config = RunConfig(env="pendulum", backend=backend, sim="none", ppo=PPOCfg(**TINY), train=train)
    return create_run(config, runs_dir, extra={})


def train(run: Run) -> TrainSession:
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    session.train()
    session.close()
    return session


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint of ours, and skrl's own file of the same agent, both of torch."""
    folder = tmp_path_factory.mktemp("trained")
    run = make_run(folder / "runs", "torch", engine="stock")
    session = train(run)
    file = folder / "agent_8.pt"
    session._trainer._agent.save(str(file))
    return run.paths.checkpoints / "step_32", file


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_checkpoint_goes_to_the_other_backend_and_back_unchanged(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(trained[0]), "--to", "jax"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("pendulum-jax/step_32\n", "")
    assert main(["convert", out.strip(), "--to", "torch", "-o", "back"]) == 0
    before, there, back = (checkpoints.load(path) for path in (trained[0], Path(out.strip()), Path("back/step_32")))
    assert there.meta == {**before.meta, "backend": "jax"}
    assert back.meta == before.meta
    dropped = {name for name in before.arrays["agent"] if name.startswith("rng.torch.")}
    assert dropped
    for after in (there, back):
        assert after.arrays["agent"].keys() == before.arrays["agent"].keys() - dropped
        for group, arrays in after.arrays.items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, before.arrays[group][name], err_msg=name)


def test_a_link_or_a_relative_path_names_a_checkpoint_too(
    trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("newest").symlink_to(trained[0])
    assert main(["convert", "newest", "--to", "jax", "-o", "a"]) == 0
    monkeypatch.chdir(trained[0])
    assert main(["convert", ".", "--to", "jax", "-o", str(tmp_path / "b")]) == 0


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_training_goes_on_from_what_skrl_wrote(
    backend: str, trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(trained[1]), "--to", backend, "--env", "pendulum"]) == 0
    out, err = capsys.readouterr()
    assert out == f"pendulum-{backend}/step_0\n"
    assert "ELU is assumed" in err and "ppo.policy_hidden_layer_sizes=8-4" in err
    imported, original = checkpoints.load(Path(out.strip())), checkpoints.load(trained[0])
    assert imported.meta["learning_rate"] == original.meta["learning_rate"]
    for name, array in imported.arrays["agent"].items():
        np.testing.assert_array_equal(array, original.arrays["agent"][name], err_msg=name)
    run = make_run(Path("runs"), backend)
    shutil.copytree(f"pendulum-{backend}", run.paths.checkpoints, dirs_exist_ok=True)
    train(run)
    steps = checkpoints.load(run.paths.checkpoints / "step_32").arrays["agent"]["adam.step"]
    # Two updates of one epoch and two mini-batches, on top of those of the imported agent.
    assert steps == original.arrays["agent"]["adam.step"] + 4


def said(words: list[str], capsys: pytest.CaptureFixture[str], code: int) -> str:
    before = sorted(Path().rglob("*"))
    assert main(["convert", *words]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before
    return err


def test_wrong_usage_is_refused_in_one_line(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = map(str, trained)
    assert "does not exist" in said(["absent.pt", "--to", "jax"], capsys, 2)
    assert "already" in said([ours, "--to", "torch"], capsys, 2)
    assert "names its environment itself" in said([ours, "--to", "jax", "--env", "pendulum"], capsys, 2)
    assert "add --env" in said([theirs, "--to", "jax"], capsys, 2)
    assert "pendulum" in said([theirs, "--to", "jax", "--env", "pendlum"], capsys, 2)
    assert "takes 3 observations" in said([theirs, "--to", "jax", "--env", "cartpole"], capsys, 3)


def test_a_run_or_a_folder_of_checkpoints_is_told_from_a_checkpoint(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained[0].parent
    told = said([str(folder), "--to", "jax"], capsys, 2)
    assert "is no checkpoint, but has some; name one of them, like" in told and str(folder / "step_32") in told
    assert str(folder / "step_32") in said([str(folder.parent), "--to", "jax"], capsys, 2)


def test_nothing_that_is_there_is_overwritten_or_deleted(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(trained[0]), "--to", "jax", "-o"]
    Path("file").write_text("mine")
    assert "is not a folder" in said([*words, "file"], capsys, 2)
    # A save would take this for what a killed one left.
    Path("data/step_7").mkdir(parents=True)
    Path("data/step_7/mine.txt").write_text("mine")
    assert "step_7, which is no checkpoint" in said([*words, "data"], capsys, 2)
    assert main(["convert", *words, "twice"]) == 0
    capsys.readouterr()
    assert "exists already" in said([*words, "twice"], capsys, 2)


def test_damaged_checkpoints_are_refused(trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    Path("step_5").mkdir()
    assert "no COMMIT" in said(["step_5", "--to", "jax"], capsys, 3)
    Path("cut.pt").write_bytes(trained[1].read_bytes()[:-100])
    assert "damaged or cut off" in said(["cut.pt", "--to", "jax", "--env", "pendulum"], capsys, 3)


def test_an_environment_named_like_a_path_leaves_the_current_folder_alone(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    whole = checkpoints.load(trained[0])
    made = checkpoints.save(Path("made"), 32, whole.arrays, {**whole.meta, "env": "../../outside"})
    assert "add -o FOLDER" in said([str(made), "--to", "jax"], capsys, 2)


def test_a_run_that_is_being_trained_is_left_alone(
    trained: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(Path("runs"), "jax")
    assert run.state().is_live
    run.paths.checkpoints.mkdir(exist_ok=True)
    words = [str(trained[0]), "--to", "jax", "-o", str(run.paths.checkpoints)]
    assert "is being trained" in said(words, capsys, 2)
