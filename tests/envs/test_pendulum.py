from __future__ import annotations

import numpy as np
import pytest
from env_cases import made

from motrix_core.envs.tasks.pendulum import Pendulum


def pendulum(angle: float, speed: float) -> Pendulum:
    env = made("pendulum", "none", num_envs=1)
    assert isinstance(env, Pendulum)
    env.init_state()
    env.set_task_state({"angle": np.array([angle]), "speed": np.array([speed])})
    return env


def torque(value: float) -> np.ndarray:
    return np.array([[value]], np.float32)


def test_one_step_is_the_equation_worked_out_by_hand() -> None:
    env = pendulum(angle=0.5, speed=1.0)
    state = env.step(torque(1.0))
    # 15 sin 0.5 + 3 · 1 = 10.191383 rad/s²; times 0.05 s
    speed = 1.0 + 10.191383 * 0.05
    angle = 0.5 + speed * 0.05
    np.testing.assert_allclose(state.obs, [[np.cos(angle), np.sin(angle), speed]], rtol=1e-6)
    assert state.reward[0] == pytest.approx(-(0.5**2 + 0.1 * 1.0**2 + 0.001 * 1.0**2), rel=1e-6)
    assert state.reward[0] == pytest.approx(sum(float(term[0]) for term in state.info["Reward"].values()), rel=1e-6)


def test_the_angle_is_measured_the_short_way_round() -> None:
    almost_up = pendulum(angle=2 * np.pi - 0.1, speed=0.0)
    assert almost_up.step(torque(0.0)).reward[0] == pytest.approx(-0.01, rel=1e-5)


def test_the_speed_is_cut_at_8_rad_per_s() -> None:
    env = pendulum(angle=np.pi / 2, speed=7.99)
    assert env.step(torque(2.0)).obs[0, 2] == 8.0


def test_the_motor_is_too_weak_to_hold_it_level_but_can_hold_it_near_the_top() -> None:
    level, top = pendulum(np.pi / 2, 0.0), pendulum(0.1, 0.0)
    assert level.step(torque(-2.0)).obs[0, 2] > 0.0, "it falls"
    assert top.step(torque(-2.0)).obs[0, 2] < 0.0, "it rises"


def test_hanging_at_rest_costs_pi_squared_a_step_and_never_terminates() -> None:
    env = pendulum(np.pi, 0.0)
    for _ in range(200):
        state = env.step(torque(0.0))
        assert not state.terminated.any()
    assert state.reward[0] == pytest.approx(-(np.pi**2), rel=1e-5)


def test_a_simple_energy_controller_meets_the_stated_success() -> None:
    env = made("pendulum", "none", num_envs=64)
    state = env.init_state()
    total = np.zeros(64)
    for _ in range(env.cfg.max_episode_steps):
        cos, sin, speed = state.obs.T
        # Energy per inertia, zero at rest upright; pump it up to there, then hold by a linear law.
        energy = speed**2 / 2 + 15.0 * (cos - 1.0)
        swing = -2.0 * np.sign(speed * energy)
        hold = -(10.0 * sin + 3.0 * speed)
        state = env.step(np.where(cos > 0.9, hold, swing)[:, None].astype(np.float32))
        total += state.reward
    assert env.spec.success_return is not None
    assert total.mean() > env.spec.success_return
    assert total.mean() < 0
