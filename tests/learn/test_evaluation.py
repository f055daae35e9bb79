"""Scores of policies that are known beforehand, and what evaluations do to a run: nothing but choose its best."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box
from learn_doubles import Chain, NpEnv, events_of

from motrix_core.config.registry import default_rl_cfg
from motrix_core.config.schema import RunConfig
from motrix_core.envs.base import NpEnvState
from motrix_core.errors import CheckpointError, EnvironmentFailed, MotrixError, UsageError
from motrix_core.learn import evaluation
from motrix_core.learn.best import evaluation_interval
from motrix_core.learn.comparison import compare, t_quantile
from motrix_core.learn.evaluation import COMMAND_STREAM, TRAINING_STREAM, Scores, Task, evaluate
from motrix_core.learn.policy import NumpyPolicy
from motrix_core.learn.session import TrainSession
from motrix_core.learn.world import World
from motrix_core.runs import checkpoints
from motrix_core.runs.control import append_request
from motrix_core.runs.layout import Run, create_run

EVALUATED = {"eval_every_updates": 1, "eval_episodes": 4}
PENDULUM = Task("pendulum", "none", {"episode_s": 0.5})


def make_policy(obs_dim: int = 1, act_dim: int = 1, action: float = 0.0, *, discrete: bool = False) -> NumpyPolicy:
    """Always `action`, whatever it sees; with `discrete`, the first of `act_dim` choices."""

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    hidden = (zeros(2, obs_dim), zeros(2))
    head = (zeros(act_dim, 2), zeros(act_dim) + action)
    return NumpyPolicy(zeros(obs_dim), zeros(obs_dim) + 1, (hidden,), head, discrete)


class Ladder(NpEnv):
    """Environment n has episodes of n + 1 steps and gets n + 1 for each; what follows an episode gives a million."""

    observation_space = Box(-np.inf, np.inf, (1,), np.float32)
    action_space = Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, num_envs: int) -> None:
        self.num_envs, self.closed = num_envs, False

    def init_state(self) -> NpEnvState:
        self._number, self._episode = np.arange(1, self.num_envs + 1), np.zeros(self.num_envs)
        self._step = np.zeros(self.num_envs)
        return self._state(np.zeros(self.num_envs, bool))

    def step(self, actions: np.ndarray) -> NpEnvState:
        self._step += 1
        reward = np.where(self._episode == 0, self._number, 1e6)
        ended = self._step >= self._number
        self._step[ended], self._episode[ended] = 0, 1
        return self._state(ended, reward)

    def _state(self, ended: np.ndarray, reward: np.ndarray | None = None) -> NpEnvState:
        obs = self._number[:, None].astype(np.float32)
        rewards = np.zeros(self.num_envs) if reward is None else reward
        return NpEnvState(obs, rewards, ended, np.zeros_like(ended), {})

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[int], Any]], list[Any]]]:
    """Makes evaluations use an environment of the test's, and lists those that were made."""

    def use(build: Callable[[int], Any]) -> list[Any]:
        envs: list[Any] = []

        def make(name: str, *, num_envs: int, **_: Any) -> Any:
            envs.append(build(num_envs))
            return envs[-1]

        monkeypatch.setattr(evaluation, "make", make)
        return envs

    yield use


def test_every_environment_counts_with_its_first_episode_only(made: Any) -> None:
    envs = made(Ladder)
    scores = evaluate(make_policy(), PENDULUM, episodes=4, seed=0, stream=COMMAND_STREAM)
    assert scores.returns.tolist() == [1.0, 4.0, 9.0, 16.0]
    assert scores.lengths.tolist() == [1, 2, 3, 4]
    assert [env.closed for env in envs] == [True]


def test_the_scores_are_those_of_a_plain_sum(made: Any) -> None:
    made(Ladder)
    metrics = evaluate(make_policy(), PENDULUM, episodes=4, seed=0, stream=COMMAND_STREAM).metrics()
    assert metrics.pop("seconds") > 0
    assert metrics == {
        "return/mean": 7.5,
        # Of 1, 4, 9 and 16: sqrt(129 / 3) / sqrt(4).
        "return/std_error": pytest.approx(np.sqrt(43) / 2),
        "return/min": 1.0,
        "return/max": 16.0,
        "episode_length/mean": 2.5,
        "episodes": 4,
        # Pendulum's success is a return of -250.
        "success/rate": 1.0,
    }


def test_a_single_episode_has_no_standard_error(made: Any) -> None:
    made(Ladder)
    assert evaluate(make_policy(), PENDULUM, episodes=1, seed=0, stream=1).metrics()["return/std_error"] is None


def test_success_is_a_share_of_the_episodes() -> None:
    returns = np.array([899.9, 900.0, 1000.0, 0.0])
    scores = Scores(returns, np.ones(4, np.int64), np.zeros((4, 1)), 900.0, 0.0)
    assert scores.success_rate == 0.5


def test_many_episodes_come_in_batches_and_none_is_counted_twice(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_BATCH", 3)
    envs = made(Ladder)
    scores = evaluate(make_policy(), PENDULUM, episodes=7, seed=0, stream=COMMAND_STREAM)
    assert [env.num_envs for env in envs] == [3, 3, 1]
    assert scores.returns.tolist() == [1, 4, 9, 1, 4, 9, 1]


@pytest.mark.parametrize("name", ["gym:Pendulum-v1", "gym:CartPole-v1"])
def test_no_evaluation_starts_worker_processes_and_the_scores_are_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseProcess, "start", lambda process: pytest.fail(f"{process} was started"))
    found = []
    for vector in ("sync", "async"):
        task = Task(name, "none", {"vector": vector, "max_episode_steps": 20})
        spec = task.spec
        policy = make_policy(spec.obs_dim, spec.n_actions or spec.act_dim, discrete=spec.n_actions is not None)
        scores = evaluate(policy, task, episodes=3, seed=0, stream=COMMAND_STREAM)
        found.append((scores.returns.tolist(), scores.starts.tolist()))
    assert found[0] == found[1]


def test_batches_begin_in_states_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_BATCH", 3)
    scores = evaluate(make_policy(3), PENDULUM, episodes=6, seed=0, stream=COMMAND_STREAM)
    assert len(np.unique(scores.starts, axis=0)) == 6


def test_a_seed_means_the_same_initial_states_for_every_policy() -> None:
    def starts(seed: int, stream: int, action: float = 0.0) -> list[Any]:
        policy = make_policy(3, action=action)
        return evaluate(policy, PENDULUM, episodes=5, seed=seed, stream=stream).starts.tolist()

    first = starts(3, COMMAND_STREAM)
    assert starts(3, COMMAND_STREAM, action=1.0) == first
    assert starts(4, COMMAND_STREAM) != first
    assert starts(3, TRAINING_STREAM) != first


def test_the_action_reaches_the_environment() -> None:
    idle, pushed = (
        evaluate(make_policy(3, action=action), PENDULUM, episodes=5, seed=0, stream=1).returns for action in (0.0, 2.0)
    )
    assert not np.array_equal(idle, pushed)


def test_a_policy_for_another_environment_is_refused() -> None:
    with pytest.raises(CheckpointError, match="takes 4 observations and gives 2 actions, but pendulum has 3 and 1"):
        evaluate(make_policy(4, 2), PENDULUM, episodes=2, seed=0, stream=1)


def test_episodes_that_do_not_end_are_an_error(made: Any) -> None:
    envs = made(lambda num_envs: Chain(num_envs, length=10**9))
    with pytest.raises(EnvironmentFailed, match="3 of 3 episodes of pendulum did not end in 20 steps"):
        evaluate(make_policy(), PENDULUM, episodes=3, seed=0, stream=1)
    assert envs[0].closed


def scores_of(*returns: float, starts: float = 0.0) -> Scores:
    count = len(returns)
    return Scores(np.array(returns, float), np.ones(count, np.int64), np.full((count, 1), starts), None, 0.0)


def test_a_paired_difference_is_found_though_states_differ_more_than_policies() -> None:
    worth = np.arange(0.0, 1000.0, 100.0)
    gain = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 2.0])
    result = compare(scores_of(*worth), scores_of(*(worth + gain)))
    # A textbook's paired t: mean 2, standard deviation sqrt(6/9), 9 degrees of freedom, quantile 2.262.
    error = np.sqrt(6 / 9 / 10)
    assert result.mean == pytest.approx(2.0) and result.std_error == pytest.approx(error)
    assert (result.low, result.high) == pytest.approx((2 - 2.262157 * error, 2 + 2.262157 * error), rel=1e-5)
    assert result.significant


def test_noise_is_no_difference() -> None:
    noise = np.array([5.0, -6.0, 4.0, -3.0, 6.0, -5.0, 3.0, -4.0])
    result = compare(scores_of(*np.zeros(8)), scores_of(*noise))
    assert result.mean == 0.0 and result.low < 0.0 < result.high and not result.significant


def test_equal_returns_are_no_difference_and_a_constant_gain_is_one() -> None:
    assert not compare(scores_of(*np.ones(8)), scores_of(*np.ones(8))).significant
    worse = compare(scores_of(*np.ones(8)), scores_of(*np.zeros(8)))
    assert worse.significant and (worse.low, worse.high) == (-1.0, -1.0)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UsageError, match="7 episodes are too few"):
        compare(scores_of(*np.ones(7)), scores_of(*np.ones(7)))
    with pytest.raises(EnvironmentFailed, match="different states though the seed was the same"):
        compare(scores_of(*np.ones(8)), scores_of(*np.ones(8), starts=1.0))


# As the tables in textbooks print it.
@pytest.mark.parametrize(("freedom", "quantile"), [(7, 2.3646), (9, 2.2622), (20, 2.0860), (63, 1.9983)])
def test_quantiles_of_students_t_are_those_of_the_table(freedom: int, quantile: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=6e-5)


@pytest.fixture
def trained(make_run: Callable[..., Run], no_stop: threading.Event) -> Callable[..., Run]:
    def train(backend: str = "torch", run: Run | None = None, **options: Any) -> Run:
        run = run or make_run(backend, **options)
        session = TrainSession(run, run.config(), world=World(), stop=no_stop)
        session.train()
        session.close()
        return run

    return train


def test_an_evaluation_is_an_event_and_the_best_one_chooses_the_checkpoint(trained: Any) -> None:
    run = trained(train={**EVALUATED, "keep_checkpoints": 1})
    events = events_of(run, "evaluation")
    assert [event["update"] for event in events] == [1, 2, 3]
    assert all(event["data"]["episodes"] == 4 for event in events)
    means = [event["data"]["return/mean"] for event in events]
    assert len(set(means)) == 3
    best = events[int(np.argmax(means))]["env_steps"]
    assert checkpoints.best_score(run) == max(means)
    assert {info.env_steps for info in checkpoints.list_checkpoints(run) if info.best} == {best}
    assert {info.env_steps for info in checkpoints.list_checkpoints(run)} == {best, 96}


def test_the_interval_is_kept_and_the_last_update_is_always_evaluated(trained: Any) -> None:
    run = trained(train={**EVALUATED, "eval_every_updates": 2}, max_env_steps=160)
    assert [event["update"] for event in events_of(run, "evaluation")] == [2, 4, 5]
    assert [event["update"] for event in events_of(run, "checkpoint")] == [2, 4, 5]


def test_without_evaluations_there_is_no_best(trained: Any) -> None:
    run = trained(train={"eval_every_updates": 0})
    assert events_of(run, "evaluation") == [] and checkpoints.best_checkpoint(run) is None


def arrays_of_newest(run: Run) -> dict[str, np.ndarray]:
    newest = checkpoints.newest_valid(run)
    assert newest is not None
    groups = checkpoints.load(newest.path).arrays
    return {f"{group}.{name}": array for group, arrays in groups.items() for name, array in arrays.items()}


@pytest.mark.parametrize("kind", ["fused", "stock"])
def test_evaluations_leave_the_training_as_it_is(backend: str, kind: str, trained: Any) -> None:
    with_, without = (
        arrays_of_newest(trained(backend, check_point_interval=4, train={**EVALUATED, **options, "engine": kind}))
        for options in ({}, {"eval_every_updates": 0})
    )
    assert with_.keys() == without.keys()
    assert [name for name in with_ if not np.array_equal(with_[name], without[name])] == []


@pytest.mark.parametrize("sim", ["motrixsim", "mujoco"])
def test_a_second_simulation_beside_the_training_does_not_disturb_it(
    sim: str, tmp_path: Path, make_config: Callable[..., RunConfig], trained: Any
) -> None:
    pytest.importorskip(sim)

    def arrays(interval: int) -> dict[str, np.ndarray]:
        train = {**EVALUATED, "eval_every_updates": interval}
        config = make_config("torch", check_point_interval=4, train=train)
        config = config.model_copy(update={"env": "cartpole", "sim": sim, "env_options": {"episode_s": 0.2}})
        return arrays_of_newest(trained(run=create_run(config, tmp_path / sim, extra={})))

    with_, without = arrays(1), arrays(0)
    assert [name for name in with_ if not np.array_equal(with_[name], without[name])] == []


def test_the_speed_reported_is_that_of_training_alone(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("motrix_core.learn.session.perf_counter", lambda: now[0])
    original = TrainSession.end_update

    def end_update(session: TrainSession, report: Any) -> None:
        now[0] += 2.0
        original(session, report)

    monkeypatch.setattr(TrainSession, "end_update", end_update)
    monkeypatch.setattr(
        "motrix_core.learn.best.Evaluations.try_evaluate", lambda *_: now.__setitem__(0, now[0] + 1000.0)
    )
    run = trained(train=EVALUATED)
    # 32 samples in 2 seconds of this clock; answering requests is timed by the real one.
    speeds = [event["data"]["perf/env_steps_per_s"] for event in events_of(run, "metrics")]
    assert speeds == pytest.approx([16.0] * 3, rel=0.05)


def test_an_evaluation_that_fails_is_a_warning_and_training_goes_on(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise EnvironmentFailed("the wheel came off")

    monkeypatch.setattr(evaluation, "make", broken)
    run = trained(train=EVALUATED)
    assert len(events_of(run, "metrics")) == 3 and events_of(run, "evaluation") == []
    said = events_of(run, "warning")[0]["data"]["message"]
    assert said == "the policy of update 1 could not be evaluated: the wheel came off"


def test_a_kill_between_checkpoint_and_record_does_not_lose_the_best(trained: Any, no_stop: threading.Event) -> None:
    run = trained(train=EVALUATED, max_env_steps=32)
    score = checkpoints.best_score(run)
    (run.paths.checkpoints / "best.json").unlink()
    trained(run=run)
    assert checkpoints.best_score(run) == score
    assert len(events_of(run, "evaluation")) == 1


def test_a_stop_postpones_an_evaluation_until_the_run_goes_on(
    make_run: Callable[..., Run], trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, stop = make_run("torch", train=EVALUATED), threading.Event()
    session = TrainSession(run, run.config(), world=World(), stop=stop)
    monkeypatch.setattr(session, "record_step", lambda transition: stop.set())
    session.train()
    session.close()
    assert [event["update"] for event in events_of(run, "checkpoint")] == [1]
    assert events_of(run, "evaluation") == []
    trained(run=run)
    assert [event["update"] for event in events_of(run, "evaluation")] == [1, 2, 3]


def test_an_evaluation_can_be_asked_for(
    make_run: Callable[..., Run], no_stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("torch", train={"eval_episodes": 4})
    session = TrainSession(run, run.config(), world=World(), stop=no_stop)
    append_request(run, {"type": "evaluate"})
    session.train()
    session.close()
    (event,) = events_of(run, "evaluation")
    assert event["update"] == 1 and event["data"]["episodes"] == 4
    assert [answer["data"]["done"] for answer in events_of(run, "control")] == [True]
    assert checkpoints.best_checkpoint(run) == "step_32"


# Shipped defaults: env steps of an evaluation are 3 % of those between two, give or take the rounding to checkpoints.
@pytest.mark.parametrize("env", ["cartpole", "dm-walker", "pendulum", "go1-flat-terrain-walk", "bounce_ball"])
def test_evaluations_left_to_themselves_cost_about_three_percent(env: str) -> None:
    config = RunConfig(env=env, backend="jax", ppo=default_rl_cfg(env, "skrl", "jax"))
    interval = evaluation_interval(config)
    samples = interval * config.ppo.rollouts * config.ppo.num_envs
    assert 0.02 < 64 * Task.of(config).max_episode_steps / samples < 0.035
    assert (interval * config.ppo.rollouts) >= config.ppo.check_point_interval


def test_a_score_that_cannot_be_read_counts_as_none(trained: Any) -> None:
    run = trained(train=EVALUATED, max_env_steps=32)
    (run.paths.checkpoints / "step_32" / "agent.safetensors").write_bytes(b"damaged")
    assert checkpoints.best_score(run) is None
    (run.paths.checkpoints / "best.json").write_text('{"checkpoint": "step_32", "score": "high"}')
    assert checkpoints.best_score(run) is None
    with pytest.raises(MotrixError):
        checkpoints.load(run.paths.checkpoints / "step_32")


def test_an_option_that_is_none_leaves_episodes_as_long_as_the_task_says() -> None:
    assert Task("pendulum", "none", {"episode_s": None}).max_episode_steps == 200
