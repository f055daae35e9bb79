"""The fused engine in whole trainings: it goes on exactly after a stop, and both backends train alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from learn_doubles import Chain, events_of
from short_trainings import assert_same_bits, opened, saved

from motrix_core.config.schema import TrainCfg
from motrix_core.errors import ConfigError
from motrix_core.learn.algorithm import MINI_BATCH_COLUMNS, summary
from motrix_core.learn.backend import Trainer
from motrix_core.learn.fused_loop import MOST_THREADS, cpu_threads, update_report
from motrix_core.learn.spec import AgentState
from motrix_core.runs.layout import Run

SAMPLES = 32
FUSED = {"engine": "fused", "tensorboard": False, "eval_every_updates": 0}


@pytest.fixture
def make_fused(make_run: Callable[..., Run]) -> Callable[..., Run]:
    """A run of the fused engine on `pendulum`, with episodes of two steps."""

    def build(backend: str, **options: Any) -> Run:
        return make_run(backend, train=FUSED, **options)

    return build


def train(run: Run, updates: int, before: Callable[[Trainer], None] = lambda trainer: None) -> Trainer:
    """Train `run` until `updates` in a session of its own, which ends with a checkpoint."""
    with opened(run) as (session, trainer):
        end_update = session.end_update

        def until(report: Any) -> None:
            end_update(report)
            if session.update == updates:
                session.stop.set()

        session.end_update = until
        before(trainer)
        trainer.train()
        session.end()
        assert session.update == updates
    return trainer


@pytest.mark.parametrize("shared", [True, False])
def test_two_and_two_updates_are_four_in_pendulum(shared: bool, backend: str, make_fused: Callable[..., Run]) -> None:
    options = {"max_env_steps": 4 * SAMPLES, "share_policy_value_features": shared, "check_point_interval": 8}
    whole, halves = make_fused(backend, **options), make_fused(backend, **options)
    train(whole, 4)
    train(halves, 2)
    train(halves, 4)
    assert_same_bits(saved(halves), saved(whole))


def test_what_was_adjusted_holds_after_a_resume(backend: str, make_fused: Callable[..., Run]) -> None:
    options = {"max_env_steps": 4 * SAMPLES, "check_point_interval": 8}
    changes = {"learning_rate": 5e-4, "entropy_loss_scale": 0.05, "ratio_clip": 0.07}
    whole, halves = make_fused(backend, **options), make_fused(backend, **options)
    train(whole, 4, lambda trainer: trainer.adjust(**changes))
    train(halves, 2, lambda trainer: trainer.adjust(**changes))
    train(halves, 4)
    assert_same_bits(saved(halves), saved(whole))
    assert saved(halves)["agent.hyper.ratio_clip"] == 0.07
    assert [event["data"]["loss/entropy"] < 0 for event in events_of(halves, "metrics")] == [True] * 4


def test_both_backends_learn_alike_from_the_same_seed(make_fused: Callable[..., Run]) -> None:
    options: dict[str, Any] = {
        "num_envs": 16,
        "rollouts": 8,
        "mini_batches": 4,
        "learning_epochs": 4,
        "max_env_steps": 20 * 128,
    }
    curves = {}
    for name in ("torch", "jax"):
        run = make_fused(name, **options)
        train(run, 20)
        curves[name] = np.array([event["data"]["return/mean"] for event in events_of(run, "metrics")])
    assert curves["torch"].shape == (20,)
    assert np.ptp(curves["torch"]) > 0.1
    np.testing.assert_allclose(curves["jax"], curves["torch"], rtol=0.01)


def test_a_checkpoint_of_jax_goes_on_in_torch_as_jax_would_have(make_fused: Callable[..., Run]) -> None:
    ended = {}
    for name in ("jax", "torch"):
        run = make_fused("jax", max_env_steps=3 * SAMPLES)
        train(run, 2)
        text = run.paths.config.read_text()
        run.paths.config.write_text(text.replace('"backend": "jax"', f'"backend": "{name}"'))
        trainer = train(run, 3)
        assert type(trainer).__module__ == f"motrix_core.learn.{name}.fused_trainer"
        ended[name] = trainer.capture()
    spec = trainer.spec
    for name, array in ended["jax"].parameters(spec).items():
        np.testing.assert_allclose(ended["torch"].arrays[name], array, rtol=0, atol=1e-5, err_msg=name)
    assert ended["torch"].arrays["adam.step"] == ended["jax"].arrays["adam.step"]


def test_a_run_saved_with_the_stock_engine_resumes_with_it(backend: str, make_run: Callable[..., Run]) -> None:
    run = make_run(backend, max_env_steps=2 * SAMPLES)
    train(run, 1)
    assert TrainCfg().engine == "fused"
    assert run.config().train.engine == "stock"
    with opened(run) as (session, trainer):
        assert session.update == 1
        assert type(trainer).__module__ == f"motrix_core.learn.{backend}.trainer"


def test_a_checkpoint_of_either_engine_continues_in_the_other(
    backend: str, make_run: Callable[..., Run], make_fused: Callable[..., Run]
) -> None:
    stock, fused = make_run(backend, max_env_steps=SAMPLES), make_fused(backend, max_env_steps=SAMPLES)
    theirs, ours = train(stock, 1), train(fused, 1)
    before, after = theirs.capture(), ours.capture()
    ours.restore(before)
    theirs.restore(after)
    for restored, state in ((ours, before), (theirs, after)):
        for name, array in restored.capture().parameters(restored.spec).items():
            np.testing.assert_array_equal(array, state.arrays[name], err_msg=name)


def test_every_metric_of_an_update_is_told(backend: str, make_fused: Callable[..., Run]) -> None:
    run = make_fused(backend, max_env_steps=2 * SAMPLES)
    train(run, 2)
    for event in events_of(run, "metrics"):
        assert [name for name, value in event["data"].items() if value is None] == []
        assert 0.0 <= event["data"]["policy/clip_fraction"] <= 1.0
        assert event["data"]["optim/grad_norm"] > 0.0


def test_a_truncated_chain_of_rewards_is_worth_what_it_would_be_without_an_end(
    backend: str, make_fused: Callable[..., Run]
) -> None:
    """Reward 1 for ever at a discount of 0.5 is worth 2, wherever the time limit cuts it."""
    chain = {
        "rollouts": 8,
        "mini_batches": 2,
        "learning_epochs": 4,
        "learning_rate": 5e-3,
        "learning_rate_scheduler_kl_threshold": 0.0,
        "discount_factor": 0.5,
        "lambda_param": 0.0,
        "clip_predicted_values": False,
    }
    run = make_fused(backend, max_env_steps=64 * 20, **chain)
    with opened(run, Chain(num_envs=8)) as (_, trainer):
        trainer.train()
    assert 1.5 < float(trainer.capture().arrays["scaler.value.mean"][0]) < 2.5


def test_one_environment_is_trained(backend: str, make_fused: Callable[..., Run]) -> None:
    run = make_fused(backend, num_envs=1, rollouts=8, max_env_steps=16)
    train(run, 2)
    assert [event["env_steps"] for event in events_of(run, "metrics")] == [8, 16]


def test_environments_may_spoil_the_actions_they_are_given(backend: str, make_fused: Callable[..., Run]) -> None:
    recorded = []
    with opened(make_fused(backend, num_envs=4, max_env_steps=16), Chain()) as (_, trainer):
        update = trainer._engine.update

        def watched(rollout: Any, order: np.ndarray) -> Any:
            recorded.append(rollout.actions.copy())
            return update(rollout, order)

        trainer._engine.update = watched
        trainer.train()
    assert np.abs(recorded[0]).min() > 0.0


def test_adjusting_something_else_is_refused(backend: str, make_run: Callable[..., Run], engine: str) -> None:
    with opened(make_run(backend, train={"engine": engine})) as (_, trainer):
        before = trainer.capture()
        with pytest.raises(ConfigError, match=r"discount_factor.*cannot change"):
            trainer.adjust(learning_rate=1e-4, discount_factor=0.9)
        with pytest.raises(ConfigError, match=r"ratio_clip=-1\.0 must be"):
            trainer.adjust(learning_rate=1e-4, ratio_clip=-1.0)
        assert trainer.capture().learning_rate == before.learning_rate


def test_adjustments_are_part_of_the_state(backend: str, make_run: Callable[..., Run], engine: str) -> None:
    changes = {"learning_rate": 5e-4, "entropy_loss_scale": 0.05, "ratio_clip": 0.07}
    run = make_run(backend, train={"engine": engine}, max_env_steps=SAMPLES, learning_rate_scheduler_kl_threshold=0.0)
    with opened(run) as (session, trainer):
        trainer.adjust(**changes)
        trainer.train()
        state = trainer.capture()
        session.end()
    metrics = events_of(run, "metrics")[0]["data"]
    assert metrics["optim/learning_rate"] == pytest.approx(5e-4)
    assert metrics["loss/entropy"] < -0.01
    with opened(run) as (_, again):
        found = again.capture()
    assert found.learning_rate == state.learning_rate
    for name in ("entropy_loss_scale", "ratio_clip"):
        assert found.arrays[f"hyper.{name}"] == state.arrays[f"hyper.{name}"] == changes[name]


def test_an_update_without_a_step_is_no_failure() -> None:
    row = dict.fromkeys(MINI_BATCH_COLUMNS, 0.5) | {"seen": 1.0, "stepped": 0.0}
    report = update_report(summary(np.array([list(row.values())]), np.zeros(2), 0.3, 1e-3))
    assert report.broken() is None
    assert report.metrics()["loss/policy"] is None
    assert report.metrics()["policy/kl"] == 0.5


def test_threads_are_as_asked_for_and_never_more_than_pay() -> None:
    assert cpu_threads(3) == 3
    assert cpu_threads(64) == 64
    assert 1 <= cpu_threads(0) <= MOST_THREADS


def test_capture_is_a_copy(backend: str, make_fused: Callable[..., Run]) -> None:
    with opened(make_fused(backend)) as (_, trainer):
        first: AgentState = trainer.capture()
        for array in first.arrays.values():
            array[...] = 7
        assert not (trainer.capture().arrays["policy.mean.weight"] == 7).any()
