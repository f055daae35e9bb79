"""What `motrix demos` would train: every task, backend, simulator and seed, with which settings."""

from __future__ import annotations

import pytest

from motrix_core.config.form import derived
from motrix_core.config.own import default_ppo
from motrix_core.demos.plan import ENOUGH, names, plan
from motrix_core.envs.catalog import BUILTIN
from motrix_core.errors import ConfigError, UnknownName, UsageError


def test_quick_is_every_task_once_on_every_backend_in_few_small_updates() -> None:
    demos = plan(names(), ("jax", "torch"), ("auto",), "quick")
    wanted = {(spec.name, backend, 1) for spec in BUILTIN for backend in ("jax", "torch")}
    assert {(demo.config.env, demo.config.backend, demo.seed) for demo in demos} == wanted
    assert len(demos) == len(wanted)
    assert all(derived(demo.config).updates == 3 for demo in demos)
    assert all(demo.config.ppo.policy_hidden_layer_sizes == (32, 32) for demo in demos)


def test_full_is_the_shipped_defaults_with_three_seeds_where_they_are_affordable() -> None:
    demos = plan(("cartpole", "dm-walker", "franka-lift-cube"), ("torch",), ("auto",), "full")
    assert [(demo.config.env, demo.seed) for demo in demos] == [
        *(("cartpole", seed) for seed in (1, 2, 3)),
        *(("dm-walker", seed) for seed in (1, 2, 3)),
        ("franka-lift-cube", 1),
    ]
    for demo in demos:
        shipped = default_ppo(demo.config.env, "torch")
        budget = ENOUGH.get(demo.config.env, shipped.max_env_steps)
        assert demo.config.ppo == shipped.model_copy(update={"seed": demo.seed, "max_env_steps": budget})


def test_each_simulator_is_trained_on_in_turn_but_only_where_there_is_one() -> None:
    pytest.importorskip("motrixsim", reason="motrixsim is not installed")
    pytest.importorskip("mujoco", reason="mujoco is not installed")
    demos = plan(("cartpole", "pendulum"), ("torch",), ("motrixsim", "mujoco", "auto"), "quick")
    assert [(demo.config.env, demo.config.sim) for demo in demos] == [
        ("cartpole", "motrixsim"),
        ("cartpole", "mujoco"),
        ("pendulum", "none"),
    ]


def test_what_is_named_twice_is_trained_once() -> None:
    assert len(plan(("pendulum", "pendulum"), ("torch", "torch"), ("auto", "auto"), "quick")) == 1


def test_a_setting_of_the_user_goes_before_the_budgets() -> None:
    (demo,) = plan(("pendulum",), ("torch",), ("auto",), "quick", sets=("ppo.num_envs=16", "train.engine=stock"))
    assert (demo.config.ppo.num_envs, demo.config.train.engine) == (16, "stock")


def test_wrong_names_and_settings_are_told_before_anything_is_trained() -> None:
    with pytest.raises(UnknownName, match="did you mean pendulum"):
        plan(("pendulun",), ("torch",), ("auto",), "quick")
    with pytest.raises(ConfigError, match="num_envs"):
        plan(("pendulum",), ("torch",), ("auto",), "quick", sets=("ppo.num_envs=none at all",))
    with pytest.raises(UsageError, match="nothing to train"):
        plan((), ("torch",), ("auto",), "quick")
