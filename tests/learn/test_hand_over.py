"""What the other backend takes over is what the first one left, to the bit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.learn.backend import build_trainer
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import required_shapes
from motrix_core.learn.world import World
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, Segment, write_state


@pytest.mark.parametrize("engine", ["fused", "stock"])
@pytest.mark.parametrize(("first", "second"), [("torch", "jax"), ("jax", "torch")])
def test_nothing_changes_when_the_other_backend_takes_over(
    first: str, second: str, engine: str, make_run: Callable[..., Run], no_stop: threading.Event
) -> None:
    run = make_run(first, train={"engine": engine})
    session = TrainSession(run, run.current_config(), world=World(), stop=no_stop)
    session.train()
    session.close()
    (info,) = checkpoints.list_checkpoints(run)
    left = checkpoints.load(info.path)

    segment = Segment(0, first, 1.0, ended_at=2.0, status="switched")
    segments = (segment, replace(segment, index=1, backend=second, max_env_steps=192, ended_at=None))
    write_state(run.paths.state, RunState(segments=segments))
    config = run.current_config()
    assert (config.backend, config.ppo.max_env_steps) == (second, 192)
    session = TrainSession(run, config, world=World(), stop=no_stop)
    env = make(config.env, num_envs=config.ppo.num_envs, sim=config.sim, rng=session.rng, options=config.env_options)
    trainer = build_trainer(config, env, session)
    session.begin(trainer, env)
    taken = trainer.capture()
    session.close()
    env.close()

    assert (session.env_steps, session.update, session.updates) == (96, 3, 6)
    assert taken.learning_rate == left.meta["learning_rate"]
    before = left.arrays["agent"]
    if engine == "stock" and second == "jax":
        # skrl's scalers on JAX count in float32, on PyTorch in float64.
        before = {name: np.float32(array) if name.startswith("scaler.") else array for name, array in before.items()}
    changed = [name for name in required_shapes(trainer.spec) if not np.array_equal(taken.arrays[name], before[name])]
    assert changed == []
