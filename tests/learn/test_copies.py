"""What crosses between host and device, and the time that it takes, apart from the phase that it happens in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fused_support import HYPER, first_state, random_rollout, small_spec
from learn_doubles import events_of
from short_trainings import opened

from motrix_core.learn.clock import PHASES
from motrix_core.runs.layout import Run


def engine_of(backend: str) -> Any:
    import importlib

    spec = small_spec(shared=False)
    return importlib.import_module(f"motrix_core.learn.{backend}.fused").FusedPPO(spec, HYPER, first_state(spec))


class Event:
    """A CUDA event of a device on which every copy takes 2 ms."""

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self, stream: object) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end: Event) -> float:
        return 2.0


@pytest.fixture
def crossing(backend: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine that goes every way that one on a GPU does, on the CPU."""
    engine = engine_of(backend)
    monkeypatch.setattr(engine.copies, "_on_cpu", False)
    if backend == "torch":
        import torch

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
        monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    return engine


def test_on_a_cpu_nothing_is_copied(backend: str) -> None:
    engine = engine_of(backend)
    obs = np.ones((4, engine.spec.obs_dim), np.float32)
    engine.act(obs, np.zeros((4, engine.spec.act_dim), np.float32))
    engine.update(random_rollout())
    assert engine.copies.take_s() == 0.0
    assert np.shares_memory(np.asarray(engine.copies.to_device(obs)), obs)


def test_copies_are_timed_and_change_nothing(backend: str, crossing: Any) -> None:
    here, rollout = engine_of(backend), random_rollout()
    obs, noise = rollout.obs[0], np.ones((rollout.obs.shape[1], here.spec.act_dim), np.float32)
    for found, expected in zip(crossing.act(obs, noise), here.act(obs, noise), strict=True):
        np.testing.assert_array_equal(found, expected)
    acted_s = crossing.copies.take_s()
    crossing.update(rollout)
    here.update(rollout)
    updated_s = crossing.copies.take_s()
    for name, array in here.state().arrays.items():
        np.testing.assert_array_equal(crossing.state().arrays[name], array, err_msg=name)
    assert acted_s > 0.0 and updated_s > 0.0
    if backend == "torch":
        # Observation and noise in, actions and their density out.
        assert 4 * 0.002 <= acted_s < 4 * 0.002 + 0.5
    assert crossing.copies.take_s() == 0.0


def test_copies_are_no_part_of_the_phase_they_happen_in(
    backend: str, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(backend, train={"engine": "fused", "tensorboard": False}, max_env_steps=32)
    with opened(run) as (session, trainer):
        monkeypatch.setattr(trainer._engine.copies, "take_s", lambda: 0.25)
        trainer.train()
    (event,) = events_of(run, "metrics")
    # Once for each step of the rollout, and once for the update.
    assert event["data"]["time/transfer_ms"] == 250.0 * (run.config().ppo.rollouts + 1)
    wall_ms = 1000.0 * session.samples_per_update / event["data"]["perf/env_steps_per_s"]
    assert sum(event["data"][f"time/{phase}_ms"] for phase in PHASES) <= wall_ms
