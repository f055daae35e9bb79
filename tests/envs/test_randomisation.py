"""What differs between the environments of a batch besides their state, and what disturbs them."""

from __future__ import annotations

import numpy as np
import pytest
from env_cases import made, random_actions

from motrix_core.envs.random_state import make_generator
from motrix_core.envs.registry import find_spec
from motrix_core.envs.tasks.pendulum import Pendulum
from motrix_core.envs.tasks.quadruped import GO1, Quadruped
from motrix_core.errors import ConfigError
from motrix_core.sim.loader import SIMULATORS, is_installed

every_sim = pytest.mark.parametrize(
    "sim",
    [
        pytest.param(name, marks=pytest.mark.skipif(not is_installed(name), reason=f"{name} is not installed"))
        for name in SIMULATORS
    ],
)
TASKS = ["go1-flat-terrain-walk", "go1-rough-terrain-walk", "anymal_c_navigation_flat"]


def robots(name: str, sim: str, num_envs: int = 16, seed: int = 0, **options: object) -> Quadruped:
    env = made(name, sim, num_envs=num_envs, seed=seed, **options)
    assert isinstance(env, Quadruped)
    env.init_state()
    return env


class Drawing(Pendulum):
    """Writes down for which environments it draws, and which then begin."""

    def __init__(self, num_envs: int, episode_s: float) -> None:
        super().__init__(
            find_spec("pendulum"), num_envs=num_envs, rng=make_generator(0), sim="none", episode_s=episode_s
        )
        self.calls: list[tuple[str, list[int]]] = []

    def randomise(self, rows: np.ndarray) -> None:
        self.calls.append(("randomise", rows.tolist()))

    def reset(self, rows: np.ndarray) -> np.ndarray:
        self.calls.append(("reset", rows.tolist()))
        return super().reset(rows)


def test_a_task_is_asked_to_draw_before_each_episode_and_only_for_those_that_begin() -> None:
    env = Drawing(3, episode_s=0.1)
    env.init_state()
    everyone = [("randomise", [0, 1, 2]), ("reset", [0, 1, 2])]
    assert env.calls == everyone
    env._steps[:] = 0, 1, 0
    env.step(np.zeros((3, 1), np.float32))
    assert env.calls == [*everyone, ("randomise", [1]), ("reset", [1])]


@every_sim
@pytest.mark.parametrize("name", TASKS)
def test_robots_differ_by_as_much_as_is_asked_for(name: str, sim: str) -> None:
    env = robots(name, sim, num_envs=32, vary=0.3)
    varied = env.physics.varied
    for quantity in ("friction", "mass", "stiffness"):
        factors = varied.values(quantity) / env._model_values[quantity]
        assert 0.7 <= factors.min() < 0.8 < 1.2 < factors.max() <= 1.3 + 1e-6
        np.testing.assert_allclose(factors, factors[:, :1].repeat(factors.shape[1], axis=1), rtol=1e-5)
    np.testing.assert_array_equal(env._stiffness, varied.values("stiffness"))
    before = varied.values("mass")
    env._begin(np.array([3, 7]))
    changed = np.flatnonzero(varied.values("mass")[:, 0] != before[:, 0])
    assert changed.tolist() == [3, 7]


@every_sim
def test_a_varied_robot_stands_differently_and_is_charged_for_its_own_torques(sim: str) -> None:
    plain, varied = robots("go1-flat-terrain-walk", sim), robots("go1-flat-terrain-walk", sim, vary=0.5)
    still = np.zeros((16, 12), np.float32)
    for env in (plain, varied):
        for _ in range(150):
            env.step(still)
    heights = [np.ptp(env.physics.dof_pos[:, 2]) for env in (plain, varied)]
    assert heights[1] > 3 * heights[0]
    error = varied._ctrl - varied.physics.dof_pos[:, 7:]
    expected = varied.physics.varied.values("stiffness") * error - GO1.damping * varied.physics.dof_vel[:, 6:]
    np.testing.assert_allclose(varied.torques(), expected, atol=1e-3)


@every_sim
def test_robots_are_pushed_every_five_seconds_of_their_episodes(sim: str) -> None:
    env = robots("go1-flat-terrain-walk", sim, push_speed=1.5)
    still = np.zeros((16, 12), np.float32)
    for _ in range(100):
        env.step(still)
    resting = env.physics.dof_vel[:, :2].copy()
    assert np.abs(resting).max() < 0.3
    env._steps[:8] = 500
    env.step(still)
    speeds = np.linalg.norm(env.physics.dof_vel[:, :2], axis=1)
    assert 0.5 < speeds[:8].max() < 1.6
    assert speeds[8:].max() < 0.3
    env.step(still)
    assert env.nonfinite_count == 0


@every_sim
def test_varied_and_pushed_robots_continue_bit_for_bit(sim: str) -> None:
    options = {"vary": 0.3, "push_speed": 1.0}
    env = robots("anymal_c_navigation_flat", sim, num_envs=8, **options)
    script = random_actions(env, 120)
    for actions in script[:60]:
        env.step(actions)
    arrays = env.get_state()
    restored = robots("anymal_c_navigation_flat", sim, num_envs=8, seed=9, **options)
    restored.set_state(arrays)
    for each in (env, restored):
        each._steps[:4] = 480  # so that they are pushed after 20 steps
        each._steps[4:] = 690  # and these end after 10
    for actions in script[60:]:
        expected, got = env.step(actions), restored.step(actions)
        np.testing.assert_array_equal(got.obs, expected.obs)
        np.testing.assert_array_equal(got.reward, expected.reward)
    np.testing.assert_array_equal(restored.physics.varied.values("mass"), env.physics.varied.values("mass"))


@every_sim
def test_by_default_nothing_is_varied(sim: str) -> None:
    assert not robots("go1-flat-terrain-walk", sim).physics.varied.get_state()
    assert GO1.stiffness == robots("go1-flat-terrain-walk", sim)._stiffness[0, 0]


@every_sim
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vary": 1.0}, r"env\.vary=1\.0 must be a number from 0 to below 1"),
        ({"vary": "much"}, r"env\.vary=much must be a number from 0"),
        ({"push_speed": -1}, r"env\.push_speed=-1 must be a number of m/s"),
        ({"push_speed": float("nan")}, r"env\.push_speed=nan must be"),
        ({"varie": 0.1}, r"env\.varie=0\.1 is not an option of go1-flat-terrain-walk; did you mean env\.vary"),
    ],
)
def test_options_out_of_bounds_are_refused(sim: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made("go1-flat-terrain-walk", sim, num_envs=2, **options)
