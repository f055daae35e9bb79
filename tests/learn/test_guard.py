"""Numbers that are not finite: found, named, answered by going back once, and never written into a checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from learn_doubles import Chain, events_of

from motrix_core.envs.base import NpEnvState
from motrix_core.errors import EnvironmentFailed, NonFinite, TrainingFailed
from motrix_core.learn import session as session_module
from motrix_core.learn.backend import UpdateReport
from motrix_core.learn.guard import Guard, require_finite, spoiled_arrays
from motrix_core.learn.session import TrainSession
from motrix_core.learn.spec import AgentState
from motrix_core.learn.stepping import Transition
from motrix_core.learn.world import World
from motrix_core.runs import checkpoints
from motrix_core.runs.layout import Run
from motrix_core.runs.series import RunSeries

GOOD = UpdateReport(0.1, 0.2, 0.0, 0.01, None, 1.0, 1.4, 0.5, 1e-3, 0.7)
NAN = float("nan")


class Poisoned(Chain):
    """Does to the state of every step what `poison(step, state)` does; steps count on over a test's environments."""

    def __init__(self, num_envs: int, steps: list[int], poison: Callable[[int, NpEnvState], None]) -> None:
        super().__init__(num_envs)
        self._steps_taken, self._poison = steps, poison

    def step(self, actions: np.ndarray) -> NpEnvState:
        self._steps_taken.append(len(self._steps_taken) + 1)
        state = super().step(actions)
        poisoned = replace(state, obs=state.obs.copy())
        self._poison(self._steps_taken[-1], poisoned)
        return poisoned


def spoil(what: str, env: int, value: float, steps: set[int]) -> Callable[[int, NpEnvState], None]:
    def poison(step: int, state: NpEnvState) -> None:
        if step in steps:
            getattr(state, what)[env] = value

    return poison


@pytest.fixture
def trained(
    make_run: Callable[..., Run], no_stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Run]:
    """Trains with an environment that `poison` poisons; a failure ends up in `errors`."""

    def train(backend: str, poison: Callable[[int, NpEnvState], None], errors: list[Exception], **options: Any) -> Run:
        steps: list[int] = []
        monkeypatch.setattr(session_module, "make", lambda *_, num_envs, **__: Poisoned(num_envs, steps, poison))
        run = make_run(backend, check_point_interval=4, **options)
        session = TrainSession(run, run.config(), world=World(), stop=no_stop)
        try:
            session.train()
        except TrainingFailed as error:
            errors.append(error)
        finally:
            session.close()
        return run

    return train


def learning_rates(run: Run) -> list[float]:
    return [event["data"]["optim/learning_rate"] for event in events_of(run, "metrics")]


@pytest.mark.parametrize("kind", ["fused", "stock"])
@pytest.mark.parametrize(("what", "named"), [("obs", "an observation"), ("reward", "a reward")])
def test_one_bad_number_from_the_environment_costs_an_update_and_half_the_learning_rate(
    backend: str, kind: str, what: str, named: str, trained: Any
) -> None:
    errors: list[Exception] = []
    # Step 7 is the third of the second rollout; a constant learning rate, so that its half is seen.
    options = {"learning_rate_scheduler_kl_threshold": 0.0, "train": {"engine": kind}}
    run = trained(backend, spoil(what, 3, NAN, {7}), errors, **options)
    assert errors == []
    (going_back,) = (event["data"] for event in events_of(run, "warning") if "back_to" in event["data"])
    assert f"gave {named} of nan in environment 3 at batched step 7" in going_back["message"]
    assert (
        "back to the checkpoint step_32 and on with a learning rate of 0.0005 instead of 0.001"
        in (going_back["message"])
    )
    assert going_back["back_to"] == 32
    assert [event["update"] for event in events_of(run, "metrics")] == [1, 2, 3]
    assert learning_rates(run) == pytest.approx([1e-3, 5e-4, 5e-4])


def test_before_the_first_checkpoint_training_begins_anew(backend: str, trained: Any) -> None:
    errors: list[Exception] = []
    run = trained(backend, spoil("reward", 0, np.inf, {2}), errors)
    assert errors == []
    warnings = [event["data"]["message"] for event in events_of(run, "warning")]
    assert sum("back to the beginning, as there is no checkpoint yet" in warning for warning in warnings) == 1
    assert [event["update"] for event in events_of(run, "metrics")] == [1, 2, 3]


def test_the_second_time_training_fails_and_says_why(backend: str, trained: Any) -> None:
    errors: list[Exception] = []
    run = trained(backend, spoil("reward", 5, NAN, {6, 9}), errors)
    (error,) = errors
    assert isinstance(error, TrainingFailed)
    assert "gave a reward of nan in environment 5" in str(error)
    assert "already gone back to its last checkpoint once" in str(error)
    assert "look for a division by zero" in str(error)
    assert len([event for event in events_of(run, "warning") if "back_to" in event["data"]]) == 1


@pytest.mark.parametrize("kind", ["fused", "stock"])
def test_a_reward_beyond_all_bounds_is_traced_to_its_environment(backend: str, kind: str, trained: Any) -> None:
    errors: list[Exception] = []
    evaluated = {"engine": kind, "eval_every_updates": 1, "eval_episodes": 2}
    # Finite, so only the loss shows it: its square is not.
    run = trained(backend, spoil("reward", 6, 3e38, set(range(6, 100))), errors, train=evaluated)
    (error,) = errors
    assert "is not a finite number after update 2" in str(error) or "in update 2" in str(error)
    assert "largest reward 3e+38 in environment 6 at step" in str(error)
    # Nothing of it is left: neither in the checkpoints nor in what is called the best.
    listed = checkpoints.list_checkpoints(run)
    assert [info.env_steps for info in listed] == [32]
    arrays = checkpoints.load(listed[0].path).arrays["agent"]
    assert spoiled_arrays(AgentState(arrays, 1e-3)) == []
    assert checkpoints.best_checkpoint(run) in (None, "step_32")


@pytest.mark.parametrize("kind", ["fused", "stock"])
def test_a_learning_rate_beyond_reason_fails_the_run_and_leaves_no_checkpoint_of_it(
    backend: str, kind: str, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = []
    original = TrainSession.begin

    def begin(session: TrainSession, trainer: Any, env: Any) -> None:
        original(session, trainer, env)
        # Beyond what the configuration allows: the first step already leaves weights whose squares overflow.
        trainer.restore(AgentState(trainer.capture().arrays, 1e30))

    monkeypatch.setattr(TrainSession, "begin", begin)
    constant = {"learning_rate_scheduler_kl_threshold": 0.0, "train": {"engine": kind}}
    run = trained(backend, lambda *_: None, errors, **constant)
    (error,) = errors
    assert "Training had already gone back" in str(error) and "try a smaller ppo.learning_rate" in str(error)
    assert checkpoints.list_checkpoints(run) == []


def test_weights_that_blow_up_are_named(backend: str, trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = []
    original = TrainSession.end_update

    def end_update(session: TrainSession, report: UpdateReport) -> None:
        # As an update with a learning rate that is far too large leaves them.
        assert session._trainer is not None
        state = session._trainer.capture()
        state.arrays["policy.mean.weight"] = np.full_like(state.arrays["policy.mean.weight"], NAN)
        session._trainer.restore(state)
        original(session, replace(report, loss_policy=NAN))

    monkeypatch.setattr(TrainSession, "end_update", end_update)
    trained(backend, lambda *_: None, errors)
    assert "loss/policy is not a finite number after update 1; so is policy.mean.weight" in str(errors[0])


def test_an_update_is_checked_for_all_that_learning_needs() -> None:
    guard = Guard(4, lambda _: None)
    guard.check_update(GOOD, None, 1)
    # Undefined for constant returns, and unbounded for a policy that moved too far: no reason to stop.
    guard.check_update(replace(GOOD, explained_variance=NAN, kl=float("inf")), None, 1)
    for name, shown in (
        ("loss_policy", "loss/policy"),
        ("loss_value", "loss/value"),
        ("std", "policy/std"),
        ("grad_norm", "optim/grad_norm"),
    ):
        with pytest.raises(NonFinite, match=f"{shown} is not a finite number after update 9"):
            guard.check_update(replace(GOOD, **{name: float("inf")}), None, 9)


def test_an_error_from_spoiled_weights_is_told_apart_from_others() -> None:
    class Agent:
        def __init__(self, value: float) -> None:
            self._state = AgentState({"value.out.bias": np.array([value], np.float32)}, 1e-3)

        def capture(self) -> AgentState:
            return self._state

    guard, error = Guard(4, lambda _: None), ValueError("Expected parameter loc to satisfy the constraint Real()")
    guard.check_error(error, Agent(0.0), 3)
    with pytest.raises(NonFinite, match=r"value\.out\.bias turned into .* in update 3") as raised:
        guard.check_error(error, Agent(NAN), 3)
    assert raised.value.__cause__ is error


def test_no_checkpoint_holds_a_number_that_is_not_finite() -> None:
    arrays = {f"adam.m.{index}": np.full(2, NAN, np.float32) for index in range(5)}
    with pytest.raises(NonFinite, match=r"adam\.m\.0, adam\.m\.1, adam\.m\.2 and 2 more not finite"):
        require_finite(AgentState({"adam.step": np.array(3), **arrays}, 1e-3))


def transition(**changes: Any) -> Transition:
    zeros = np.zeros((3, 2), np.float32)
    never = np.zeros(3, bool)
    plain = {"obs": zeros, "reward": zeros[:, 0], "terminated": never, "truncated": never, "final_obs": None}
    return Transition(**{**plain, "guessed": False, "info": {}, **changes})


def test_the_environment_to_suspect_is_looked_for_in_the_last_rollout_only() -> None:
    guard = Guard(2, lambda _: None)
    for reward in ([9.0, 0, 0], [0, 2.0, 0], [0, 0, -3.0]):
        guard.watch(transition(reward=np.array(reward, np.float32)))
    with pytest.raises(NonFinite, match=r"largest reward 3 in environment 2 at step 2, largest observation 0"):
        guard.check_update(replace(GOOD, loss_value=NAN), None, 1)


def test_an_environment_that_mends_itself_is_reported_once() -> None:
    said: list[str] = []
    guard = Guard(2, said.append)
    guard.watch(transition(info={"metrics": {"nonfinite": np.zeros(3)}}))
    assert said == []
    for _ in range(2):
        guard.watch(transition(info={"metrics": {"nonfinite": np.array([0, 1, 1])}}))
    assert len(said) == 1 and "not finite in environments 1, 2: the episode was ended" in said[0]


def mended(*environments: int) -> Transition:
    return transition(info={"metrics": {"nonfinite": np.array(environments, np.float32)}})


@pytest.mark.parametrize(("rollouts", "steps"), [(12, 12), (1, 8)])
def test_a_rollout_in_which_every_environment_mends_itself_at_every_step_is_an_error(rollouts: int, steps: int) -> None:
    guard = Guard(rollouts, lambda _: None)
    # One environment that is well, once, is something to learn from.
    for one in (*[mended(1, 1, 1)] * (steps - 1), mended(1, 0, 1), *[mended(1, 1, 1)] * (steps - 1)):
        guard.watch(one)
    with pytest.raises(
        NonFinite, match=rf"not finite in every environment at {steps} batched steps in a row"
    ) as raised:
        guard.watch(mended(1, 1, 1))
    assert isinstance(raised.value, EnvironmentFailed)


@pytest.mark.parametrize("kind", ["fused", "stock"])
def test_a_training_without_a_finite_number_fails(backend: str, kind: str, trained: Any) -> None:
    def spoil_all(step: int, state: NpEnvState) -> None:
        state.info["metrics"] = {"nonfinite": np.ones(len(state.obs), np.float32)}

    errors: list[Exception] = []
    trained(backend, spoil_all, errors, train={"engine": kind})
    assert "not finite in every environment" in str(errors[0])
    assert "already gone back" in str(errors[0])


def test_what_an_environment_spoils_is_its_failure_too(backend: str, trained: Any) -> None:
    errors: list[Exception] = []
    trained(backend, spoil("obs", 0, NAN, set(range(1, 100))), errors)
    assert isinstance(errors[0].__cause__, EnvironmentFailed)


def test_charts_follow_a_run_that_went_back() -> None:
    def event(type: str, update: int, **data: Any) -> dict[str, Any]:
        return {"type": type, "time": 100.0 + update, "env_steps": 10 * update, "update": update, "data": data}

    series = RunSeries()
    series.extend(
        [event("segment_started", 0)] + [event("metrics", n, **{"return/mean": float(n)}) for n in range(1, 6)]
    )
    series.extend([event("warning", 2, level="warning", message="went back", back_to=20)])
    series.extend([event("metrics", 3, **{"return/mean": 30.0})])
    x, y = series.xy("return/mean")
    assert x.tolist() == [10, 20, 30] and y.tolist() == [1.0, 2.0, 30.0]
    assert series.out_of_order == 0
