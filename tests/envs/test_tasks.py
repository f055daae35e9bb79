"""What every environment of the catalog keeps, on every simulator."""

from __future__ import annotations

import numpy as np
import pytest
from env_cases import every_case, made, random_actions
from gymnasium.spaces import Discrete

from motrix_core.errors import EnvironmentFailed


@every_case
def test_sizes_dtypes_and_bounds_are_those_of_the_catalog(name: str, sim: str) -> None:
    env = made(name, sim)
    spec = env.spec
    state = env.init_state()
    for _ in range(2):
        assert state.obs.shape == state.info["final_obs"].shape == (8, spec.obs_dim)
        assert state.obs.dtype == state.info["final_obs"].dtype == np.float32
        assert state.reward.shape == (8,)
        assert state.reward.dtype == np.float32
        assert state.terminated.dtype == state.truncated.dtype == np.bool_
        for values in (*state.info["Reward"].values(), *state.info["metrics"].values()):
            assert values.shape == (8,)
            assert values.dtype == np.float32
        state = env.step(random_actions(env, 1)[0])
    assert state.info["Reward"]
    assert env.observation_space.shape == (spec.obs_dim,)
    if spec.n_actions is not None:
        assert env.action_space == Discrete(spec.n_actions)
    else:
        assert env.action_space.shape == (spec.act_dim,)
        assert env.action_space.low.min() == spec.act_low
        assert env.action_space.high.max() == spec.act_high
    env.close()


@every_case
def test_one_seed_gives_one_history_and_another_seed_another(name: str, sim: str) -> None:
    histories = []
    for seed in (3, 3, 4):
        env = made(name, sim, seed=seed)
        env.init_state()
        histories.append(np.stack([env.step(actions).obs for actions in random_actions(env, 30)]))
        env.close()
    np.testing.assert_array_equal(histories[0], histories[1])
    assert not np.array_equal(histories[0], histories[2])


@every_case
def test_a_restored_environment_continues_bit_for_bit_through_resets(name: str, sim: str) -> None:
    options = {"episode_s": 1.0}
    env = made(name, sim, num_envs=16, **options)
    env.init_state()
    script = random_actions(env, 160)
    for actions in script[:80]:
        env.step(actions)
    arrays = env.get_state()
    restored = made(name, sim, num_envs=16, seed=99, **options)
    restored.init_state()
    restored.set_state(arrays)
    ended = 0
    for actions in script[80:]:
        expected, got = env.step(actions), restored.step(actions)
        np.testing.assert_array_equal(got.obs, expected.obs)
        np.testing.assert_array_equal(got.reward, expected.reward)
        np.testing.assert_array_equal(got.done, expected.done)
        np.testing.assert_array_equal(got.info["final_obs"], expected.info["final_obs"])
        ended += int(got.done.sum())
    assert ended > 0, "resets are part of what has to be restored"


@every_case
def test_episodes_last_as_long_as_the_catalog_says(name: str, sim: str) -> None:
    env = made(name, sim, num_envs=2)
    assert env.cfg.max_episode_steps == env.spec.max_episode_steps
    assert env.cfg.max_episode_steps * env.cfg.ctrl_dt == pytest.approx(env.spec.episode_s)
    short = made(name, sim, num_envs=2, episode_s=3 * env.spec.ctrl_dt_s)
    short.init_state()
    still = np.zeros((2, env.spec.act_dim), np.float32)
    endings = [short.step(still).truncated.all() for _ in range(6)]
    assert endings == [False, False, True, False, False, True]


@every_case
def test_a_state_saved_from_another_task_is_refused(name: str, sim: str) -> None:
    env = made(name, sim)
    env.init_state()
    arrays = {key: value for key, value in env.get_state().items() if not key.startswith("task.")}
    with pytest.raises(EnvironmentFailed, match="the saved state has no"):
        made(name, sim).set_state(arrays)


@every_case
def test_the_environments_of_a_batch_do_not_touch_each_other(name: str, sim: str) -> None:
    env, other = (made(name, sim, num_envs=4) for _ in range(2))
    env.init_state()
    other.init_state()
    for actions in random_actions(env, 10):
        changed = actions.copy()
        changed[1] = env.spec.act_high
        expected, got = env.step(actions), other.step(changed)
    np.testing.assert_array_equal(got.obs[[0, 2, 3]], expected.obs[[0, 2, 3]])
    assert not np.array_equal(got.obs[1], expected.obs[1])


@every_case
def test_actions_of_any_layout_and_precision_mean_the_same(name: str, sim: str) -> None:
    actions = random_actions(made(name, sim), 1)[0]
    results = []
    for given in (actions, np.asfortranarray(actions), actions.astype(np.float64), actions.tolist()):
        env = made(name, sim)
        env.init_state()
        results.append(env.step(given).obs)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
