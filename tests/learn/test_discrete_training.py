"""Whole trainings of a categorical policy: exact resume, the other backend's turn, metrics, evaluation."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from learn_doubles import events_of
from short_trainings import assert_same_bits, saved, train_until

from motrix_core.config.schema import RunConfig
from motrix_core.envs.registry import make
from motrix_core.errors import CheckpointError
from motrix_core.learn.backend import Trainer, build_trainer
from motrix_core.learn.evaluation import Task, evaluate
from motrix_core.learn.policy import NumpyPolicy, spec_of
from motrix_core.learn.session import TrainSession
from motrix_core.learn.world import World
from motrix_core.runs.layout import Run, create_run

SAMPLES = 32
OTHER = {"torch": "jax", "jax": "torch"}


@pytest.fixture
def make_discrete(make_config: Callable[..., RunConfig], tmp_path: Path) -> Callable[..., Run]:
    """A run on `acrobot`, with episodes of two steps, so that every rollout sees them end."""

    def build(backend: str, engine: str, **ppo: object) -> Run:
        options = {"max_env_steps": 4 * SAMPLES, "entropy_loss_scale": 0.02, **ppo}
        config = make_config(backend, train={"engine": engine, "tensorboard": False}, **options)
        config = config.model_copy(update={"env": "acrobot", "env_options": {"episode_s": 0.4}})
        return create_run(config, tmp_path / "runs", extra={})

    return build


def untrained(run: Run) -> Trainer:
    """A trainer for what `run` trains, before its first update."""
    config = run.config()
    session = TrainSession(run, config, world=World(), stop=threading.Event())
    env = make(config.env, num_envs=config.ppo.num_envs, rng=session.rng, options=config.env_options)
    trainer = build_trainer(config, env, session)
    session.close()
    env.close()
    return trainer


@pytest.mark.parametrize("shared", [True, False], ids=["shared trunk", "separate networks"])
def test_two_and_two_updates_are_four(
    shared: bool, backend: str, engine: str, make_discrete: Callable[..., Run]
) -> None:
    whole, halves = (make_discrete(backend, engine, share_policy_value_features=shared) for _ in range(2))
    train_until(whole, 4)
    train_until(halves, 2)
    train_until(halves, 4)
    assert_same_bits(saved(halves), saved(whole))


def test_both_backends_train_alike_from_one_seed(make_discrete: Callable[..., Run]) -> None:
    runs = [make_discrete(backend, "fused") for backend in OTHER]
    for run in runs:
        train_until(run, 4)
    first, second = (saved(run) for run in runs)
    assert "agent.policy.logits.weight" in first
    for name in first:
        if name.startswith(("agent.policy.", "agent.value.", "agent.trunk.", "env.")):
            np.testing.assert_allclose(second[name], first[name], atol=1e-5, err_msg=name)


def test_the_other_backend_takes_over_every_array(backend: str, engine: str, make_discrete: Callable[..., Run]) -> None:
    run = make_discrete(backend, engine, max_env_steps=SAMPLES)
    train_until(run, 1)
    left = {name.removeprefix("agent."): array for name, array in saved(run).items() if name.startswith("agent.")}
    other = untrained(make_discrete(OTHER[backend], engine))
    state = untrained(run).capture()
    state.arrays.update(left)
    other.restore(state)
    for name, array in other.capture().parameters(other.spec).items():
        np.testing.assert_array_equal(array, left[name], err_msg=name)
    obs = np.random.default_rng(1).normal(0, 2, (64, 6)).astype(np.float32)
    policy = NumpyPolicy.from_arrays(left)
    assert spec_of(left) == other.spec
    np.testing.assert_array_equal(other.mean_actions(obs), policy.mean_actions(obs))
    assert set(policy.mean_actions(obs)[:, 0]) <= {0.0, 1.0, 2.0}


def test_metrics_tell_the_entropy_and_no_deviation(
    backend: str, engine: str, make_discrete: Callable[..., Run]
) -> None:
    run = make_discrete(backend, engine)
    train_until(run, 4)
    for event in events_of(run, "metrics"):
        data = event["data"]
        assert data["policy/std"] is None
        # Of 3 choices; the first weights are small, so the policy is still close to indifferent.
        assert 0.9 < data["policy/entropy"] <= math.log(3) + 1e-6
        assert data["loss/entropy"] == pytest.approx(-0.02 * data["policy/entropy"], rel=0.05)
        assert data["reward/time/mean"] is not None


def test_a_policy_of_choices_is_scored_where_it_fits_and_refused_elsewhere(make_discrete: Callable[..., Run]) -> None:
    run = make_discrete("torch", "fused")
    train_until(run, 4)
    arrays = {name.removeprefix("agent."): array for name, array in saved(run).items()}
    policy = NumpyPolicy.from_arrays(arrays)
    scores = evaluate(policy, Task("acrobot", options={"episode_s": 1.0}), episodes=3, seed=0, stream=0)
    assert scores.returns.tolist() == [-5.0] * 3
    with pytest.raises(CheckpointError, match="6 observations and gives 3 discrete actions, but pendulum has 3 and 1"):
        evaluate(policy, Task("pendulum"), episodes=1, seed=0, stream=0)
