"""`motrix bench`: what it measures really runs, and what it computes is right."""

from __future__ import annotations

import json

import pytest

from motrix_core.bench import bound
from motrix_core.bench.cases import CASES, Case
from motrix_core.bench.envs import NUM_ENVS
from motrix_core.bench.training import Result
from motrix_core.cli import main
from motrix_core.config.sources import ConfigSources


def said(argv: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict]:
    assert main(["bench", "--json", *argv]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_case_is_a_valid_configuration_of_the_sizes_that_it_says(name: str, backend: str) -> None:
    case = CASES[name]
    config = case.config(backend, case.sim("auto"))
    ppo = config.ppo
    assert ppo.max_env_steps > case.turns * ppo.rollouts * ppo.num_envs
    assert ppo.num_envs == 2048
    assert config.train.eval_every_updates == 0
    sizes = {"cartpole": (32, 32), "quadruped": (512, 256, 128)}.get(name, (256, 128, 64))
    assert tuple(ppo.policy_hidden_layer_sizes) == sizes
    if name.startswith("dm-walker"):
        assert ppo.mini_batches == int(name.rsplit("-", 1)[1])


def test_the_help_says_which_sizes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "envs", "--help"])
    assert f"(default: {' '.join(map(str, NUM_ENVS))})" in " ".join(capsys.readouterr().out.split())


def test_operations_are_those_of_the_matrix_products() -> None:
    sets = ["ppo.num_envs=8", "ppo.rollouts=4", "ppo.mini_batches=1", "ppo.learning_epochs=3"]
    sets += ["ppo.policy_hidden_layer_sizes=16", "ppo.value_hidden_layer_sizes=16"]
    shared = ConfigSources(sets=[*sets, "ppo.share_policy_value_features=true"], environ={})
    config = shared.build("pendulum", "torch", "none").config
    # 3 observations → 16 → 1 action and 1 value.
    assert bound.multiplications(config) == (3 * 16 + 16 + 16, 3 * 16)
    forward, first = 2 * 80, 2 * 48
    assert bound.operations(config) == forward * (32 + 8) + 32 * 3 * (3 * forward - first)

    apart = ConfigSources(sets=[*sets, "ppo.share_policy_value_features=false"], environ={})
    assert bound.multiplications(apart.build("pendulum", "torch", "none").config) == (2 * 48 + 32, 2 * 48)


def test_arithmetic_is_operations_at_the_matrix_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Case("pendulum", 1).config("jax", "none")
    monkeypatch.setattr(bound, "matrix_peak", lambda: 1e9)
    assert next(bound.arithmetic_seconds(config)) == pytest.approx(bound.operations(config) / 1e9)


def test_a_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    rates = {"plain": [1.0, 10.0, 4.0], "stock": [1.0, 5.0, 4.0], "fused": [2.0, 30.0, 8.0], "bound": [4.0, 40.0, 8.0]}
    result = Result("case", "jax", "none", rates)
    assert result.to_json()["ratios"] == {"stock:plain": 1.0, "fused:plain": 2.0, "fused:bound": 0.75}


def test_environments_are_measured_at_every_size(capsys: pytest.CaptureFixture[str]) -> None:
    found = said(["envs", "--envs", "pendulum", "cartpole", "--num-envs", "2", "4", "--seconds", "0.01"], capsys)
    assert [(row["env"], row["num_envs"]) for row in found][:2] == [("pendulum", 2), ("pendulum", 4)]
    assert all(row["env_steps_per_s"] > 0 for row in found)
    on_physics = [row for row in found if row["env"] == "cartpole"]
    assert {row["sim"] for row in on_physics} >= {"mujoco"}
    assert all(row["physics_steps_per_s"] > row["env_steps_per_s"] for row in on_physics)


def test_an_environment_with_choices_is_measured_too(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = said(["envs", "--envs", "acrobot", "--num-envs", "64", "--seconds", "0.01"], capsys)
    assert (line["env"], line["sim"]) == ("acrobot", "none") and line["env_steps_per_s"] > 0


@pytest.mark.real
def test_a_training_is_measured_by_plain_skrl_and_by_both_engines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"ppo.num_envs": "8", "ppo.rollouts": "4", "ppo.mini_batches": "1", "ppo.learning_epochs": "1"}
    monkeypatch.setitem(CASES, "small", Case("cartpole", 2, small))
    found = said(["training", "--cases", "small", "--backends", "torch", "--turns", "2"], capsys)
    assert len(found) == 1
    assert set(found[0]["env_steps_per_s"]) == {"plain", "stock", "fused", "bound"}
    assert all(len(rates) == 2 and min(rates) > 0 for rates in found[0]["env_steps_per_s"].values())


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["everything"], "unknown benchmark 'everything'"),
        (["training", "--cases", "cartpol"], "did you mean cartpole"),
        (["envs", "--envs", "cartpol"], "did you mean cartpole"),
        (["training", "--turns", "0"], "must be from 1 to"),
        (["envs", "--seconds", "nan"], "--seconds nan"),
    ],
)
def test_wrong_usage_is_refused(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["bench", *argv])
    except SystemExit as ending:
        code = ending.code
    assert code == 2
    assert words in capsys.readouterr().err
