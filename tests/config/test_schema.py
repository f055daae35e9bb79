"""The models, their bounds and the rules between fields."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from motrix_core.config.fields import form_fields, known_fields
from motrix_core.config.rules import nearest_divisor
from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.config.setting import folder_name

MOTRIXLAB = {
    "seed": None,
    "num_envs": 2048,
    "play_num_envs": 16,
    "max_env_steps": 20_480_000,
    "check_point_interval": 1000,
    "policy_hidden_layer_sizes": (256, 128, 64),
    "value_hidden_layer_sizes": (256, 128, 64),
    "share_policy_value_features": True,
    "rollouts": 32,
    "learning_epochs": 2,
    "mini_batches": 32,
    "discount_factor": 0.99,
    "lambda_param": 0.95,
    "learning_rate": 1e-3,
    "learning_rate_scheduler_kl_threshold": 0.008,
    "random_timesteps": 0,
    "learning_starts": 0,
    "grad_norm_clip": 1.0,
    "time_limit_bootstrap": True,
    "ratio_clip": 0.2,
    "value_clip": 0.2,
    "clip_predicted_values": True,
    "entropy_loss_scale": 0.0,
    "value_loss_scale": 2.0,
    "kl_threshold": 0,
    "rewards_shaper_scale": 1.0,
}


def test_names_and_defaults_are_motrixlabs():
    assert PPOCfg().model_dump() == MOTRIXLAB


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 10**400, -1e300, True, "3", None, [1]])
def test_every_number_refuses_what_is_not_a_number_within_its_bounds(bad: object):
    for field in form_fields():
        if field.kind in ("int", "float") and not (bad is None and field.none_text):
            model = PPOCfg if field.path.startswith("ppo.") else TrainCfg
            with pytest.raises(ValidationError):
                model.model_validate({field.name: bad})


def test_every_field_has_a_title_a_help_text_a_group_and_finite_bounds():
    for field in form_fields():
        assert field.title and field.help.endswith("."), field.path
        if field.kind in ("int", "float", "sizes"):
            assert field.lower is not None and field.upper is not None, field.path
            assert math.isfinite(field.lower) and math.isfinite(field.upper), field.path


def test_bounds_shown_are_the_bounds_enforced():
    for field in form_fields():
        if field.kind not in ("int", "float"):
            continue
        assert field.lower is not None and field.upper is not None
        model = PPOCfg if field.path.startswith("ppo.") else TrainCfg
        for outside in (field.lower - 1, field.upper + 1):
            with pytest.raises(ValidationError):
                model.model_validate({field.name: outside})


def test_configurations_cannot_be_changed_in_place():
    config = RunConfig(env="cartpole")
    with pytest.raises(ValidationError):
        config.ppo.num_envs = 3  # type: ignore[misc]


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"env": "cartpole", "ppo": {"lr": 1e-3}})


@pytest.mark.parametrize("field", ["random_timesteps", "learning_starts"])
def test_what_skrl_dropped_admits_only_zero(field: str):
    with pytest.raises(ValidationError):
        PPOCfg.model_validate({field: 1})
    assert "must be 0: skrl's PPO" in known_fields()[f"ppo.{field}"].rule


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mini_batches": 3}, "ppo.mini_batches=3 must divide rollouts*num_envs=65536; try 4"),
        ({"mini_batches": 60, "num_envs": 2}, "ppo.mini_batches=60 must divide rollouts*num_envs=64; try 32"),
        ({"mini_batches": 64, "num_envs": 2}, "rollouts*num_envs=64 into parts of at least 2 samples; try 32"),
        ({"rollouts": 1, "num_envs": 1, "mini_batches": 1}, "must make rollouts*num_envs=1 at least 2; try 2"),
        ({"num_envs": 1_048_576, "rollouts": 16_384}, "try 1024"),
        ({"value_hidden_layer_sizes": (8,)}, "ppo.value_hidden_layer_sizes=8 must equal"),
        ({"value_clip": 0.0}, "ppo.value_clip=0 must be above 0"),
    ],
)
def test_rules_between_fields_hold_for_the_models_too(values: dict[str, object], message: str):
    with pytest.raises(ValidationError) as caught:
        PPOCfg.model_validate(values)
    assert message in str(caught.value)


def test_rules_between_fields_let_go_when_their_switch_is_off():
    PPOCfg(value_hidden_layer_sizes=(8,), share_policy_value_features=False)
    PPOCfg(value_clip=0.0, clip_predicted_values=False)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_nearest_divisor_divides_and_none_is_nearer(number: int, wanted: int):
    found = nearest_divisor(number, wanted)
    divisors = [n for n in range(1, number + 1) if number % n == 0]
    assert found in divisors
    assert abs(found - wanted) == min(abs(n - wanted) for n in divisors)


@pytest.mark.parametrize("env", ["", "..", "a/b", "../x", "a..b", ".hidden", "a\nb", "a\x1b[0m", "ä", "x" * 101, "a "])
def test_an_environments_name_can_be_a_folders(env: str):
    with pytest.raises(ValidationError):
        RunConfig(env=env)


@given(st.text())
def test_folder_names_are_one_safe_part(env: str):
    name = folder_name(env)
    assert name and not name.startswith(".") and not set(name) & set('/\\:\0\n "')


def test_folder_names_of_usual_environments_are_the_names():
    assert folder_name("dm-walker") == "dm-walker"
    assert folder_name("gym:ALE/Pong-v5") == "gym+ALE+Pong-v5"


@pytest.mark.parametrize("options", [{"x": math.nan}, {"a.b": 1}, {"x": "\x1b[31m"}, {"x": [1]}, {"x": 2**63}])
def test_environment_options_are_plain_finite_values(options: dict[str, object]):
    with pytest.raises(ValidationError):
        RunConfig.model_validate({"env": "cartpole", "env_options": options})


def test_the_config_room_is_light():
    code = (
        "import sys, motrix_core.config, motrix_core.config.form, motrix_core.commands.config;"
        "heavy = {'jax', 'flax', 'torch', 'skrl', 'motrixsim', 'mujoco', 'gymnasium'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
