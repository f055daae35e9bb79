"""Gymnasium's environments by id, in every vector mode; and the ids, spaces and packages that do not work."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from counting_envs import LENGTH, Counting, CountingBatch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from motrix_core.commands.own_env import try_out
from motrix_core.config import ConfigSources
from motrix_core.config.own import GYMNASIUM_DEFAULTS
from motrix_core.envs.adapters import gymnasium_ids
from motrix_core.envs.adapters.spaces import Actions, Observations
from motrix_core.envs.registry import find_spec, make
from motrix_core.envs.source import EnvSource
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra, UsageError
from motrix_core.learn.evaluation import Task
from motrix_core.play.cast import random_cast

Register = Callable[..., str]


@pytest.fixture
def register() -> Iterator[Register]:
    """Registers an environment for the length of a test and gives its name."""
    ids = []

    def _register(entry_point: Callable | None = None, vector: Callable | None = None, steps: int | None = None) -> str:
        ids.append(f"Test{len(ids)}-v0")
        gymnasium.register(ids[-1], entry_point, vector_entry_point=vector, max_episode_steps=steps)  # pyright: ignore
        return f"gym:{ids[-1]}"

    gymnasium_ids._spec_of.cache_clear()
    yield _register
    for one in ids:
        del gymnasium.registry[one]


def test_real_environments_tell_their_sizes() -> None:
    pendulum, car, pole = (
        find_spec(f"gym:{name}") for name in ("Pendulum-v1", "MountainCarContinuous-v0", "CartPole-v1")
    )
    assert (pendulum.obs_dim, pendulum.act_dim, pendulum.act_low, pendulum.act_high) == (3, 1, -2.0, 2.0)
    assert (pendulum.max_episode_steps, pendulum.ctrl_dt_s) == (200, 0.05)
    assert (car.obs_dim, car.max_episode_steps, car.success_return) == (2, 999, 90.0)
    assert (pole.n_actions, pole.act_high, pole.success_return) == (2, 1.0, 475.0)


def test_they_start_from_hyperparameters_for_few_environments() -> None:
    assert ConfigSources().build("gym:Pendulum-v1", "jax").config.ppo == GYMNASIUM_DEFAULTS


def test_the_time_limit_truncates_and_the_last_observation_is_kept() -> None:
    env = make("gym:Pendulum-v1", num_envs=2, seed=0, options={"max_episode_steps": 5})
    state = env.init_state()
    for _ in range(4):
        state = env.step(np.ones((2, 1)))
        assert not state.done.any()
    before = state.obs
    state = env.step(np.ones((2, 1)))
    assert state.truncated.all() and not state.terminated.any()
    # A pendulum moves little in 0.05 s, and begins anywhere.
    assert np.abs(state.info["final_obs"][:, :2] - before[:, :2]).max() < 0.5
    assert not np.allclose(state.info["final_obs"], state.obs)


def test_discrete_actions_reach_the_environment_as_choices() -> None:
    env = make("gym:CartPole-v1", num_envs=2, seed=0)
    env.init_state()
    for _ in range(6):
        state = env.step(np.array([[0], [1]]))
    # Pushed left and pushed right.
    assert state.obs[0, 1] < -0.5 and state.obs[1, 1] > 0.5


@pytest.mark.parametrize("name", ["gym:Pendulum-v1", "gym:CartPole-v1"])
def test_the_same_seed_gives_the_same_episodes(name: str) -> None:
    def play(seed: int) -> np.ndarray:
        env = make(name, num_envs=3, seed=seed)
        env.init_state()
        rows = [env.step(np.zeros((3, 1))).obs for _ in range(20)]
        env.close()
        return np.stack(rows)

    np.testing.assert_array_equal(play(1), play(1))
    assert not np.array_equal(play(1), play(2))


def test_environments_in_processes_of_their_own_do_the_same() -> None:
    seen = []
    for vector in ("sync", "async"):
        env = make("gym:Pendulum-v1", num_envs=2, seed=3, options={"vector": vector, "max_episode_steps": 3})
        env.init_state()
        states = [env.step(np.full((2, 1), 0.5)) for _ in range(5)]
        seen.append(np.stack([[state.obs, state.info["final_obs"]] for state in states]))
        env.close()
    np.testing.assert_array_equal(*seen)


def test_a_batch_that_resets_in_the_same_step_gives_what_its_info_says(register: Register) -> None:
    name = register(vector=lambda num_envs, **_: CountingBatch(num_envs, AutoresetMode.SAME_STEP))
    env = make(name, num_envs=2, seed=0, options={"vector": "vector_entry_point"})
    env.init_state()
    states = [env.step(np.zeros((2, 1))) for _ in range(LENGTH + 1)]
    first, second = states[-2:]
    np.testing.assert_array_equal(first.terminated, [True, False])
    np.testing.assert_array_equal(first.info["final_obs"], [[0, LENGTH], [0, LENGTH]])
    np.testing.assert_array_equal(first.obs, [[1, 0], [0, LENGTH]])
    np.testing.assert_array_equal(second.terminated, [False, True])
    np.testing.assert_array_equal(second.info["final_obs"][1], [0, LENGTH + 1])
    np.testing.assert_array_equal(second.obs, [[1, 1], [1, 0]])


def test_a_batch_that_keeps_the_last_observation_to_itself_is_refused(register: Register) -> None:
    name = register(vector=lambda num_envs, **_: CountingBatch(num_envs, AutoresetMode.SAME_STEP, tells=False))
    env = make(name, num_envs=2, seed=0, options={"vector": "vector_entry_point"})
    env.init_state()
    with pytest.raises(EnvironmentFailed, match=r"without info\['final_obs'\]"):
        for _ in range(LENGTH):
            env.step(np.zeros((2, 1)))


def test_a_batch_that_resets_in_the_next_step_never_mixes_two_episodes(register: Register) -> None:
    name = register(vector=lambda num_envs, **_: CountingBatch(num_envs, AutoresetMode.NEXT_STEP))
    env = make(name, num_envs=1, seed=0, options={"vector": "vector_entry_point"})
    obs = env.init_state().obs
    returned, ends = 0.0, 0
    for _ in range(3 * (LENGTH + 1)):
        state = env.step(np.zeros((1, 1)))
        led_to = state.info["final_obs"] if state.done[0] else state.obs
        # Every step leads to a state of the episode that it began in.
        assert led_to[0, 0] == obs[0, 0]
        returned += float(state.reward[0])
        if state.done[0]:
            assert state.terminated[0]
            np.testing.assert_array_equal(state.info["final_obs"], [[ends, LENGTH]])
            np.testing.assert_array_equal(state.obs, [[ends + 1, 0]])
            ends += 1
        obs = state.obs
    assert (ends, returned) == (3, 3 * LENGTH)


def test_a_batch_that_does_not_say_how_it_resets_is_refused(register: Register) -> None:
    name = register(vector=lambda num_envs, **_: CountingBatch(num_envs, None))
    with pytest.warns(UserWarning, match="missing AutoresetMode"):
        find_spec(name, options={"vector": "vector_entry_point"})
    with (
        pytest.warns(UserWarning, match="missing AutoresetMode"),
        pytest.raises(EnvironmentFailed, match="does not say how it begins new episodes"),
    ):
        make(name, num_envs=1, seed=0, options={"vector": "vector_entry_point"})


def test_numbers_in_the_info_become_reward_terms_and_metrics(register: Register) -> None:
    env = make(register(Counting), num_envs=2, seed=0)
    env.init_state()
    info = env.step(np.zeros((2, 1))).info
    np.testing.assert_array_equal(info["Reward"]["reward_count"], [0.5, 0.5])
    assert list(info["metrics"]) == ["nonfinite"]


MIXED = spaces.Dict(
    {
        "arm": spaces.Box(-1.0, 1.0, (2, 2), np.float32),
        "mode": spaces.Discrete(3, start=5),
        "pair": spaces.Tuple([spaces.MultiBinary(2), spaces.MultiDiscrete([2, 3])]),
    }
)


def test_mixed_observations_are_laid_out_as_gymnasium_flattens_them() -> None:
    observations = Observations(MIXED, "mixed")
    MIXED.seed(0)
    values = [MIXED.sample() for _ in range(4)]
    batch = gymnasium.vector.utils.concatenate(
        MIXED, values, gymnasium.vector.utils.create_empty_array(MIXED, n=len(values))
    )
    expected = np.stack([spaces.flatten(MIXED, value) for value in values])
    assert observations.size == spaces.flatdim(MIXED) == expected.shape[1]
    np.testing.assert_allclose(observations.batch(batch), expected, rtol=1e-6)
    np.testing.assert_allclose(observations.row(values[1]), expected[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), r"images of \(8, 8, 3\) as observations"),
        (spaces.Text(5), "the observation space Text"),
        (spaces.Sequence(spaces.Discrete(2)), "the observation space Sequence"),
    ],
)
def test_observations_that_networks_here_cannot_take_are_refused(space: spaces.Space, message: str) -> None:
    with pytest.raises(EnvironmentFailed, match=message):
        Observations(space, "strange")


@pytest.mark.parametrize("space", [spaces.MultiDiscrete([2, 2]), spaces.Dict({"a": spaces.Discrete(2)})])
def test_actions_that_are_neither_a_box_nor_a_choice_are_refused(register: Register, space: spaces.Space) -> None:
    with pytest.raises(EnvironmentFailed, match="PPO here takes Box and Discrete"):
        find_spec(register(lambda: Counting(action_space=space)))


def test_actions_keep_their_own_bounds_shape_and_type() -> None:
    box = spaces.Box(np.array([[-1, 0]], np.float32), np.array([[1, 4]], np.float32))
    actions = Actions(box, "box")
    assert (actions.size, actions.low, actions.high) == (2, -1.0, 4.0)
    np.testing.assert_array_equal(actions.to_env(np.array([[4.0, -1.0]], np.float32)), [[[1.0, 0.0]]])
    whole = Actions(spaces.Box(-3, 3, (1,), np.int32), "whole").to_env(np.array([[1.6]], np.float32))
    assert (whole.dtype, whole.tolist()) == (np.int32, [[2]])
    later = Actions(spaces.Discrete(3, start=-1), "later")
    np.testing.assert_array_equal(later.to_env(np.array([[0.0], [2.0]], np.float32)), [-1, 1])


MOST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(("bound", "known"), [(1e308, np.inf), (2 * MOST, np.inf), (MOST, MOST)])
def test_a_bound_beyond_the_numbers_of_actions_is_none(register: Register, bound: float, known: float) -> None:
    space = spaces.Box(-bound, bound, (1,), np.float64)
    name = register(lambda: Counting(action_space=space))
    assert (find_spec(name).act_low, find_spec(name).act_high) == (-known, known)
    cast = random_cast(Task(name, "none", {}), num_envs=2, seed=0)
    state = cast.env.init_state()
    state = cast.env.step(cast.act(state.obs))
    cast.env.close()
    assert np.isfinite(state.obs).all() and not state.info["metrics"]["nonfinite"].any()


@pytest.mark.parametrize(
    ("name", "near"),
    [("gym:Pendulum-v9", "gym:Pendulum-v1"), ("gym:pendlum", "gym:Pendulum-v1"), ("gym:CartPole", "gym:CartPole-v1")],
)
def test_an_unknown_id_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=rf"knows no environment '{name[4:]}'; did you mean .*{near}"):
        find_spec(name)


def test_a_module_that_registers_and_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"there is no module no_such_module; install the package .* gym:ID"):
        find_spec("gym:no_such_module:Thing-v0")


def test_a_module_that_registers_and_is_broken_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "registers_and_breaks.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvironmentFailed, match=r"registers_and_breaks\.py, line 1: ModuleNotFoundError"):
        find_spec("gym:registers_and_breaks:Thing-v0")


def test_a_package_that_an_environment_needs_is_named(register: Register) -> None:
    def needs() -> Counting:
        raise ModuleNotFoundError("No module named 'box_physics'", name="box_physics")

    with pytest.raises(EnvironmentFailed, match="needs the package box_physics, which is not installed; pip install"):
        find_spec(register(needs))


def test_without_gymnasium_its_extra_is_named(hide: Callable[[str], None]) -> None:
    gymnasium_ids._spec_of.cache_clear()
    hide("gymnasium")
    with pytest.raises(MissingExtra, match=r"motrix-tui\[gym\]"):
        find_spec("gym:Pendulum-v1")


def test_an_unknown_vector_mode_and_an_unknown_option_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"env\.vector=fast must be one of sync, async, vector_entry_point"):
        find_spec("gym:Pendulum-v1", options={"vector": "fast"})
    with pytest.raises(ConfigError, match=r"env\.weight=3 is not an option of gym:Pendulum-v1; it has .*, env\.g$"):
        find_spec("gym:Pendulum-v1", options={"weight": 3})
    # Ours to give, and none of the environment's.
    with pytest.raises(ConfigError, match=r"env\.num_envs=3 is not an option of gym:Pendulum-v1"):
        find_spec("gym:Pendulum-v1", options={"num_envs": 3})


def test_an_option_that_an_environment_passes_on_to_nobody_is_refused(register: Register) -> None:
    def passes_on(length: int = 3, **kwargs: float) -> Counting:
        return Counting(**kwargs)

    with pytest.raises(ConfigError, match=r"env\.nosuch=1 is not an option of gym:Test0-v0; it has .* env\.length$"):
        find_spec(register(passes_on), options={"nosuch": 1})


@pytest.mark.parametrize("steps", [0, -1, 2.5, "abc"])
def test_a_time_limit_that_is_no_number_of_steps_is_refused(steps: object) -> None:
    with pytest.raises(ConfigError, match=rf"env\.max_episode_steps={steps} must be a whole number of steps"):
        find_spec("gym:Pendulum-v1", options={"max_episode_steps": steps})


class Wide(Counting):
    """Steps to an observation that its space does not have."""

    def step(self, action):
        return (np.zeros(5, np.float32), *super().step(action)[1:])


class Old(Counting):
    """Returns what was returned before truncation was told apart."""

    def step(self, action):
        obs, reward, terminated, _, info = super().step(action)
        return obs, reward, terminated, info


class Worded(Counting):
    """Rewards with words."""

    def step(self, action):
        obs, _, *rest = super().step(action)
        return obs, "good", *rest


class Nowhere(Counting):
    """Is nowhere."""

    def step(self, action):
        return (np.full(2, np.nan, np.float32), *super().step(action)[1:])


@pytest.mark.filterwarnings("ignore:.*WARN")
@pytest.mark.parametrize("kind", [Wide, Old, Worded])
def test_what_gymnasium_cannot_lay_out_is_told_with_the_class_that_gave_it(register: Register, kind: type) -> None:
    messages = {
        Wide: r"gave an observation of shape \(5,\), its observation space says \(2,\): PLACE; let observation_space",
        Old: r"environment gym:Test0-v0 failed in step at batched step 1: PLACE: ValueError: .* \(expected 5, got 4\)",
        Worded: r"failed in step at batched step 1: PLACE: ValueError: could not convert string to float: 'good'",
    }
    place = rf"{__file__}, line {inspect.getsourcelines(kind)[1]}, class {kind.__name__}"
    name = register(kind)
    with pytest.raises(EnvironmentFailed, match=messages[kind].replace("PLACE", place)):
        try_out(find_spec(name), "none", {}, EnvSource())


@pytest.mark.filterwarnings("ignore:.*WARN")
def test_an_environment_that_gives_no_finite_number_is_refused_before_a_run_is_made(register: Register) -> None:
    name = register(Nowhere)
    with pytest.raises(
        EnvironmentFailed, match=rf"{name} gave an observation or reward that is not finite.*, class Nowhere"
    ):
        try_out(find_spec(name), "none", {}, EnvSource())
