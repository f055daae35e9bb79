from __future__ import annotations

import numpy as np
from env_cases import cases_of, made

LIMIT_ANGLE, LIMIT_DISTANCE = 0.2, 0.8
START = 0.05


@cases_of["cartpole"]
def test_a_pole_left_alone_falls_and_ends_the_episode(name: str, sim: str) -> None:
    env = made(name, sim, num_envs=32)
    env.init_state()
    still = np.zeros((32, 1), np.float32)
    ended = np.zeros(32, np.bool_)
    for _ in range(300):
        state = env.step(still)
        fell = state.terminated & ~ended
        angle = np.abs(state.info["final_obs"][fell, 1])
        assert (angle > LIMIT_ANGLE).all()
        assert (angle < LIMIT_ANGLE + 0.1).all(), "noticed at the first step beyond the limit"
        ended |= state.terminated
    assert ended.all()


@cases_of["cartpole"]
def test_pushing_right_drives_the_cart_right_and_the_pole_left(name: str, sim: str) -> None:
    env = made(name, sim)
    env.init_state()
    push = np.full((8, 1), 3.0, np.float32)
    for _ in range(4):
        obs = env.step(push).info["final_obs"]
    assert (obs[:, 2] > 0.5).all()
    assert (obs[:, 3] < -0.5).all()


@cases_of["cartpole"]
def test_an_episode_that_ended_shows_where_and_the_next_begins_near_the_middle(name: str, sim: str) -> None:
    env = made(name, sim)
    env.init_state()
    push = np.full((8, 1), 3.0, np.float32)
    ended = 0
    for _ in range(60):
        state = env.step(push)
        final, begun = state.info["final_obs"][state.terminated], state.obs[state.terminated]
        assert ((np.abs(final[:, 0]) > LIMIT_DISTANCE) | (np.abs(final[:, 1]) > LIMIT_ANGLE)).all()
        assert (np.abs(begun) <= START).all()
        ended += len(final)
    assert ended > 0


@cases_of["cartpole"]
def test_every_step_is_worth_one(name: str, sim: str) -> None:
    env = made(name, sim)
    env.init_state()
    for _ in range(3):
        np.testing.assert_array_equal(env.step(np.zeros((8, 1), np.float32)).reward, np.ones(8))
