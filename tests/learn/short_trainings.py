"""Trainings of a few updates in this process, and everything that they leave behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from motrix_core.envs.registry import make
from motrix_core.learn.backend import Trainer, build_trainer
from motrix_core.learn.session import TrainSession
from motrix_core.learn.world import World
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run


@contextmanager
def opened(run: Run, env: Any = None) -> Iterator[tuple[TrainSession, Trainer]]:
    """The run's session and trainer on `env`, restored from its newest checkpoint."""
    config = run.config()
    session = TrainSession(run, config, world=World(), stop=threading.Event())
    env = env or make(
        config.env, num_envs=config.ppo.num_envs, sim=config.sim, rng=session.rng, options=config.env_options
    )
    trainer = build_trainer(config, env, session)
    session.begin(trainer, env)
    yield session, trainer
    session.close()
    env.close()


def train_until(run: Run, updates: int) -> None:
    """Train `run`, as its trainer process would, until somebody stops it after `updates` updates in all."""
    session = TrainSession(run, run.config(), world=World(), stop=threading.Event())
    end_update = session.end_update

    def until(report: Any) -> None:
        end_update(report)
        if session.update == updates:
            session.stop.set()

    session.end_update = until
    session.train()
    session.close()
    assert session.update == updates


def saved(run: Run) -> dict[str, np.ndarray]:
    """Everything in the newest checkpoint: agent, generator, unfinished episodes, environment."""
    newest = checkpoints.newest_valid(run)
    assert newest is not None
    loaded = checkpoints.load(newest.path)
    arrays = {f"{group}.{name}": array for group, held in loaded.arrays.items() for name, array in held.items()}
    numbers = {name: loaded.meta[name] for name in ("env_steps", "update", "seed", "learning_rate")}
    return {**arrays, **{name: np.asarray(number) for name, number in numbers.items()}}


def assert_same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
