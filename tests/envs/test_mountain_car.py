from __future__ import annotations

import numpy as np
import pytest
from env_cases import made

from motrix_core.envs.tasks.mountain_car import MountainCar
from motrix_core.errors import ConfigError

STATES = np.array([[-0.5, 0.0], [-1.19, -0.05], [0.49, 0.06], [0.2, -0.07], [0.3, 0.07], [-1.2, 0.0]])


def car(states: np.ndarray, **options: object) -> MountainCar:
    env = made("mountain-car", "none", num_envs=len(states), **options)
    assert isinstance(env, MountainCar)
    env.init_state()
    env.set_task_state({"position": states[:, 0].copy(), "speed": states[:, 1].copy()})
    return env


def drive(env: MountainCar) -> np.ndarray:
    """The return of one episode of each environment that pushes the way it moves."""
    obs = env.init_state().obs
    total, going = np.zeros(env.num_envs), np.ones(env.num_envs, bool)
    while going.any():
        state = env.step(np.where(obs[:, 1:] < 0, 0, 2))
        obs, total = state.obs, total + going * state.reward
        going &= ~state.done
    return total


@pytest.mark.parametrize("action", [0, 1, 2])
def test_a_step_is_gymnasiums(action: int) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    classic = gymnasium.make("MountainCar-v0").unwrapped
    got = car(STATES, energy_weight=0).step(np.full((len(STATES), 1), action))
    for row, state in enumerate(STATES):
        classic.reset(seed=0)
        classic.state = state.copy()
        obs, reward, terminated, _, _ = classic.step(action)
        np.testing.assert_allclose(got.info["final_obs"][row], obs, rtol=1e-6, atol=1e-7)
        assert (got.reward[row], got.terminated[row]) == (reward, terminated)


def test_its_time_limit_is_gymnasiums() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    assert made("mountain-car", "none").spec.max_episode_steps == gymnasium.spec("MountainCar-v0").max_episode_steps


def test_the_motor_alone_does_not_climb() -> None:
    env = car(np.array([[-0.5, 0.0]]))
    highest = max(env.step(np.array([[2]])).obs[0, 0] for _ in range(199))
    assert highest < 0.0


def test_the_wall_on_the_left_stops_the_car() -> None:
    state = car(np.array([[-1.19, -0.05]])).step(np.array([[0]]))
    np.testing.assert_array_equal(state.obs, np.array([[-1.2, 0.0]], np.float32))


def test_the_energy_term_adds_up_to_what_the_energy_gained() -> None:
    env = car(np.array([[-0.5, 0.0]]), energy_weight=10.0)
    env.step(np.array([[1]]))
    start, total = env.step(np.array([[1]])).info["metrics"]["energy"][0], 0.0
    for action in (2, 2, 0, 0, 1, 2) * 10:
        state = env.step(np.array([[action]]))
        total += state.info["Reward"]["energy"][0]
    assert total == pytest.approx(10.0 * (state.info["metrics"]["energy"][0] - start), rel=1e-4)


def test_energy_is_0_at_rest_in_the_valley_and_1_at_rest_on_the_goal() -> None:
    for position, expected in ((-np.pi / 6, 0.0), (0.5, 1.0)):
        env = car(np.array([[position, 0.0]]), energy_weight=1.0)
        before = env.step(np.array([[1]])).info
        assert before["metrics"]["energy"][0] - before["Reward"]["energy"][0] == pytest.approx(expected, abs=1e-6)


def test_pushing_the_way_it_moves_meets_the_stated_success() -> None:
    env = made("mountain-car", "none", num_envs=256)
    assert isinstance(env, MountainCar)
    returns = drive(env)
    assert env.spec.success_return is not None
    assert env.spec.success_return - 25 < returns.mean()
    assert returns.max() > env.spec.success_return


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "much", True])
def test_an_energy_weight_that_means_nothing_is_refused(weight: object) -> None:
    with pytest.raises(ConfigError, match=r"env\.energy_weight"):
        made("mountain-car", "none", energy_weight=weight)
