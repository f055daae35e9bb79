from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from motrix_core.cli import main
from motrix_core.commands.progress import LineNarrator
from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.runs import checkpoints
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import Identity, own_identity
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state

Motrix = Callable[..., tuple[int, str, str]]


@pytest.fixture
def motrix(capsys: pytest.CaptureFixture[str], runs_dir: Path) -> Motrix:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(["runs", *words, "--runs-dir", str(runs_dir)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def finish(run: Run, cause: str | None = None) -> None:
    with EventWriter(run.paths.events) as writer:
        writer.write("metrics", env_steps=65_536, update=4, data={"return/mean": 812.5})
        writer.write("run_ended", env_steps=65_536, update=4, data={"status": "finished"})
    segment = Segment(0, "jax", 1.0, elapsed_s=3725.0, status="finished", exit_code=0)
    write_state(run.paths.state, RunState(status="finished", segments=(segment,), cause=cause))


def test_the_list_shows_how_far_each_run_came(motrix: Motrix, run: Run) -> None:
    finish(run)
    code, out, err = motrix("list")
    assert (code, err) == (0, "")
    row = out.splitlines()[1]
    assert all(part in row for part in (run.id, "cartpole", "jax", "finished", "65 536", "812.5", "1:02:05"))


def test_the_list_for_scripts_is_one_object_per_line(motrix: Motrix, make_run: Callable[..., Run]) -> None:
    first, second = make_run(), make_run("pendulum", "torch")
    finish(first)
    code, out, _ = motrix("list", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["id"] for row in rows] == [second.id, first.id]
    assert rows[1]["env_steps"] == 65_536 and rows[1]["return_mean"] == 812.5 and rows[1]["elapsed_s"] == 3725.0
    assert rows[0]["env_steps"] is None and rows[0]["path"] == str(second.path)


@pytest.mark.parametrize("updates", [1, 300])
def test_updates_in_which_no_episode_ends_leave_the_last_return_in_the_list(
    updates: int, motrix: Motrix, run: Run
) -> None:
    with EventWriter(run.paths.events) as writer:
        writer.write("metrics", env_steps=64, update=1, data={"return/mean": 812.5})
        for update in range(2, 2 + updates):
            data = {"return/mean": None, **{f"reward/term_{index}/mean": 0.125 for index in range(20)}}
            writer.write("metrics", env_steps=64 * update, update=update, data=data)
    row = json.loads(motrix("list", "--json")[1])
    assert (row["return_mean"], row["env_steps"]) == (812.5, 64 * (1 + updates))
    assert "812.5" in motrix("list")[1]
    assert "812.5" in motrix("show", "last")[1]


def test_a_run_in_which_no_episode_has_ended_has_no_return(motrix: Motrix, run: Run) -> None:
    with EventWriter(run.paths.events) as writer:
        writer.write("metrics", env_steps=64, update=1, data={"return/mean": None})
    assert json.loads(motrix("list", "--json")[1])["return_mean"] is None


def test_progress_keeps_the_last_return_too(run: Run) -> None:
    told = io.StringIO()
    narrator = LineNarrator(run, told)
    for step, mean in ((64, 20.0), (128, 812.5), (192, 300.25), (256, None)):
        narrator.event({"type": "metrics", "env_steps": step, "data": {"return/mean": mean}})
    narrator.summary(RunState(status="finished"))
    assert "256/" in narrator.sentence()
    assert "return 300.2 · best 812.5" in told.getvalue().splitlines()[-2]


def test_an_empty_list_says_how_to_begin_and_leaves_stdout_alone(motrix: Motrix) -> None:
    code, out, err = motrix("list")
    assert (code, out) == (0, "")
    assert "motrix run" in err


def test_a_damaged_run_is_in_the_list_with_its_problem(motrix: Motrix, run: Run) -> None:
    run.paths.state.write_text("{")
    code, out, _ = motrix("list")
    assert code == 0
    assert "unreadable" in out and "state.json" in out
    code, out, _ = motrix("show", "last", "--json")
    assert code == 0 and json.loads(out)["record"] is None


def test_text_from_files_cannot_reach_the_terminal(motrix: Motrix, run: Run) -> None:
    finish(run, cause="\x1b]0;evil\x07 [red]\u202etxt")
    for words in (["list"], ["show", "last"], ["list", "--json"]):
        _, out, err = motrix(*words)
        assert not {"\x1b", "\x07", "\u202e"} & set(out + err)
    assert "\\x1b]0;evil\\x07 [red]\\u202etxt" in motrix("list")[1]


def test_everything_about_a_run_is_shown(motrix: Motrix, run: Run) -> None:
    finish(run)
    checkpoints.save(run.paths.checkpoints, 65_536, {}, {})
    code, out, _ = motrix("show", run.id[-4:])
    assert code == 0
    assert all(part in out for part in (str(run.path), "step_65536", "return/mean", "ppo.learning_rate", "segment 0"))
    shown = json.loads(motrix("show", "last", "--json")[1])
    assert shown["record"]["config"]["env"] == "cartpole"
    assert shown["checkpoints"][0]["env_steps"] == 65_536
    assert shown["metrics"] == {"return/mean": 812.5}


def settings_shown(motrix: Motrix) -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in motrix("show", "last")[1].splitlines())
    return {words[0]: words[1].strip() for words in lines if len(words) == 2}


def test_settings_are_shown_as_they_are_typed(motrix: Motrix, runs_dir: Path) -> None:
    sizes = (64, 32)
    ppo = PPOCfg(policy_hidden_layer_sizes=sizes, value_hidden_layer_sizes=sizes, max_env_steps=10_000_000)
    config = RunConfig(env="cartpole", backend="jax", ppo=ppo, env_options={"episode_s": 5.0, "fast": True})
    run = create_run(config, runs_dir, extra={})
    shown = settings_shown(motrix)
    assert shown["ppo.policy_hidden_layer_sizes"] == "64-32"
    assert shown["ppo.kl_threshold"] == "0"
    assert shown["ppo.max_env_steps"] == "10 000 000"
    assert (shown["train.tensorboard"], shown["env_options.episode_s"], shown["env_options.fast"]) == (
        "true",
        "5.0",
        "true",
    )
    # What another version has written is shown too.
    run.paths.config.write_text(run.paths.config.read_text().replace('"ppo": {', '"later": [1, null],\n"ppo": {', 1))
    assert settings_shown(motrix)["later"] == "[1, null]"


def test_a_seed_that_was_drawn_is_shown_as_that(motrix: Motrix, run: Run) -> None:
    seed = run.config().ppo.seed
    assert seed is not None
    assert settings_shown(motrix)["ppo.seed"].replace(" ", "") == f"{seed}(drawn)"


def test_an_unknown_run_is_wrong_usage(motrix: Motrix, run: Run) -> None:
    code, out, err = motrix("show", "nothing-like-it")
    assert (code, out) == (2, "")
    assert "motrix runs list" in err


def test_a_run_that_is_over_cannot_be_stopped(motrix: Motrix, run: Run) -> None:
    finish(run)
    code, _, err = motrix("stop", "last")
    assert code == 2 and "is finished already" in err


def test_deleting_needs_a_yes(motrix: Motrix, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(run)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, _, err = motrix("rm", "last")
    assert code == 2 and "--yes" in err
    terminal = io.StringIO("n\ny\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert motrix("rm", "last")[0] == 0 and run.path.exists()
    assert motrix("rm", "last")[0] == 0 and not run.path.exists()


GONE = Identity(pid=2**22 - 3, create_time=1.0)


@pytest.mark.parametrize(("supervisor", "trainer"), [(own_identity(), None), (GONE, own_identity())])
def test_a_run_with_a_living_process_is_not_deleted(
    supervisor: Identity, trainer: Identity | None, motrix: Motrix, run: Run
) -> None:
    write_state(run.paths.state, RunState(status="running", supervisor=supervisor, trainer=trainer))
    code, _, err = motrix("rm", "last", "--yes")
    assert code == 2 and "motrix runs stop" in err
    assert run.path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everywhere")
def test_an_unreadable_runs_folder_is_said_clearly(motrix: Motrix, run: Run, runs_dir: Path) -> None:
    runs_dir.chmod(0)
    code, _, err = motrix("list")
    runs_dir.chmod(0o700)
    assert code == 2 and "cannot be read" in err
