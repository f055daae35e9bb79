"""Discrete actions on JAX, on an environment of Gymnasium's and on one of ours: trained, continued, scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from learn_doubles import events_of
from short_trainings import saved, train_until

from motrix_core.config.schema import RunConfig
from motrix_core.learn.evaluation import Task, evaluate
from motrix_core.learn.policy import NumpyPolicy
from motrix_core.runs.layout import create_run

SAMPLES = 32


@pytest.mark.parametrize(
    ("env", "options", "choices"),
    [("gym:CartPole-v1", {"max_episode_steps": 8}, 2), ("mountain-car", {"episode_s": 4.0}, 3)],
)
def test_a_policy_of_choices_is_trained_continued_and_scored(
    env: str, options: dict, choices: int, engine: str, make_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = make_config("jax", train={"engine": engine}, max_env_steps=4 * SAMPLES)
    run = create_run(config.model_copy(update={"env": env, "env_options": options}), tmp_path / "runs", extra={})
    train_until(run, 2)
    before = saved(run)
    train_until(run, 4)
    after = saved(run)
    assert [event["env_steps"] for event in events_of(run, "metrics")] == [32, 64, 96, 128]
    changed = [name for name in after if name.endswith(".weight") and not np.array_equal(after[name], before[name])]
    assert {"agent.policy.logits.weight", "agent.value.out.weight"} <= set(changed)
    policy = NumpyPolicy.from_arrays({name.removeprefix("agent."): array for name, array in after.items()})
    scores = evaluate(policy, Task(env, options=options), episodes=4, seed=0, stream=0)
    assert len(scores.returns) == 4 and np.isfinite(scores.returns).all()
    assert after["agent.policy.logits.weight"].shape[0] == choices
