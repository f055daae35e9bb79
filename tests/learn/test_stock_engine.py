"""The stock engine is skrl's own training, and goes on exactly after a stop."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.learn.backend import build_trainer
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import Arrays, init_parameters, model_spec
from motrix_core.learn.world import World
from motrix_core.runs.layout import Run

SAMPLES = 32


def train(run: Run, updates: int, **config: Any) -> Arrays:
    """Train `run` until `updates` in a session of its own; the agent's state afterwards."""
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    ppo = run.config().ppo
    # An option of the environment shortens episodes to two steps: resets draw from the generator all the time.
    env = make("pendulum", num_envs=ppo.num_envs, rng=session.rng, options=run.config().env_options)
    trainer = build_trainer(run.config(), env, session)
    session.begin(trainer, env)
    end_update = session.end_update

    def until(report: Any) -> None:
        end_update(report)
        if session.update == updates:
            session.stop.set()

    session.end_update = until
    trainer.train()
    session.end()
    session.close()
    assert session.update == updates
    return trainer.capture().arrays


@pytest.mark.parametrize("shared", [True, False])
def test_two_and_two_updates_are_four(shared: bool, backend: str, make_run: Callable[..., Run]) -> None:
    options = {"max_env_steps": 4 * SAMPLES, "share_policy_value_features": shared, "check_point_interval": 8}
    whole, halves = make_run(backend, **options), make_run(backend, **options)
    expected = train(whole, 4)
    train(halves, 2)
    found = train(halves, 4)
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("shared", [True, False])
def test_an_update_is_bit_for_bit_that_of_plain_skrl(shared: bool, backend: str, make_run: Callable[..., Run]) -> None:
    # Long episodes: at a time limit plain skrl would be given the next episode's first observation.
    run = make_run(backend, max_env_steps=SAMPLES, share_policy_value_features=shared, entropy_loss_scale=0.01)
    found = plain_skrl(backend, run)
    ours = train_without_limits(run)
    assert found
    for name, array in found.items():
        np.testing.assert_array_equal(ours[name], array, err_msg=name)


def train_without_limits(run: Run) -> Arrays:
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    env = make("pendulum", num_envs=run.config().ppo.num_envs, rng=session.rng)
    trainer = build_trainer(run.config(), env, session)
    session.begin(trainer, env)
    trainer.train()
    session.close()
    return trainer.capture().arrays


def plain_skrl(backend: str, run: Run) -> Arrays:
    """The parameters after one update by skrl's own classes, put together as its documentation does."""

    def skrl(module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"skrl.{module}"), name)

    trainer = importlib.import_module(f"motrix_core.learn.{backend}.trainer")
    models = importlib.import_module(f"motrix_core.learn.{backend}.models")
    ppo, device = run.config().ppo, trainer.choose_device("cpu")
    rng = np.random.Generator(np.random.Philox(ppo.seed))
    trainer.seed_backend(ppo.seed)
    env = trainer.wrap_env(make("pendulum", num_envs=ppo.num_envs, rng=rng), device=device)
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space, "device": device}
    spec = model_spec(ppo, env.observation_space, env.action_space)
    networks = models.build_models(spec, spaces)
    models.set_parameters(networks, spec, init_parameters(spec, rng))
    cfg = trainer.agent_cfg(ppo, env)
    cfg.learning_rate_scheduler = skrl(f"resources.schedulers.{backend}", "KLAdaptiveLR")
    cfg.value_preprocessor = skrl(f"resources.preprocessors.{backend}", "RunningStandardScaler")
    memory = skrl(f"memories.{backend}", "RandomMemory")(memory_size=ppo.rollouts, num_envs=ppo.num_envs, device=device)
    agent = skrl(f"agents.{backend}.ppo", "PPO")(models=networks, memory=memory, cfg=cfg, **spaces)
    loop = {**trainer.loop_cfg(), "timesteps": ppo.rollouts}
    skrl(f"trainers.{backend}", "SequentialTrainer")(env=env, agents=agent, cfg=loop).train()
    return models.get_parameters(networks, spec)
