"""Runs small enough to train in seconds, in this process or by the trainer's own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from motrix_core.config.schema import PPOCfg, RunConfig, TrainCfg
from motrix_core.runs.layout import Run, create_run

ROOT = Path(__file__).parents[2]
BACKENDS = ("torch", "jax")

TINY = {
    "seed": 7,
    "num_envs": 8,
    "rollouts": 4,
    "mini_batches": 2,
    "learning_epochs": 2,
    "max_env_steps": 96,
    "policy_hidden_layer_sizes": (8, 8),
    "value_hidden_layer_sizes": (8, 8),
}
"""3 updates of 32 samples."""


@pytest.fixture(autouse=True)
def restored_environ() -> Iterator[None]:
    """The trainer tells libraries by environment variables what to use; the next test is not to be told."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["fused", "stock"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make_config() -> Callable[..., RunConfig]:
    def build(backend: str, *, train: dict[str, Any] | None = None, **ppo: Any) -> RunConfig:
        return RunConfig(
            env="pendulum",
            backend=backend,
            sim="none",
            ppo=PPOCfg(**{**TINY, **ppo}),
            train=TrainCfg(
                **{"engine": "stock", "device": "cpu", "threads": 1, "eval_every_updates": 0, **(train or {})}
            ),
            # Two steps of 0.05 s, so that every rollout sees episodes end.
            env_options={"episode_s": 0.1},
        )

    return build


@pytest.fixture
def make_run(tmp_path: Path, make_config: Callable[..., RunConfig]) -> Callable[..., Run]:
    def build(backend: str, **options: Any) -> Run:
        return create_run(make_config(backend, **options), tmp_path / "runs", extra={})

    return build


@pytest.fixture
def no_stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def trainer_process() -> Iterator[Callable[[Run], subprocess.Popen[str]]]:
    """Starts the trainer of a run as the supervisor does, with stdout and stderr in its console.log."""
    started: list[subprocess.Popen[str]] = []

    def start(run: Run) -> subprocess.Popen[str]:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        with run.paths.console.open("ab") as console:
            process = subprocess.Popen(
                [sys.executable, "-m", "motrix_core.learn", str(run.path)], stdout=console, stderr=console, env=environ
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
