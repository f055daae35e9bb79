"""`motrix eval` from the command line: one policy's scores, two policies' difference, and what is refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motrix_core.cli import main
from motrix_core.commands.progress import LineNarrator
from motrix_core.config.schema import RunConfig, TrainCfg
from motrix_core.learn.spec import ModelSpec, init_parameters, scaler_arrays
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run

SPEC = ModelSpec(obs_dim=3, act_dim=1, policy_hidden=(4,), value_hidden=(4,), shared=False)
ROOT = Path(__file__).parents[2]


def save(run: Run, env_steps: int, *, spec: ModelSpec = SPEC, torque: float = 0.0) -> Path:
    """A policy that nearly always gives `torque`."""
    arrays = {
        **init_parameters(spec, np.random.default_rng(0)),
        **scaler_arrays("observation", np.zeros(spec.obs_dim), np.ones(spec.obs_dim), 1),
    }
    arrays["policy.mean.weight"] *= 0.01
    arrays["policy.mean.bias"][:] = torque
    return checkpoints.save(run.paths.checkpoints, env_steps, {"agent": arrays}, {"env": run.env, "backend": "torch"})


def make(folder: Path, env: str = "pendulum", **options: Any) -> Run:
    config = RunConfig(
        env=env,
        backend="torch",
        sim="none" if env == "pendulum" else "auto",
        train=TrainCfg(eval_episodes=16),
        env_options={"episode_s": 1.0, **options},
    )
    return create_run(config, folder / "runs", extra={})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in ./runs that pushes at 100 env steps and does nothing at 200; 100 is called the best."""
    monkeypatch.chdir(tmp_path)
    # The command sets it for its own process, which here is everybody's.
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    made = make(tmp_path)
    best = save(made, 100, torque=2.0)
    save(made, 200)
    checkpoints.set_best(made, best, -1.0)
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["eval", *words]) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    return json.loads(said(capsys, *words, "--json"))


def test_one_policy_is_scored(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "last").splitlines()
    assert out[0] == "pendulum · sim none · 16 episodes · seed 0"
    assert out[1] == f"step_100 (best) of {run.id}"
    assert "±" in out[2] and "standard error" in out[2]
    assert out[3] == "  episode length  20.0 steps"
    assert out[4].startswith("  success") and out[4].endswith("a return of -250 or more")


def test_the_json_has_the_names_of_an_evaluation_event(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    scores = document(capsys, run.id, "--checkpoint", "last", "--episodes", "8")
    assert (scores["env"], scores["run"], scores["env_steps"], scores["best"]) == ("pendulum", run.id, 200, False)
    assert scores["episodes"] == 8 and scores["episode_length/mean"] == 20
    assert scores["return/min"] < scores["return/mean"] < scores["return/max"]
    assert 0 <= scores["success/rate"] <= 1 and scores["return/std_error"] > 0


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["last"], 100),
        (["last", "--checkpoint", "last"], 200),
        (["last@last"], 200),
        (["last@100"], 100),
        (["last@best", "--checkpoint", "last"], 100),
        (["last", "--checkpoint", "200"], 200),
    ],
)
def test_a_checkpoint_can_be_chosen(run: Run, words: list[str], steps: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert document(capsys, *words)["env_steps"] == steps


def test_a_seed_gives_the_same_scores_again_and_another_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    first, again, other = (document(capsys, "last", "--seed", seed)["return/mean"] for seed in ("3", "3", "4"))
    assert first == again != other


def test_two_checkpoints_are_compared_from_the_same_states(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    both = document(capsys, "last@100", "last@200")
    assert (both["a"]["env_steps"], both["b"]["env_steps"]) == (100, 200)
    difference = both["difference"]
    assert difference["mean"] == pytest.approx(both["b"]["return/mean"] - both["a"]["return/mean"])
    assert difference["episodes"] == 16
    assert difference["low"] < difference["mean"] < difference["high"]
    swapped = document(capsys, "last@200", "last@100")["difference"]
    assert swapped["mean"] == pytest.approx(-difference["mean"])
    assert swapped["significant"] == difference["significant"]


def test_a_policy_is_no_better_than_itself(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "last@100", "last@100").splitlines()
    assert out[-2] == "B - A: 0 ± 0 (standard error), 95 % interval 0 to 0"
    assert out[-1] == "no significant difference: the interval holds 0"
    assert document(capsys, "last@100", "last@100")["difference"]["better"] is None


def test_the_better_one_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # A cart pushed away soon drops its pole; one left alone keeps it up a little longer.
    pytest.importorskip("mujoco")
    carts = make(run.path.parents[2], "cartpole")
    cart = ModelSpec(4, 1, (4,), (4,), shared=False)
    save(carts, 100, spec=cart, torque=3.0)
    save(carts, 200, spec=cart)
    words = [f"{carts.id}@100", f"{carts.id}@200", "--sim", "mujoco"]
    assert said(capsys, *words).splitlines()[-1] == "B is better: the interval leaves out 0"
    assert said(capsys, words[1], words[0], *words[2:]).splitlines()[-1] == "A is better: the interval leaves out 0"
    assert document(capsys, *words)["difference"]["better"] == "b"


def test_runs_with_other_options_are_scored_alike_and_that_is_said(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make(run.path.parents[2], episode_s=0.5)
    save(other, 100)
    assert main(["eval", run.id, other.id, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["b"]["episode_length/mean"] == 20
    assert err == (
        f"note: {other.id} trains with sim none, env.episode_s=0.5; scored with sim none, env.episode_s=1.0\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "nothing"),
        (["last@300"], "has no checkpoint '300'; use best, last, or one of 100, 200"),
        (["last", "last", "last"], "takes one or two runs, not 3"),
        (["last", "last@200", "--episodes", "7"], "--episodes 7 is too few for a comparison; use 8 or more"),
        (["last", "--sim", "mujoco"], "sim=mujoco is not a simulator that pendulum runs on"),
    ],
)
def test_what_cannot_be_done_is_refused(
    run: Run, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err


@pytest.mark.parametrize("words", [["--episodes", "0"], ["--episodes", "many"], ["--seed", "-1"], ["--seed", "1.5"]])
def test_numbers_out_of_bounds_are_wrong_usage(run: Run, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["eval", "last", *words])
    assert exit.value.code == 2
    assert words[1].lstrip("-") in capsys.readouterr().err


def test_a_damaged_checkpoint_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (run.paths.checkpoints / "step_200" / "agent.safetensors").write_bytes(b"damaged")
    assert main(["eval", "last@100", "last@200"]) == 3
    assert "step_200 cannot be used" in capsys.readouterr().err


def test_a_policy_for_other_sizes_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    save(run, 300, spec=ModelSpec(5, 2, (4,), (4,), shared=False))
    assert main(["eval", "last@300"]) == 3
    assert "takes 5 observations and gives 2 actions, but pendulum has 3 and 1" in capsys.readouterr().err


def test_runs_of_two_environments_are_not_compared(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    other = make(run.path.parents[2], "cartpole")
    save(other, 100)
    assert main(["eval", run.id, other.id]) == 2
    assert "is of pendulum and" in capsys.readouterr().err


def test_whoever_follows_a_run_is_told_of_its_evaluations(run: Run) -> None:
    stream = io.StringIO()
    narrator = LineNarrator(run, stream)
    data = {"return/mean": 982.13, "return/std_error": 11.2, "success/rate": 0.95}
    for mean in (982.13, 950.0, 990.0):
        narrator.event({"type": "evaluation", "env_steps": 100, "data": {**data, "return/mean": mean}})
    narrator.event({"type": "evaluation", "env_steps": 100, "data": {"return/mean": 1.0}})
    assert stream.getvalue().splitlines() == [
        "evaluation: return 982.1 ± 11.2 · success 95% · best so far",
        "evaluation: return 950.0 ± 11.2 · success 95%",
        "evaluation: return 990.0 ± 11.2 · success 95% · best so far",
        "evaluation: return 1.0",
    ]


def test_neither_backend_is_needed(run: Run) -> None:
    script = (
        "import sys\n"
        "from motrix_core.cli import main\n"
        "code = main(['eval', 'last', '--json'])\n"
        "loaded = sorted({'jax', 'torch', 'skrl', 'flax'} & set(sys.modules))\n"
        "sys.exit(f'loaded {loaded}' if loaded else code)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=run.path.parents[2])
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["episodes"] == 16
