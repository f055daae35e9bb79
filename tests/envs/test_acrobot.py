from __future__ import annotations

import numpy as np
import pytest
from env_cases import made

from motrix_core.envs.tasks.acrobot import Acrobot

STATES = np.array([[0.05, -0.08, 0.02, 0.09], [1.2, -2.5, 3.0, -4.0], [3.1, 0.2, -6.0, 2.0], [-2.0, 3.0, 12.5, -28.0]])
"""Both angles, rad, and both velocities, rad/s; the last is at its limits."""


def acrobot(states: np.ndarray) -> Acrobot:
    env = made("acrobot", "none", num_envs=len(states))
    assert isinstance(env, Acrobot)
    env.init_state()
    env.set_task_state({"angles": states.T[:2].copy(), "speeds": states.T[2:].copy()})
    return env


def choices(count: int, action: int) -> np.ndarray:
    return np.full((count, 1), action, np.float32)


@pytest.mark.parametrize("action", [0, 1, 2])
def test_a_step_is_gymnasiums(action: int) -> None:
    gymnasium = pytest.importorskip("gymnasium")
    classic = gymnasium.make("Acrobot-v1").unwrapped
    got = acrobot(STATES).step(choices(len(STATES), action))
    for row, state in enumerate(STATES):
        classic.reset(seed=0)
        classic.state = state.copy()
        obs, reward, terminated, _, _ = classic.step(action)
        np.testing.assert_allclose(got.info["final_obs"][row], obs, rtol=1e-5, atol=1e-5)
        assert (got.reward[row], got.terminated[row]) == (reward, terminated)


def test_its_limits_are_gymnasiums() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    known = gymnasium.spec("Acrobot-v1")
    spec = made("acrobot", "none").spec
    assert (spec.max_episode_steps, spec.success_return) == (known.max_episode_steps, known.reward_threshold)


def test_hanging_still_it_stays() -> None:
    env = acrobot(np.zeros((1, 4)))
    for _ in range(20):
        state = env.step(choices(1, 1))
    np.testing.assert_allclose(state.obs, [[1, 0, 1, 0, 0, 0]], atol=1e-12)
    assert state.info["metrics"]["tip_height"][0] == pytest.approx(-2.0)


def test_the_motor_turns_the_elbow_its_way() -> None:
    state = acrobot(np.zeros((3, 4))).step(np.array([[0], [1], [2]]))
    assert np.sign(state.obs[:, 5]).tolist() == [-1, 0, 1]
    np.testing.assert_allclose(state.obs[0, 4:], -state.obs[2, 4:], rtol=1e-6)


def test_the_step_that_reaches_the_goal_costs_nothing_and_ends_the_episode() -> None:
    state = acrobot(np.array([[np.pi, 0, 0, 0], [np.pi / 2, 0, 0, 0]])).step(choices(2, 1))
    assert state.terminated.tolist() == [True, False]
    assert state.reward.tolist() == [0.0, -1.0]
    assert state.info["metrics"]["tip_height"][0] > 1.0


def test_without_a_motor_energy_stays_within_a_percent_of_what_it_swings_by() -> None:
    """At the steps of 0.2 s that the task is made of, and at speeds as in an episode."""
    env = acrobot(np.array([[1.0, 0.5, 0.0, 0.0]]))
    energies = [energy(env)]
    for _ in range(50):
        env.step(choices(1, 1))
        energies.append(energy(env))
    assert np.ptp(energies) < 0.01 * (energies[0] - energy(acrobot(np.zeros((1, 4)))))


def energy(env: Acrobot) -> float:
    """Kinetic and potential energy in J, from positions and velocities of the centres of mass."""
    state = env.get_task_state()
    (a, b), (va, vb) = state["angles"][:, 0], state["speeds"][:, 0]
    first = 0.5 * np.array([np.sin(a), -np.cos(a)])
    second = 2 * first + 0.5 * np.array([np.sin(a + b), -np.cos(a + b)])
    first_speed = 0.5 * va * np.array([np.cos(a), np.sin(a)])
    second_speed = 2 * first_speed + 0.5 * (va + vb) * np.array([np.cos(a + b), np.sin(a + b)])
    kinetic = 0.5 * (first_speed @ first_speed + second_speed @ second_speed + va**2 + (va + vb) ** 2)
    return float(kinetic + 9.8 * (first[1] + second[1]))
