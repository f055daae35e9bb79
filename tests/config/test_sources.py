"""Files, flags, `--set`, environment variables: what wins, and what is wrong, all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.config import ConfigSources, RunConfig, config_from, default_rl_cfg
from motrix_core.config.files import from_toml, parse_toml, to_toml
from motrix_core.errors import ConfigError, MotrixError, UnknownName, UsageError


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems_of(sources: ConfigSources, env: str = "cartpole", backend: str = "jax") -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        sources.build(env, backend)
    return {problem.field: str(problem) for problem in caught.value.problems}


def test_without_any_source_the_registry_decides():
    effective = ConfigSources().build("dm-walker", "torch")
    assert effective.config.ppo == default_rl_cfg("dm-walker", backend="torch")
    assert effective.config.backend == "torch"
    assert effective.sources["ppo.mini_batches"] == "registry default"
    assert effective.sources["train.engine"] == "default"
    assert effective.sources["backend"] == "automatic selection"


def test_flag_beats_set_beats_file_beats_environment_variable_beats_registry(tmp_path: Path):
    file = write(
        tmp_path / "a.toml",
        'sim = "mujoco"\n[ppo]\nnum_envs = 64\nrollouts = 64\nseed = 1\nlearning_epochs = 9\n',
    )
    sources = ConfigSources(
        file=file,
        sets=["ppo.num_envs=128", "ppo.rollouts=128", "ppo.rollouts=256"],
        flags={"ppo.num_envs": "1k", "backend": "jax"},
        environ={"MOTRIX_SIM": "motrixsim", "MOTRIX_BACKEND": "torch"},
    )
    assert (sources.wanted("sim"), sources.wanted("backend"), sources.wanted("env")) == ("mujoco", "jax", None)
    effective = sources.build("cartpole", "jax")
    ppo = effective.config.ppo
    assert (ppo.num_envs, ppo.rollouts, ppo.seed, ppo.mini_batches) == (1000, 256, 1, 4)
    assert {
        path: effective.sources[path] for path in ("ppo.num_envs", "ppo.rollouts", "ppo.seed", "sim", "backend")
    } == {
        "ppo.num_envs": "flag",
        "ppo.rollouts": "--set",
        "ppo.seed": f"file {file}",
        "sim": f"file {file}",
        "backend": "flag",
    }


def test_a_value_that_breaks_a_rule_by_itself_can_still_be_asked_about():
    assert ConfigSources(flags={"env": "cartpole"}, sets=["ppo.mini_batches=3"]).wanted("env") == "cartpole"


def test_environment_variables_count_where_nothing_else_speaks():
    sources = ConfigSources(environ={"MOTRIX_BACKEND": "torch", "MOTRIX_SIM": ""})
    assert sources.wanted("backend") == "torch"
    assert sources.wanted("sim") is None
    assert sources.build("cartpole", "torch").sources["backend"] == "environment variable MOTRIX_BACKEND"


def test_a_random_seed_can_be_asked_for_over_a_registered_one(tmp_path: Path):
    assert default_rl_cfg("dm-walker").seed == 42
    file = write(tmp_path / "a.toml", 'ppo.seed = "random"')
    for sources in (
        ConfigSources(flags={"ppo.seed": None}),
        ConfigSources(sets=["ppo.seed=random"]),
        ConfigSources(file=file),
    ):
        assert sources.build("dm-walker", "jax").config.ppo.seed is None


def test_environment_options_are_set_by_their_short_name():
    effective = ConfigSources(sets=["env.speed=1.5", "env.name=a=b", 'env.id="7"', "env.flat=true"]).build(
        "cartpole", "jax"
    )
    assert effective.config.env_options == {"speed": 1.5, "name": "a=b", "id": "7", "flat": True}
    assert effective.sources["env_options.speed"] == "--set"


def test_all_problems_of_all_sources_are_reported_at_once(tmp_path: Path):
    file = write(tmp_path / "a.toml", "[ppo]\nlearning_rate = nan\nlearnig_epochs = 3\n[train]\nthreads = -1\n")
    found = problems_of(
        ConfigSources(
            file=file,
            sets=["ppo.mini_batches=3", "num_envs=3", "nonsense", "=3", "env.a.b=3", "ppo=1"],
            flags={"ppo.seed": "-5"},
            environ={"MOTRIX_SIM": "bullet"},
        )
    )
    where = f"(from file {file})"
    assert found == {
        "--set": "--set==3 must be KEY=VALUE; try ppo.seed=1",
        "ppo.learning_rate": f"ppo.learning_rate=nan must be a number from 1e-9 to 1 {where}; try 1e-3",
        "ppo.learnig_epochs": f"ppo.learnig_epochs=3 is not a known setting {where}; did you mean ppo.learning_epochs?",
        "train.threads": f"train.threads=-1 must be a whole number from 0 to 1024 {where}; try 0",
        "ppo.mini_batches": "ppo.mini_batches=3 must divide rollouts*num_envs=65536; try 4",
        "num_envs": "num_envs=3 is not a known setting; did you mean ppo.num_envs?",
        "env_options.a.b": "env_options.a.b=3 must be named by 1 to 64 letters, digits and _, as in env.NAME=VALUE",
        "ppo": "ppo=1 is a table of settings, not a setting; name one, like ppo.seed",
        "ppo.seed": "ppo.seed=-5 must be a whole number from 0 to 4294967295, or random; try 0",
        "sim": "sim=bullet must be one of auto, motrixsim, mujoco, none (from environment variable MOTRIX_SIM)",
    }


def test_a_bad_backend_is_reported_with_everything_else_that_shows_before_it_is_chosen():
    sources = ConfigSources(sets=["backend=pytorch", "ppo.rollouts=0"], environ={"MOTRIX_SIM": "mujoco"})
    with pytest.raises(ConfigError) as caught:
        sources.wanted("backend")
    assert [problem.field for problem in caught.value.problems] == ["backend", "ppo.rollouts"]
    assert sources.wanted("sim") == "mujoco"


def test_cross_field_problems_wait_for_valid_inputs():
    found = problems_of(ConfigSources(sets=["ppo.mini_batches=3", "ppo.num_envs=many", "ppo.value_clip=0"]))
    assert set(found) == {"ppo.num_envs", "ppo.value_clip"}


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("num_envs", "ppo.num_envs"),
        ("train.num_envs", "ppo.num_envs"),
        ("ppo.num-envs", "ppo.num_envs"),
        ("lr", "ppo.learning_rate"),
        ("gamma", "ppo.discount_factor"),
        ("ppo.learing_rate", "ppo.learning_rate"),
        ("engin", "train.engine"),
        ("PPO.Rollouts", "ppo.rollouts"),
        ("train_backend", "backend"),
    ],
)
def test_an_unknown_setting_suggests_the_nearest_with_its_prefix(key: str, meant: str):
    assert f"did you mean {meant}?" in problems_of(ConfigSources(sets=[f"{key}=3"]))[key]


def test_a_setting_like_no_other_points_to_the_list():
    assert "motrix config show" in problems_of(ConfigSources(sets=["qqqq=3"]))["qqqq"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[ppo]\nseed = = 3\n", "line 2, column 8"),
        ("[ppo\n", "line 1, column 5"),
        ('env = "cartpole', "line 1, column 16"),
        ("\n\n[ppo]\nseed = 1\nseed = 2\n", "line 5, column 9"),
    ],
)
def test_malformed_toml_is_placed(tmp_path: Path, text: str, place: str):
    file = write(tmp_path / "a.toml", text)
    for ask in (lambda s: s.wanted("env"), lambda s: s.build("cartpole", "jax")):
        with pytest.raises(UsageError) as caught:
            ask(ConfigSources(file=file))
        assert str(caught.value).startswith(f"{file}, {place}: ") and caught.value.exit_code == 2


def test_malformed_json_is_placed(tmp_path: Path):
    file = write(tmp_path / "config.json", '{"config": {\n  "env": cartpole}}')
    with pytest.raises(UsageError, match=r"config.json, line 2, column 10: "):
        ConfigSources(file=file).wanted("env")


@pytest.mark.parametrize("text", [f"a = {'9' * 5000}", "a = " + "[" * 5000, "\x00", "a = 1\n\x07"])
def test_hostile_toml_is_an_error_not_a_crash(text: str):
    with pytest.raises(UsageError):
        parse_toml(text, "a.toml")


@pytest.mark.parametrize("text", ["[]", "3", "9" * 5000, "[" * 100_000, '"x"'])
def test_json_that_is_no_configuration_is_refused(tmp_path: Path, text: str):
    with pytest.raises(UsageError):
        ConfigSources(file=write(tmp_path / "a.json", text)).wanted("env")


def test_a_hexadecimal_giant_is_out_of_bounds(tmp_path: Path):
    file = write(tmp_path / "a.toml", f"ppo.num_envs = 0x{'f' * 9000}")
    assert "ppo.num_envs=a number of about 10^" in problems_of(ConfigSources(file=file))["ppo.num_envs"]


@pytest.mark.parametrize("value", ["true", '"x"', "[1, 2]", "1979-05-27", "{ a = 1 }", "1.5", "[[1]]"])
def test_values_of_the_wrong_type_are_problems_of_their_field(tmp_path: Path, value: str):
    file = write(tmp_path / "a.toml", f"ppo.rollouts = {value}")
    assert "must be a whole number" in problems_of(ConfigSources(file=file))["ppo.rollouts"]


def test_a_file_that_cannot_be_read_says_which_and_why(tmp_path: Path):
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    for file, message in (
        (tmp_path / "missing.toml", "does not exist"),
        (folder, "cannot be read"),
        (tmp_path / "a.yaml", "must be a .toml file"),
        (write(tmp_path / "latin.toml", b"a = 1\nb = '\xe4'"), "line 2: not UTF-8"),
        (Path("a\0.toml"), "cannot be read"),
    ):
        with pytest.raises(UsageError, match=message):
            ConfigSources(file=file).wanted("env")


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path):
    file = write(tmp_path / "a.toml", b'\xef\xbb\xbfenv = "cartpole"\r\n')
    assert ConfigSources(file=file).wanted("env") == "cartpole"


def test_an_unknown_environment_is_named(tmp_path: Path):
    with pytest.raises(UnknownName, match="did you mean dm-walker"):
        ConfigSources().build("dm-waker", "jax")


def test_the_saved_configuration_of_a_run_is_a_configuration_file(tmp_path: Path):
    config = ConfigSources(sets=["ppo.seed=random", "env.a=1"]).build("dm-runner", "torch", sim="mujoco").config
    dumped = config.model_dump(mode="json")
    saved = write(tmp_path / "config.json", json.dumps({"config": dumped, "packages": {"skrl": "2.1"}}))
    exported = write(tmp_path / "export.TOML", to_toml(config))
    plain = write(tmp_path / "plain.json", json.dumps(dumped))
    for file in (saved, exported, plain):
        sources = ConfigSources(file=file)
        assert (sources.wanted("env"), sources.wanted("backend"), sources.wanted("sim")) == (
            "dm-runner",
            "torch",
            "mujoco",
        )
        assert sources.build("dm-runner", "torch").config == config
    assert config_from(json.loads(saved.read_text())["config"]) == config


def test_a_damaged_saved_configuration_names_every_problem():
    with pytest.raises(ConfigError, match=r"(?s)ppo.num_envs=0 .*from config.json.*ppo.nonsense=1"):
        config_from({"env": "cartpole", "ppo": {"num_envs": 0, "nonsense": 1}}, "config.json")
    with pytest.raises(ConfigError, match="env= must be an environment's name"):
        config_from({})


def test_toml_without_some_settings_takes_the_environments():
    assert from_toml('env = "dm-walker"\nbackend = "torch"').ppo == default_rl_cfg("dm-walker", backend="torch")
    assert from_toml('env = "dm-walker"') == RunConfig(env="dm-walker")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(TEXTS | st.builds("ppo.{}={}".format, st.sampled_from(["seed", "rollouts", "x"]), TEXTS), max_size=5))
def test_any_set_text_is_a_configuration_or_an_error_of_ours(sets: list[str]):
    try:
        effective = ConfigSources(sets=sets).build("cartpole", "jax")
    except MotrixError as error:
        assert error.exit_code == 2 and str(error)
    else:
        assert isinstance(effective.config, RunConfig)


@given(st.dictionaries(TEXTS, st.recursive(st.none() | st.integers() | st.floats() | TEXTS, st.lists), max_size=4))
def test_any_table_is_a_configuration_or_every_problem(data: dict[str, Any]):
    with pytest.raises(ConfigError):
        config_from({"ppo": data, "train": [data], **data})
