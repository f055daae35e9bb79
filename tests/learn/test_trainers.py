"""What the two trainers share: portable state, bootstrapping at time limits, the stock update."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from learn_doubles import Chain, events_of

from motrix_core.learn.backend import Trainer, build_trainer
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import SCALERS, AgentState, init_parameters
from motrix_core.learn.world import World
from motrix_core.runs.layout import Run


@pytest.fixture
def trained(make_run: Callable[..., Run], no_stop: threading.Event) -> Callable[..., tuple[Trainer, Run]]:
    """A trainer that has trained to the end of its budget on `env`."""

    def build(backend: str, env: Any, **options: Any) -> tuple[Trainer, Run]:
        run = make_run(backend, **{"num_envs": env.num_envs, **options})
        session = TrainSession(run, run.config(), world=World(), stop=no_stop)
        trainer = build_trainer(run.config(), env, session)
        session.begin(trainer, env)
        trainer.train()
        session.close()
        return trainer, run

    return build


def untrained(backend: str, make_run: Callable[..., Run], **options: Any) -> Trainer:
    run = make_run(backend, num_envs=4, **options)
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    session.close()
    return build_trainer(run.config(), Chain(), session)


def assert_same(first: AgentState, second: AgentState, *, prefixes: tuple[str, ...]) -> None:
    names = [name for name in first.arrays if name.startswith(prefixes)]
    assert names
    for name in names:
        np.testing.assert_array_equal(first.arrays[name], second.arrays[name], err_msg=name)
    assert first.learning_rate == second.learning_rate


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("other", ["torch", "jax"])
def test_a_state_survives_the_other_backend_and_back(
    backend: str, other: str, shared: bool, trained: Callable[..., tuple[Trainer, Run]], make_run: Callable[..., Run]
) -> None:
    options = {"share_policy_value_features": shared, "max_env_steps": 32}
    trainer, _ = trained(backend, Chain(), **options)
    state = trainer.capture()
    second, third = untrained(other, make_run, **options), untrained(backend, make_run, **options)
    second.restore(state)
    there = second.capture()
    assert_same(state, there, prefixes=("policy.", "value.", "trunk.", "adam.m.", "adam.v.", "adam.step"))
    for scaler in SCALERS:
        for part in ("mean", "variance", "count"):
            # JAX holds statistics in float32, PyTorch in float64.
            name = f"scaler.{scaler}.{part}"
            np.testing.assert_allclose(there.arrays[name], state.arrays[name], rtol=1e-7, err_msg=name)
    third.restore(there)
    assert_same(there, third.capture(), prefixes=("policy.", "value.", "trunk.", "adam.", "scaler."))
    obs = np.linspace(-2.0, 4.0, 7, dtype=np.float32)[:, None]
    np.testing.assert_allclose(second.mean_actions(obs), trainer.mean_actions(obs), atol=1e-6)


def test_the_moments_that_a_checkpoint_gets_are_those_of_now(
    backend: str, trained: Callable[..., tuple[Trainer, Run]]
) -> None:
    trainer, run = trained(backend, Chain(), max_env_steps=32)
    arrays = trainer.capture().arrays
    ppo = run.config().ppo
    assert arrays["adam.step"] == 2 * ppo.learning_epochs * ppo.mini_batches
    assert np.abs(arrays["adam.m.policy.mean.weight"]).max() > 0.0
    assert np.abs(arrays["adam.v.value.out.weight"]).max() > 0.0
    assert arrays["scaler.observation.count"] > 1.0


def test_capture_is_a_copy(backend: str, trained: Callable[..., tuple[Trainer, Run]]) -> None:
    trainer, _ = trained(backend, Chain(), max_env_steps=32)
    state, again = trainer.capture(), trainer.capture()
    for array in state.arrays.values():
        array[...] = 0
    assert np.abs(again.arrays["policy.mean.weight"]).max() > 0.0
    assert_same(again, trainer.capture(), prefixes=("",))


def test_both_backends_start_from_the_weights_of_the_seed(backend: str, make_run: Callable[..., Run]) -> None:
    trainer = untrained(backend, make_run, seed=11)
    expected = init_parameters(trainer.spec, np.random.Generator(np.random.Philox(11)))
    for name, array in trainer.capture().parameters(trainer.spec).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_the_same_seed_trains_the_same_policy(backend: str, trained: Callable[..., tuple[Trainer, Run]]) -> None:
    first, _ = trained(backend, Chain(), max_env_steps=32)
    second, _ = trained(backend, Chain(), max_env_steps=32)
    assert_same(first.capture(), second.capture(), prefixes=("policy.", "value.", "trunk.", "adam.", "scaler."))


CHAIN = {
    "rollouts": 8,
    "num_envs": 8,
    "mini_batches": 2,
    "learning_epochs": 4,
    "learning_rate": 5e-3,
    "learning_rate_scheduler_kl_threshold": 0.0,
    "discount_factor": 0.5,
    "lambda_param": 0.0,
    "clip_predicted_values": False,
    "max_env_steps": 64 * 20,
}


def value_scale(trainer: Trainer) -> float:
    """Where the value function settles: the running mean of values and returns, which are all the same here."""
    return float(trainer.capture().arrays["scaler.value.mean"][0])


def test_truncated_episodes_are_credited_with_the_value_of_where_they_ended(
    backend: str, trained: Callable[..., tuple[Trainer, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reward 1 for ever at a discount of 0.5 is worth 2, wherever the time limit cuts it."""
    recorded = recorded_rewards(backend, monkeypatch)
    trainer, _ = trained(backend, Chain(num_envs=8, length=4), **CHAIN)
    last = recorded[-1]
    ended = last["truncated"]
    # skrl adds the discounted value of the last state to the reward. It must be near 0.5 * 2 and the same as before
    # the end, which it is not for the first observation of another episode while values are still being learned.
    np.testing.assert_allclose(last["rewards"][~ended], 1.0)
    assert np.all(last["rewards"][ended] > 1.5)
    assert 1.5 < value_scale(trainer) < 2.5


def test_the_value_of_the_final_observation_is_used_and_not_that_of_the_next_episode(
    backend: str, trained: Callable[..., tuple[Trainer, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = recorded_next_observations(backend, monkeypatch)
    trained(backend, Chain(num_envs=4, length=4), max_env_steps=32)
    for obs, truncated in seen:
        # The chain's observation is the step in the episode: 4 where it ended, never 0, which is the next one's.
        assert (obs[truncated] == 4.0).all()
        assert ((obs[~truncated] >= 1.0) & (obs[~truncated] <= 3.0)).all()
    assert any(truncated.any() for _, truncated in seen) and any((~truncated).any() for _, truncated in seen)


@pytest.mark.parametrize("bootstrap", [True, False])
def test_advantages_never_run_on_into_the_next_episode(
    bootstrap: bool, backend: str, trained: Callable[..., tuple[Trainer, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = recorded_rewards(backend, monkeypatch)
    trained(backend, Chain(num_envs=4, length=4), max_env_steps=32, time_limit_bootstrap=bootstrap)
    for step in recorded:
        np.testing.assert_array_equal(step["terminated"], step["truncated"] if not bootstrap else False)


def test_an_environment_without_final_obs_is_trained_with_a_warning(
    backend: str, trained: Callable[..., tuple[Trainer, Run]]
) -> None:
    _, run = trained(backend, Chain(final_obs=False), max_env_steps=64)
    warnings = [event["data"]["message"] for event in events_of(run, "warning")]
    assert sum("final_obs" in warning for warning in warnings) == 1


@pytest.mark.parametrize("num_envs", [1, 4])
def test_rewards_are_scaled_for_learning_but_not_in_returns(
    num_envs: int, backend: str, trained: Callable[..., tuple[Trainer, Run]], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = recorded_rewards(backend, monkeypatch)
    options = {"rewards_shaper_scale": 0.25, "time_limit_bootstrap": False, "max_env_steps": 8 * num_envs}
    _, run = trained(backend, Chain(num_envs=num_envs), **options)
    assert all((step["rewards"] == 0.25).all() for step in recorded)
    assert events_of(run, "metrics")[-1]["data"]["return/max"] == 4.0


def recorded_rewards(backend: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """What skrl's memory is given at every step."""
    memory = _skrl(backend, "memories").RandomMemory
    recorded: list[dict[str, np.ndarray]] = []
    add = memory.add_samples

    def add_samples(self: Any, **tensors: Any) -> None:
        names = ("rewards", "terminated", "truncated")
        step = {name: np.asarray(tensors[name]).copy() for name in names}
        recorded.append({**step, "truncated": step["truncated"].astype(bool)})
        add(self, **tensors)

    monkeypatch.setattr(memory, "add_samples", add_samples)
    return recorded


def recorded_next_observations(backend: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """What skrl's agent is told about where each step led."""
    agent = _skrl(backend, "agents", ".ppo").PPO
    seen: list[tuple[np.ndarray, np.ndarray]] = []
    record = agent.record_transition

    def record_transition(self: Any, **step: Any) -> None:
        seen.append((np.asarray(step["next_observations"]).copy(), np.asarray(step["truncated"]).astype(bool)))
        record(self, **step)

    monkeypatch.setattr(agent, "record_transition", record_transition)
    return seen


def _skrl(backend: str, part: str, module: str = "") -> Any:
    import importlib

    return importlib.import_module(f"skrl.{part}.{backend}{module}")
