"""Environments of a MotrixLab-S1 checkout, a stand-in with the same shape: trained unmodified."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from motrix_core.commands import envs
from motrix_core.config import ConfigSources, PPOCfg
from motrix_core.envs.adapters import motrixlab
from motrix_core.envs.registry import find_spec, make, names_of
from motrix_core.envs.source import EnvSource
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra, UnknownName, UsageError

BROKEN = """class Sled(NpEnv):
    def __init__(self, *arguments, **named):
        raise OSError("no ice")
"""
CHECKOUT = Path(__file__).parent.parent / "fakes" / "motrixlab"
LAB = EnvSource(path=str(CHECKOUT / "motrix_envs" / "src"))


@pytest.fixture(autouse=True)
def imported_anew() -> Iterator[None]:
    """Every test imports a checkout of its own."""
    yield
    motrixlab._inspected.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("motrix_envs", "motrix_rl")]:
        del sys.modules[name]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A checkout that a test may change."""
    return Path(shutil.copytree(CHECKOUT, tmp_path / "lab", ignore=shutil.ignore_patterns("__pycache__")))


def sled(num_envs: int = 3, seed: int = 0, **options: object):
    return make("sled", num_envs=num_envs, seed=seed, source=LAB, options=options)


def test_its_registry_is_found_from_the_source_folder_and_from_the_checkout() -> None:
    for way in ("motrix_envs/src", "motrix_envs", ""):
        assert names_of(EnvSource(path=str(CHECKOUT / way))) == ["sled", "cartpole"]


def test_sizes_and_times_are_read_from_the_environment_itself() -> None:
    spec = find_spec("sled", LAB)
    assert (spec.obs_dim, spec.act_dim, spec.act_low, spec.act_high) == (2, 1, -1.0, 1.0)
    assert (spec.max_episode_steps, spec.ctrl_dt_s) == (20, 0.1)
    assert spec.origin == LAB.path


def test_the_checkouts_environment_is_taken_where_we_have_one_of_the_same_name() -> None:
    assert find_spec("cartpole", LAB).obs_dim == 2
    assert find_spec("pendulum", LAB).obs_dim == 3


def test_an_episode_that_fails_ends_in_the_state_before_its_reset() -> None:
    env = sled()
    env.init_state()
    pushed = np.array([[1.0], [0.0], [3.0]])
    for _ in range(3):
        state = env.step(pushed)
    # Its action is beyond the bounds, and reaches it all the same.
    np.testing.assert_array_equal(env.step(pushed).terminated, [False, False, True])
    state = env.state
    assert state.info["final_obs"][2, 0] > 1.0
    assert state.info["final_obs"][2, 1] == 3.0
    assert abs(state.obs[2, 0]) <= 0.1
    assert state.obs[2, 1] == 0.0
    np.testing.assert_array_equal(state.obs[:2], state.info["final_obs"][:2])
    # The reset overwrites the reward terms too.
    np.testing.assert_allclose(state.info["Reward"]["middle"], state.reward)


def test_an_episode_whose_time_is_over_is_truncated() -> None:
    env = sled()
    env.init_state()
    for _ in range(19):
        assert not env.step(np.zeros((3, 1))).done.any()
    state = env.step(np.zeros((3, 1)))
    assert state.truncated.all()
    assert not state.terminated.any()
    assert (state.info["steps"] == 0).all()


def test_the_same_seed_gives_the_same_episodes_and_leaves_numpys_own_generator_alone() -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    first, again, other = (sled(seed=seed).init_state().obs for seed in (1, 1, 2))
    assert np.random.random() == expected
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_options_replace_values_of_its_configuration() -> None:
    env = sled(edge=0.5)
    assert env.inner.cfg.edge == 0.5  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ConfigError, match=r"env\.edgy=1 is not an option of sled; did you mean env\.edge\?"):
        sled(edgy=1)
    # Of those that it has, none can only be read.
    with pytest.raises(ConfigError) as caught:
        sled(nothing_like_it=1, max_episode_steps=5)
    assert [problem.mend for problem in caught.value.problems] == [
        "it has env.ctrl_dt, env.edge, env.max_episode_seconds, env.model_file, env.sim_dt, env.spoil_at",
        "did you mean env.max_episode_seconds?",
    ]


def test_an_episode_is_as_long_as_the_options_make_it() -> None:
    assert find_spec("sled", LAB, {"max_episode_seconds": 4.0}).max_episode_steps == 40
    assert sled(max_episode_seconds=4.0).cfg.max_episode_steps == 40
    assert find_spec("sled", LAB).max_episode_steps == 20


def test_a_number_that_is_not_finite_ends_that_episode_alone() -> None:
    env = sled(spoil_at=0.35)
    env.init_state()
    for _ in range(6):
        state = env.step(np.array([[1.0], [0.0], [0.0]]))
        if state.done.any():
            break
    np.testing.assert_array_equal(state.terminated, [True, False, False])
    assert state.info["metrics"]["nonfinite"][0] == 1.0
    assert np.isfinite(state.obs).all()
    assert abs(state.obs[0, 0]) <= 0.1


def test_its_own_hyperparameters_are_used_for_each_backend() -> None:
    on_jax, on_torch = (
        ConfigSources(flags={"env_path": LAB.path}).build("sled", b).config.ppo for b in ("jax", "torch")
    )
    assert (on_jax.seed, on_jax.num_envs, on_jax.rollouts, on_jax.learning_rate) == (42, 8, 16, 1e-3)
    assert (on_torch.learning_rate, on_torch.mini_batches) == (2e-4, 4)
    # A rate that is not scheduled stays where it is.
    assert on_jax.learning_rate_scheduler_kl_threshold == 0.008
    assert on_torch.learning_rate_scheduler_kl_threshold == 0.0


def test_one_without_hyperparameters_gets_the_usual_ones_and_not_those_of_ours_by_that_name() -> None:
    assert ConfigSources(flags={"env_path": LAB.path}).build("cartpole", "jax").config.ppo == PPOCfg()


def test_a_schedule_that_we_do_not_have_is_told(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    cfgs = copied / "motrix_rl/src/motrix_rl/cfgs.py"
    cfgs.write_text(cfgs.read_text().replace('= "kl_adaptive"', '= "linear"'))
    with caplog.at_level(logging.WARNING):
        ConfigSources(flags={"env_path": str(copied)}).build("sled", "jax")
    assert "'linear'" in caplog.text


def test_without_motrix_rl_the_usual_hyperparameters_are_taken(copied: Path) -> None:
    shutil.rmtree(copied / "motrix_rl")
    assert ConfigSources(flags={"env_path": str(copied)}).build("sled", "jax").config.ppo == PPOCfg()


def test_a_checkout_that_cannot_be_imported_is_told_with_file_and_line(copied: Path) -> None:
    toys = copied / "motrix_envs/src/motrix_envs/toys/__init__.py"
    toys.write_text("1 / 0\n")
    with pytest.raises(EnvironmentFailed, match=r"toys/__init__.py, line 1: ZeroDivisionError"):
        find_spec("sled", EnvSource(path=str(copied)))


def test_one_that_cannot_be_made_leaves_the_others_in_the_list(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toys = copied / "motrix_envs/src/motrix_envs/toys"
    broken = (toys / "sled.py").read_text().replace("class Sled(NpEnv):", BROKEN).replace('"sled"', '"broken-sled"')
    (toys / "broken.py").write_text(broken.replace('"cartpole"', '"broken-cart"'))
    (toys / "__init__.py").write_text((toys / "__init__.py").read_text() + "\nfrom . import broken\n")
    parser = argparse.ArgumentParser()
    envs.add_parser(parser.add_subparsers())
    assert envs.run(parser.parse_args(["envs", "--env-path", str(copied), "--json"])) == 0
    errors = {entry["name"]: entry["error"] for entry in json.loads(capsys.readouterr().out)}
    assert "broken.py, line" in errors["broken-sled"] and "OSError: no ice" in errors["broken-sled"]
    assert (errors["sled"], errors["pendulum"]) == (None, None)


def test_a_missing_simulator_is_named_with_its_extra(copied: Path, hide) -> None:
    hide("motrixsim")
    module = copied / "motrix_envs/src/motrix_envs/np/env.py"
    module.write_text(module.read_text().replace("import abc", "import abc\n\nimport motrixsim"))
    with pytest.raises(MissingExtra, match=r"motrix-tui\[motrixsim\]"):
        find_spec("sled", EnvSource(path=str(copied)))


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no motrix_envs/registry.py"):
        find_spec("sled", EnvSource(path=str(tmp_path)))
    with pytest.raises(UsageError, match="does not exist"):
        find_spec("sled", EnvSource(path=str(tmp_path / "nothing")))


def test_two_checkouts_in_one_process_are_refused_and_not_mixed(copied: Path) -> None:
    find_spec("sled", LAB)
    with pytest.raises(EnvironmentFailed, match="one process can import only one"):
        find_spec("sled", EnvSource(path=str(copied)))


def test_an_unknown_name_is_answered_with_the_checkouts(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean sled"):
        find_spec("sledd", LAB)


def test_a_checkout_that_is_mounted_at_the_root_needs_no_folder_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    package = motrixlab.load(str(LAB.path))
    monkeypatch.setattr(package, "__file__", "/src/motrix_envs/__init__.py")
    monkeypatch.setattr(motrixlab, "load", lambda path: package)
    assert motrixlab.rl_values(str(LAB.path), "sled", "torch") is None
