"""What holds for either backend's fused engine by itself."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace

import numpy as np
import pytest
from fused_support import (
    ACT_DIM,
    HYPER,
    NUM_ENVS,
    OBS_DIM,
    STEPS,
    first_state,
    random_rollout,
    sampled_rollout,
    small_spec,
)

from motrix_core.errors import CheckpointError, ConfigError
from motrix_core.learn.algorithm import HALF_LOG_2PI, PPOHyperparameters
from motrix_core.learn.rollout import Rollout
from motrix_core.learn.spec import AgentState, ModelSpec

OTHER = {"torch": "jax", "jax": "torch"}


def make_engine(backend: str, spec: ModelSpec | None = None, hyper=HYPER, state: AgentState | None = None, **options):
    pytest.importorskip(backend)
    module = importlib.import_module(f"motrix_core.learn.{backend}.fused")
    spec = spec or small_spec(True)
    return module.FusedPPO(spec, hyper, state or first_state(spec), **options)


def assert_identical(one: AgentState, other: AgentState) -> None:
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        assert array.dtype == other.arrays[name].dtype, name
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)
    assert one.learning_rate == other.learning_rate


def plain_means(state: AgentState, obs: np.ndarray) -> np.ndarray:
    """The shared-trunk policy of `small_spec`, in float64."""
    arrays = {name: np.asarray(array, np.float64) for name, array in state.arrays.items()}
    scaled = (obs - arrays["scaler.observation.mean"]) / (np.sqrt(arrays["scaler.observation.variance"]) + 1e-8)
    x = np.clip(scaled, -5, 5)
    for layer in ("trunk.layers.0", "trunk.layers.1"):
        x = x @ arrays[f"{layer}.weight"].T + arrays[f"{layer}.bias"]
        x = np.where(x > 0, x, np.expm1(x))
    return x @ arrays["policy.mean.weight"].T + arrays["policy.mean.bias"]


def test_actions_are_mean_plus_noise_with_their_density(backend):
    engine, state = make_engine(backend), first_state(small_spec(True))
    rng = np.random.default_rng(2)
    obs = (3 * rng.normal(size=(33, OBS_DIM))).astype(np.float32)
    noise = rng.normal(size=(33, ACT_DIM)).astype(np.float32)
    actions, log_prob = engine.act(obs, noise)
    means, log_std = plain_means(state, obs), state.arrays["policy.log_std"].astype(np.float64)
    np.testing.assert_allclose(actions, means + noise * np.exp(log_std), atol=1e-5)
    density = -0.5 * (noise.astype(np.float64) ** 2).sum(1) - log_std.sum() - ACT_DIM * HALF_LOG_2PI
    np.testing.assert_allclose(log_prob, density, atol=1e-5)
    np.testing.assert_allclose(engine.act_deterministic(obs), means, atol=1e-5)
    assert actions.dtype == log_prob.dtype == np.float32


def test_acting_does_not_change_what_it_was_given(backend):
    engine = make_engine(backend)
    obs, noise = np.full((4, OBS_DIM), 2, np.float32), np.full((4, ACT_DIM), 0.5, np.float32)
    engine.act(obs, noise)
    assert (obs == 2).all() and (noise == 0.5).all()


def test_an_update_does_not_change_the_rollout(backend):
    engine = make_engine(backend)
    rollout = sampled_rollout(engine)
    before = {name: np.copy(array) for name, array in vars(rollout).items()}
    engine.update(rollout)
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(rollout, name), array, err_msg=name)


@pytest.mark.parametrize("shared", [True, False], ids=["shared trunk", "separate networks"])
def test_a_state_survives_a_round_trip_to_the_bit(backend, shared):
    spec = small_spec(shared)
    engine = make_engine(backend, spec)
    engine.update(sampled_rollout(engine))
    state = engine.state()
    assert_identical(make_engine(backend, spec, state=state).state(), state)


def test_a_state_survives_the_other_backend_to_the_bit(backend):
    engine = make_engine(backend)
    engine.update(sampled_rollout(engine))
    state = engine.state()
    assert_identical(make_engine(OTHER[backend], state=state).state(), state)


def test_an_update_after_a_round_trip_is_the_same_to_the_bit(backend):
    engine = make_engine(backend)
    first = sampled_rollout(engine, seed=1)
    engine.update(first)
    resumed = make_engine(backend, state=engine.state())
    second = sampled_rollout(engine, seed=2)
    engine.update(second)
    resumed.update(second)
    assert_identical(resumed.state(), engine.state())


def test_a_state_is_a_copy_that_later_updates_leave_alone(backend):
    engine = make_engine(backend)
    state = engine.state()
    before = {name: array.copy() for name, array in state.arrays.items()}
    engine.update(sampled_rollout(engine))
    assert_identical(AgentState(before, HYPER.learning_rate), state)


def test_the_scalers_count_beyond_what_float32_can(backend):
    state = first_state(small_spec(True))
    count = 2.0**40 + 1
    state.arrays["scaler.observation.count"] = np.array(count)
    engine = make_engine(backend, state=state)
    engine.update(sampled_rollout(engine))
    assert engine.state().arrays["scaler.observation.count"] == count + STEPS * NUM_ENVS


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(backend):
    engine = make_engine(backend)
    before, wrong = engine.state(), first_state(small_spec(True), seed=9)
    del wrong.arrays["adam.m.policy.log_std"]
    with pytest.raises(CheckpointError, match=r"adam\.m\.policy\.log_std is missing"):
        engine.load_state(wrong)
    assert_identical(engine.state(), before)


def constant_reward_chain(steps: int, num_envs: int, end: str, at: int) -> Rollout:
    """Reward 1 at every step of an endless task; every episode is cut at step `at`, or terminates there."""
    rollout = Rollout(steps, num_envs, OBS_DIM, ACT_DIM)
    obs, zero = np.zeros((num_envs, OBS_DIM), np.float32), np.zeros(num_envs, np.float32)
    for step in range(steps):
        ends = np.full(num_envs, step == at)
        never = np.zeros(num_envs, bool)
        how = (ends, never) if end == "terminated" else (never, ends)
        rollout.record(obs, np.zeros((num_envs, ACT_DIM), np.float32), zero, zero + 1, *how, obs)
    return rollout


def chain_returns(backend: str, end: str, bootstrap: bool = True) -> float:
    """The mean return that an update sees, where the value function already says 1/(1-γ) everywhere."""
    spec, gamma = small_spec(True), 0.9
    state = first_state(spec)
    state.arrays["value.out.weight"][:] = 0
    state.arrays["value.out.bias"][:] = 0
    state.arrays["scaler.value.mean"][:] = 1 / (1 - gamma)
    state.arrays["scaler.value.variance"][:] = 0.0
    state.arrays["scaler.value.count"] = np.array(1e-9)
    hyper = PPOHyperparameters(
        learning_epochs=1, mini_batches=1, discount_factor=gamma, lambda_param=1.0, time_limit_bootstrap=bootstrap
    )
    engine = make_engine(backend, spec, hyper, state)
    rollout = constant_reward_chain(5, 4, end, at=4)
    engine.update(rollout.finish(np.full((4, OBS_DIM), 1e3, np.float32)))
    # The scaler, which had seen nothing, has seen the values (all 10) and then as many returns.
    return 2 * float(engine.state().arrays["scaler.value.mean"][0]) - 1 / (1 - gamma)


def test_a_time_limit_costs_an_endless_chain_of_rewards_nothing(backend):
    assert chain_returns(backend, "truncated") == pytest.approx(10.0, abs=1e-5)


def test_termination_ends_a_chain_of_rewards(backend):
    expected = np.mean([(1 - 0.9**left) / (1 - 0.9) for left in (5, 4, 3, 2, 1)])
    assert chain_returns(backend, "terminated") == pytest.approx(expected, abs=1e-5)
    assert chain_returns(backend, "truncated", bootstrap=False) == pytest.approx(expected, abs=1e-5)


def test_what_comes_after_a_reset_does_not_reach_the_episode_before(backend):
    """Two rollouts that differ only after every episode's end teach the same about what came before it."""
    spec, hyper = small_spec(True), replace(HYPER, learning_epochs=1, mini_batches=1)
    engine = make_engine(backend, spec, hyper)

    def first_step_advantage(later_reward: float) -> np.ndarray:
        rollout = Rollout(3, NUM_ENVS, OBS_DIM, ACT_DIM)
        obs = np.ones((NUM_ENVS, OBS_DIM), np.float32)
        actions, log_prob = engine.act(obs, np.zeros((NUM_ENVS, ACT_DIM), np.float32))
        never, always = np.zeros(NUM_ENVS, bool), np.ones(NUM_ENVS, bool)
        for step in range(3):
            reward = np.full(NUM_ENVS, 1.0 if step < 2 else later_reward, np.float32)
            rollout.record(obs, actions, log_prob, reward, never, always if step == 1 else never, obs)
        return rollout.finish(obs)

    small, large = first_step_advantage(0.0), first_step_advantage(1e3)
    assert np.array_equal(small.rewards[:2], large.rewards[:2])
    returns = []
    for rollout in (small, large):
        engine.load_state(first_state(spec))
        before = engine.state().arrays
        engine.update(rollout)
        after = engine.state().arrays
        total = after["scaler.value.count"] * after["scaler.value.mean"]
        returns.append((total - before["scaler.value.count"] * before["scaler.value.mean"])[0])
    # Only the last step's returns may differ: by 1000 in each environment, and by nothing that leaked backwards.
    assert returns[1] - returns[0] == pytest.approx(1e3 * NUM_ENVS, rel=1e-6)


@pytest.mark.parametrize("name", ["learning_rate", "entropy_loss_scale", "ratio_clip"])
def test_an_adjustment_counts_from_the_next_update_on(backend, name):
    hyper = replace(HYPER, learning_rate_scheduler_kl_threshold=0.0)
    value = {"learning_rate": 1e-4, "entropy_loss_scale": 0.2, "ratio_clip": 0.05}[name]
    adjusted = make_engine(backend, hyper=hyper)
    rollout = sampled_rollout(adjusted)
    adjusted.adjust(**{name: value})
    learning_rate = value if name == "learning_rate" else HYPER.learning_rate
    state = first_state(small_spec(True), learning_rate=learning_rate)
    built = make_engine(backend, hyper=replace(hyper, **{name: value}), state=state)
    assert adjusted.update(rollout).learning_rate == learning_rate
    built.update(rollout)
    assert_identical(adjusted.state(), built.state())


def test_an_impossible_adjustment_changes_nothing(backend):
    engine = make_engine(backend)
    with pytest.raises(ConfigError, match="learning_rate"):
        engine.adjust(ratio_clip=0.1, learning_rate=0.0)
    assert engine.hyper == HYPER


def test_metrics_are_finite_and_have_the_event_streams_names(backend):
    engine = make_engine(backend)
    metrics = engine.update(sampled_rollout(engine))
    named = metrics.named()
    assert set(named) == {
        "loss/policy", "loss/value", "loss/entropy", "policy/kl", "policy/clip_fraction", "policy/std",
        "policy/entropy", "value/explained_variance", "optim/grad_norm", "optim/learning_rate",
    }  # fmt: skip
    assert all(math.isfinite(value) for value in named.values())
    assert metrics.steps == HYPER.learning_epochs * HYPER.mini_batches


def test_a_rollout_that_cannot_be_cut_equally_is_refused(backend):
    engine = make_engine(backend, hyper=replace(HYPER, mini_batches=7))
    with pytest.raises(ConfigError, match=r"ppo\.mini_batches=7"):
        engine.update(random_rollout())


def test_an_action_noise_bound_of_skrl_holds(backend):
    """skrl clamps the log standard deviation to [-20, 2]; outside, it gets no gradient."""
    state = first_state(small_spec(True))
    state.arrays["policy.log_std"] = np.array([2.5, -21.0, 0.0], np.float32)
    hyper = replace(HYPER, learning_epochs=1, mini_batches=1)
    for name in ("m", "v"):
        state.arrays[f"adam.{name}.policy.log_std"][:] = 0
    engine = make_engine(backend, hyper=hyper, state=state)
    actions, _ = engine.act(np.zeros((1, OBS_DIM), np.float32), np.ones((1, ACT_DIM), np.float32))
    spread = actions - engine.act_deterministic(np.zeros((1, OBS_DIM), np.float32))
    np.testing.assert_allclose(spread[0], [math.exp(2), 0, 1], rtol=1e-5, atol=1e-6)
    engine.update(sampled_rollout(engine))
    after = engine.state().arrays["policy.log_std"]
    assert after[0] == 2.5 and after[1] == -21.0 and after[2] != 0.0
