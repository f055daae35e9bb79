from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from motrix_core.envs.blame import place_of_code
from motrix_core.envs.random_state import make_generator
from motrix_core.envs.registry import make
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra, UnknownName
from motrix_core.sim.loader import SIMULATORS, is_installed

Hide = Callable[[str], None]


def test_an_unknown_environment_suggests_the_nearest_and_the_command_that_lists_them() -> None:
    with pytest.raises(UnknownName) as caught:
        make("cartpol", num_envs=1, seed=0)
    assert "did you mean cartpole?" in str(caught.value)
    assert "motrix envs" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("sim", SIMULATORS)
def test_a_simulator_that_is_not_installed_names_its_extra(sim: str, hide: Hide) -> None:
    hide(sim)
    assert not is_installed(sim)
    with pytest.raises(MissingExtra) as caught:
        make("cartpole", num_envs=1, sim=sim, seed=0)
    assert f"pip install 'motrix-tui[{sim}]'" in str(caught.value)
    assert caught.value.exit_code == 4


def test_auto_takes_the_first_simulator_that_is_installed(hide: Hide) -> None:
    pytest.importorskip("mujoco")
    hide("motrixsim")
    assert make("cartpole", num_envs=1, seed=0).sim == "mujoco"


def test_auto_without_any_simulator_names_the_preferred_one(hide: Hide) -> None:
    for sim in SIMULATORS:
        hide(sim)
    with pytest.raises(MissingExtra, match="MotrixSim"):
        make("cartpole", num_envs=1, seed=0)


def test_a_simulator_that_is_installed_but_broken_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, hide: Hide
) -> None:
    (tmp_path / "motrixsim.py").write_text("raise ImportError('libmotrix.so: wrong ELF class')\n")
    for name in [name for name in sys.modules if name.startswith(("motrixsim", "motrix_core.sim.motrixsim"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvironmentFailed, match="wrong ELF class") as caught:
        make("cartpole", num_envs=1, sim="motrixsim", seed=0)
    assert "reinstall" in str(caught.value)


def test_the_pendulum_needs_no_simulator_and_no_gymnasium_until_its_spaces_are_asked_for(hide: Hide) -> None:
    for package in (*SIMULATORS, "gymnasium"):
        hide(package)
    env = make("pendulum", num_envs=2, seed=0)
    assert env.init_state().obs.shape == (2, 3)
    with pytest.raises(MissingExtra, match=r"motrix-tui\[gym\]"):
        _ = env.observation_space


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("pendulum", {"num_envs": 0}, "num_envs=0 must be a whole number of 1 or more"),
        ("pendulum", {"num_envs": 2.5}, "num_envs=2.5"),
        ("pendulum", {"num_envs": True}, "num_envs=True"),
        ("pendulum", {"seed": -1}, "seed=-1 must be a whole number of 0 or more"),
        ("pendulum", {"sim": "mujoco"}, "sim=mujoco is not a simulator that pendulum runs on; use none"),
        ("cartpole", {"sim": "none"}, "use motrixsim or mujoco"),
        (
            "pendulum",
            {"options": {"episode": 5}},
            "env.episode=5 is not an option of pendulum; did you mean env.episode_s",
        ),
        ("pendulum", {"options": {"rng": 5}}, "env.rng=5 is not an option"),
        ("pendulum", {"options": {"episode_s": -1.0}}, "env.episode_s=-1.0 must be a number of seconds, at least"),
        ("pendulum", {"options": {"episode_s": float("nan")}}, "env.episode_s=nan must be"),
        ("pendulum", {"options": {"episode_s": "long"}}, "env.episode_s=long must be"),
    ],
)
def test_arguments_that_do_not_fit_are_named_with_their_rule(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(name, **{"num_envs": 2, "seed": 0, **arguments})
    assert said in str(caught.value)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        make("cartpole", num_envs=-1, sim="none", seed=0, options={"speed": 1})
    assert [problem.field for problem in caught.value.problems] == ["num_envs", "sim", "env.speed"]


def test_a_seed_is_a_generator_of_that_seed() -> None:
    by_seed = make("pendulum", num_envs=4, seed=11).init_state()
    by_generator = make("pendulum", num_envs=4, rng=make_generator(11)).init_state()
    np.testing.assert_array_equal(by_seed.obs, by_generator.obs)


def test_randomness_comes_from_the_given_generator_and_from_nowhere_else() -> None:
    rng = make_generator(0)
    make("pendulum", num_envs=4, rng=rng).init_state()
    assert rng.random() != make_generator(0).random()


@pytest.mark.parametrize("arguments", [{}, {"seed": 0, "rng": make_generator(0)}])
def test_exactly_one_source_of_randomness_is_needed(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="either seed or rng"):
        make("pendulum", num_envs=1, **arguments)


def test_an_option_that_is_none_is_one_that_is_left_out() -> None:
    assert make("pendulum", num_envs=1, seed=0, options={"episode_s": None}).cfg.max_episode_steps == 200


def test_what_was_typed_where_there_is_no_file_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    typed: dict[str, Any] = {"__name__": "__main__"}
    exec("class Typed: pass", typed)
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    assert place_of_code(typed["Typed"]) is None


@pytest.mark.parametrize(
    ("body", "told"),
    [("return options['gone']", "KeyError"), ("return None", "TypeError")],
)
def test_option_problems_that_fail_are_one_error(monkeypatch: pytest.MonkeyPatch, body: str, told: str) -> None:
    from motrix_core.envs.tasks.pendulum import Pendulum

    scope: dict[str, Any] = {}
    exec(f"def ask(spec, options):\n    {body}\n", scope)
    monkeypatch.setattr(Pendulum, "option_problems", staticmethod(scope["ask"]))
    with pytest.raises(EnvironmentFailed, match=f"option_problems of environment 'pendulum' failed: .*{told}"):
        make("pendulum", num_envs=1, seed=0)


def test_a_control_step_that_is_no_multiple_of_the_engines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from motrix_core.envs.sim_env import SimEnv
    from motrix_core.envs.tasks.cheetah import Cheetah

    monkeypatch.delattr(Cheetah, "physics_step")
    assert Cheetah.physics_step is SimEnv.physics_step
    env = make("dm-cheetah", num_envs=1, seed=0)
    env.init_state()
    with pytest.raises(EnvironmentFailed, match=r"ctrl_dt_s=0\.025, which is no multiple of sim_dt_s=0\.01"):
        env.step(np.zeros((1, 6), np.float32))
    env.close()
