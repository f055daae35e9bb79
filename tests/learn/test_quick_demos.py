"""Every demo trains on both backends, with the settings of `motrix demos`."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from learn_doubles import events_of

from motrix_core.demos.outcome import result_of
from motrix_core.demos.plan import Demo, names, plan
from motrix_core.learn.session import TrainSession
from motrix_core.learn.world import World
from motrix_core.runs.layout import create_run
from motrix_core.runs.state import RunState, write_state

UPDATES = 3


def _demos() -> list[Demo]:
    return plan(names(), ("jax", "torch"), ("auto",), "quick", sets=("train.threads=1", "train.tensorboard=false"))


@pytest.mark.parametrize("demo", [pytest.param(demo, id=demo.title.replace(" · ", "-")) for demo in _demos()])
def test_every_demo_trains_on_every_backend(demo: Demo, tmp_path: Path) -> None:
    run = create_run(demo.config, tmp_path, extra={})
    session = TrainSession(run, demo.config, world=World(), stop=threading.Event())
    session.train()
    session.close()
    # The supervisor's part.
    write_state(run.paths.state, RunState(status="finished"))
    result = result_of(demo, run)
    assert (result.status, result.env_steps) == ("finished", UPDATES * 512)
    assert len(events_of(run, "metrics")) == UPDATES
    assert events_of(run, "checkpoint")[-1]["env_steps"] == result.env_steps
    assert result.env_steps_per_s is not None and result.env_steps_per_s > 0
