"""What the form of the dashboard relies on."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.config import ConfigSources, PPOCfg, RunConfig, TrainCfg, default_rl_cfg
from motrix_core.config.fields import GROUPS, form_fields, known_fields
from motrix_core.config.form import command_line, derived, validate_form
from motrix_core.config.registry import registered_envs
from motrix_core.config.text import format_value

CARTPOLE = RunConfig(env="cartpole", backend="jax", ppo=default_rl_cfg("cartpole", backend="jax"))


def parse(argv: list[str]) -> ConfigSources:
    """Reads a command line as `motrix-tui --run` does."""
    flags: dict[str, Any] = {}
    sets: list[str] = []
    paths = {"--num-envs": "ppo.num_envs", "--seed": "ppo.seed", "--max-env-steps": "ppo.max_env_steps"}
    words = iter(argv[2:])
    for word in words:
        if word == "--rand-seed":
            flags["ppo.seed"] = None
        elif word == "--set":
            sets.append(next(words))
        else:
            flags[paths.get(word, word.removeprefix("--"))] = next(words)
    return ConfigSources(sets=sets, flags=flags)


def test_every_setting_is_in_the_form_once_grouped_by_tab():
    fields = form_fields()
    expected = {f"ppo.{name}" for name in PPOCfg.model_fields} | {f"train.{name}" for name in TrainCfg.model_fields}
    assert {field.path for field in fields} == expected and len(fields) == len(expected)
    groups = [field.group for field in fields]
    assert groups == sorted(groups, key=GROUPS.index) and set(groups) == set(GROUPS)


def test_a_form_that_nobody_touched_is_valid_for_every_registered_environment():
    for env in registered_envs():
        for backend in ("jax", "torch"):
            config, problems = validate_form(env, backend, "auto", {})
            assert not problems and config is not None
            assert config.ppo == default_rl_cfg(env, backend=backend)


def test_the_texts_of_a_form_make_the_configuration():
    texts = {field.path: format_value(field, field.default, display=True) for field in form_fields()}
    config, problems = validate_form("cartpole", "torch", "mujoco", texts | {"ppo.learning_rate": "3e-4"})
    assert not problems
    assert config == RunConfig(env="cartpole", backend="torch", sim="mujoco", ppo=PPOCfg(learning_rate=3e-4))


def test_options_in_a_form_are_read_as_on_the_command_line():
    config, problems = validate_form("cartpole", "jax", "auto", {"env_options.speed": "1.5", "env_options.n": '"1"'})
    assert config is not None and not problems
    assert config.env_options == {"speed": 1.5, "n": "1"}
    config, problems = validate_form("cartpole", "jax", "auto", {"env_options.speed": '"1'})
    assert config is None and problems[0].field == "env_options.speed"


def test_all_errors_of_a_form_are_under_their_fields():
    texts = {"ppo.mini_batches": "3", "ppo.learning_rate": "fast", "ppo.epochs": "1", "ppo.seed": "-1"}
    config, problems = validate_form("cartpole", "jax", "auto", texts)
    assert config is None
    assert {problem.field for problem in problems} == set(texts)
    rules = {problem.field: problem for problem in problems}
    assert rules["ppo.mini_batches"].mend == "try 4"


@pytest.mark.parametrize(
    ("env", "backend", "sim", "fields"),
    [
        ("cartpol", "jax", "auto", {"env"}),
        ("../../etc", "jax", "auto", {"env"}),
        ("cartpole", "tensorflow", "auto", {"backend"}),
        ("cartpole", "jax", "bullet", {"sim"}),
        ("", "", "", {"env", "backend", "sim"}),
        ("\x00", "jax", "\ud800", {"env", "sim"}),
    ],
)
def test_a_choice_beside_the_form_that_does_not_exist_is_a_problem(env: str, backend: str, sim: str, fields: set[str]):
    config, problems = validate_form(env, backend, sim, {"ppo.rollouts": "x"})
    assert config is None
    assert {problem.field for problem in problems} == fields | {"ppo.rollouts"}


PATHS = st.sampled_from([*known_fields(), "ppo", "env_options.x", "env_options", "nonsense"])


@given(st.dictionaries(PATHS | st.text(), st.text(), max_size=6), st.text(max_size=5), st.sampled_from(["jax", "x"]))
def test_no_text_in_any_field_crashes_the_form(texts: dict[str, str], env: str, backend: str):
    for name in (env, "cartpole"):
        config, problems = validate_form(name, backend, "auto", texts)
        assert (config is None) == bool(problems)
        assert all(str(problem).isprintable() for problem in problems)


@pytest.mark.parametrize(
    ("num_envs", "rollouts", "budget", "updates"),
    [(2048, 32, 10_000_000, 153), (2048, 32, 65_536, 1), (2048, 32, 65_537, 2), (2048, 32, 1, 1)],
)
def test_a_budget_is_rounded_up_to_whole_updates(num_envs: int, rollouts: int, budget: int, updates: int):
    ppo = PPOCfg(num_envs=num_envs, rollouts=rollouts, max_env_steps=budget)
    numbers = derived(RunConfig(env="cartpole", ppo=ppo))
    assert numbers.updates == updates
    assert numbers.env_steps == updates * num_envs * rollouts >= budget
    assert numbers.mini_batch_size * ppo.mini_batches == numbers.samples_per_update


def test_the_command_line_says_only_what_differs():
    assert shlex.join(command_line(CARTPOLE)) == "motrix-tui --run --env cartpole --backend jax"
    ppo = CARTPOLE.ppo.model_copy(update={"learning_rate": 3e-4, "num_envs": 4096, "seed": 7})
    config = CARTPOLE.model_copy(update={"ppo": ppo, "sim": "mujoco", "env_options": {"name": "a b"}})
    assert shlex.join(command_line(config)) == (
        "motrix-tui --run --env cartpole --backend jax --sim mujoco --seed 7 --num-envs 4096 "
        "--set ppo.learning_rate=3e-4 --set 'env.name=a b'"
    )


def test_the_command_line_of_an_undecided_backend_holds_on_either():
    config = RunConfig(env="dm-walker", backend="auto", ppo=default_rl_cfg("dm-walker", backend="jax"))
    assert "ppo.mini_batches=4" in command_line(config)
    for backend in ("jax", "torch"):
        assert parse(command_line(config)).build("dm-walker", backend).config.ppo == config.ppo


def test_the_command_line_of_an_environment_without_defaults_says_every_hyperparameter():
    argv = command_line(RunConfig(env="my-env", backend="jax"))
    assert "--rand-seed" in argv and "ppo.rollouts=32" in argv
    assert not any(word.startswith("train.") for word in argv)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """Valid configurations of registered environments."""
    sizes = st.lists(st.integers(1, 16_384), min_size=1, max_size=4).map(tuple)
    mini_batches, factor = draw(st.integers(1, 4096)), draw(st.integers(1, 16))
    ppo: dict[str, Any] = {
        "mini_batches": mini_batches,
        "num_envs": mini_batches * factor,
        "policy_hidden_layer_sizes": draw(sizes),
        "value_hidden_layer_sizes": draw(sizes),
        "share_policy_value_features": False,
        "value_clip": draw(st.floats(0.1, 10)),
        "seed": draw(st.none() | st.integers(0, 2**32 - 1)),
        "max_env_steps": draw(st.integers(1, 10**12)),
        "learning_rate": draw(st.floats(1e-9, 1)),
        "clip_predicted_values": draw(st.booleans()),
    }
    text = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=' "=\\'), max_size=10)
    values = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | text
    return RunConfig(
        env=draw(st.sampled_from(registered_envs())),
        backend=draw(st.sampled_from(["jax", "torch"])),
        sim=draw(st.sampled_from(["auto", "motrixsim", "mujoco", "none"])),
        ppo=PPOCfg(**ppo),
        train=TrainCfg(threads=draw(st.integers(0, 1024)), tensorboard=draw(st.booleans())),
        env_options=draw(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), values, max_size=3)),
    )


@given(configs())
def test_the_command_line_starts_the_same_run(config: RunConfig):
    argv = shlex.split(shlex.join(command_line(config)))
    assert parse(argv).build(config.env, config.backend).config == config


@given(configs())
def test_exported_toml_is_the_same_configuration(config: RunConfig):
    from motrix_core.config.form import from_toml, to_toml

    assert from_toml(to_toml(config)) == config
