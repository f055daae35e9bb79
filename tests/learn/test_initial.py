"""New runs that start from the networks of existing checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_doubles import events_of
from short_trainings import assert_same_bits, opened, saved, train_until

from motrix_core.config.schema import RunConfig
from motrix_core.errors import CheckpointError
from motrix_core.learn.initial import read_weights
from motrix_core.learn.spec import SCALERS, AgentState, ModelSpec
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run, create_run

SAMPLES = 32


@pytest.fixture
def make_from(tmp_path: Path, make_config: Callable[..., RunConfig]) -> Callable[..., Run]:
    """A run of the fused engine that starts from the newest checkpoint of another one."""

    def build(backend: str, source: Run | None, engine: str = "fused", **ppo: Any) -> Run:
        config = make_config(backend, train={"engine": engine, "tensorboard": False}, **ppo)
        newest = checkpoints.newest_valid(source) if source is not None else None
        init_from = str(newest.path) if newest is not None else None
        return create_run(config.model_copy(update={"init_from": init_from}), tmp_path / "runs", extra={})

    return build


def captured(run: Run) -> tuple[AgentState, ModelSpec]:
    with opened(run) as (_, trainer):
        return trainer.capture(), trainer.spec


def test_networks_and_scalers_are_taken_over_and_nothing_else(
    backend: str, engine: str, make_from: Callable[..., Run]
) -> None:
    source = make_from("torch", None, max_env_steps=2 * SAMPLES)
    train_until(source, 2)
    expected, _ = captured(source)
    run = make_from(backend, source, engine, seed=11, learning_rate=2e-4)
    with opened(run) as (session, trainer):
        found, spec = trainer.capture(), trainer.spec
        assert (session.update, session.env_steps, session.seed) == (0, 0, 11)
    scalers = [f"scaler.{name}.{part}" for name in SCALERS for part in ("mean", "variance", "count")]
    for name in (*spec.shapes(), *scalers):
        np.testing.assert_allclose(found.arrays[name], expected.arrays[name], rtol=1e-7, err_msg=name)
    assert found.arrays["scaler.observation.count"] > SAMPLES
    assert found.learning_rate == 2e-4
    assert found.arrays["adam.step"] == 0
    assert not any(array.any() for name, array in found.arrays.items() if name.startswith(("adam.m.", "adam.v.")))
    assert RunConfig.model_validate(run.config().model_dump(mode="json")).init_from == run.config().init_from


def test_a_run_that_started_from_weights_resumes_exactly_and_without_its_source(
    backend: str, make_from: Callable[..., Run]
) -> None:
    source = make_from("torch", None, max_env_steps=SAMPLES, seed=5)
    train_until(source, 1)
    whole, halves = make_from(backend, source), make_from(backend, source)
    train_until(whole, 2)
    # Ended before its first update: what it starts from is kept in the run already.
    with opened(halves):
        pass
    shutil.rmtree(source.path)
    train_until(halves, 1)
    train_until(halves, 2)
    assert_same_bits(saved(halves), saved(whole))
    assert [event["env_steps"] for event in events_of(halves, "checkpoint")] == [0, SAMPLES, 2 * SAMPLES]
    assert events_of(halves, "warning") == []


def spec(**changes: Any) -> ModelSpec:
    sizes = {"obs_dim": 3, "act_dim": 1, "policy_hidden": (8, 8), "value_hidden": (8, 8), "shared": True}
    return ModelSpec(**{**sizes, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"policy_hidden": (16, 8)},
            r"^no run can start from .*: trunk\.layers\.0\.weight is \(8, 3\), and this run needs \(16, 3\)"
            r" \(and 2 more\); add --set ppo\.policy_hidden_layer_sizes=8-8 --set ppo\.value_hidden_layer_sizes=8-8"
            r" --set ppo\.share_policy_value_features=true$",
        ),
        ({"shared": False}, r"it has no policy\.layers\.0\.weight, and this run needs one of \(8, 3\)"),
        (
            {"obs_dim": 4},
            r"weight is \(8, 3\), and this run needs \(8, 4\).*; use a checkpoint of an environment with the same",
        ),
    ],
)
def test_other_shapes_are_refused_by_tensor_and_both_shapes(
    changes: dict[str, Any], words: str, make_from: Callable[..., Run]
) -> None:
    source = make_from("torch", None, max_env_steps=SAMPLES)
    train_until(source, 1)
    newest = checkpoints.newest_valid(source)
    assert newest is not None
    assert read_weights(newest.path, spec())
    with pytest.raises(CheckpointError, match=words) as caught:
        read_weights(newest.path, spec(**changes))
    assert "\n" not in str(caught.value)
