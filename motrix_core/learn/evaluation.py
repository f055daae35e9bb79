"""Scoring a policy: what it does without noise, over whole episodes, apart from any training.

The environments, their seeds and their generator are an evaluation's own. Every environment counts with its first
episode only: with a fixed number of steps instead, short episodes would be over-represented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from motrix_core.envs.adapters.gymnasium_ids import without_workers
from motrix_core.envs.registry import find_spec, make
from motrix_core.envs.source import CATALOG, EnvSource
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import CheckpointError, EnvironmentFailed
from motrix_core.learn.clock import PhaseClock
from motrix_core.learn.metrics import Metrics, finite_or_none
from motrix_core.learn.stepping import Stepper

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.envs.base import NpEnv
    from motrix_core.learn.policy import NumpyPolicy

MAX_BATCH = 1024
"""Most environments side by side; more episodes come in several batches."""

TRAINING_STREAM, COMMAND_STREAM = 1, 2
"""Which initial states a seed means: those that choose a run's best checkpoint, or those of `motrix eval`.

They differ, because a checkpoint that was the best of many on some states looks better on these than it is.
"""


@dataclass(frozen=True)
class Task:
    """What a policy is evaluated in: an environment of the catalog, its simulator and its options."""

    env: str
    sim: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    source: EnvSource = CATALOG

    @classmethod
    def of(cls, config: RunConfig) -> Task:
        """What the run of `config` trains in."""
        return cls(config.env, config.sim, dict(config.env_options), EnvSource.of(config))

    @property
    def spec(self) -> EnvSpec:
        """What is known about the environment. Raises as `find_spec` does."""
        return find_spec(self.env, self.source, self.options)

    @property
    def max_episode_steps(self) -> int:
        """Control steps after which an episode is truncated."""
        spec = self.spec
        given = self.options.get("episode_s")
        return max(1, round(float(spec.episode_s if given is None else given) / spec.ctrl_dt_s))

    def make(
        self, *, num_envs: int, sim: str | None = None, seed: int | None = None, rng: np.random.Generator | None = None
    ) -> NpEnv:
        """Environments for some episodes, on `sim` instead of the task's simulator if that is given.

        They have no worker processes: starting one for each takes longer than the episodes, and there are as many as
        episodes, not as many as somebody chose for this machine. Raises as `registry.make` does.
        """
        options = without_workers(self.env, self.options)
        sim = sim or self.sim
        return make(self.env, num_envs=num_envs, sim=sim, seed=seed, rng=rng, options=options, source=self.source)


@dataclass(frozen=True)
class Scores:
    """What a policy scored.

    Attributes:
        returns: undiscounted sum of rewards of each episode, shape (episodes,), float64.
        lengths: steps of each episode, shape (episodes,), int64.
        starts: the observation that each episode began with, shape (episodes, obs_dim), float32.
        success_return: the return from which on an episode is a success, or None where the environment has none.
        seconds: wall time.
    """

    returns: np.ndarray
    lengths: np.ndarray
    starts: np.ndarray
    success_return: float | None
    seconds: float

    @property
    def mean(self) -> float:
        """Mean return."""
        return float(self.returns.mean())

    @property
    def std_error(self) -> float | None:
        """Standard error of the mean return; None for a single episode."""
        return standard_error(self.returns)

    @property
    def success_rate(self) -> float | None:
        """Share of the episodes that succeeded."""
        return None if self.success_return is None else float((self.returns >= self.success_return).mean())

    def metrics(self) -> Metrics:
        """The scores as the data of an `evaluation` event."""
        metrics: Metrics = {
            "return/mean": finite_or_none(self.mean),
            "return/std_error": finite_or_none(self.std_error),
            "return/min": finite_or_none(self.returns.min()),
            "return/max": finite_or_none(self.returns.max()),
            "episode_length/mean": float(self.lengths.mean()),
            "episodes": len(self.returns),
            "seconds": self.seconds,
        }
        if self.success_rate is not None:
            metrics["success/rate"] = self.success_rate
        return metrics


def _sizes(observations: int, actions: int, choices: int | None) -> tuple[int, str]:
    return observations, f"{choices} discrete" if choices else str(actions)


def standard_error(values: np.ndarray) -> float | None:
    """Standard error of the mean of `values`, shape (n,); None for a single value."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def evaluate(policy: NumpyPolicy, task: Task, *, episodes: int, seed: int, stream: int) -> Scores:
    """Score `policy` in `episodes` episodes of `task`.

    The same `seed` and `stream` begin the same episodes, whatever the policy. What an environment draws later also
    depends on when its neighbours end, so only the beginnings are the same.

    Raises:
        CheckpointError: the policy is not one for this environment.
        MotrixError: the environment cannot be made, or it breaks.
    """
    started = perf_counter()
    parts = []
    for batch, first in enumerate(range(0, episodes, MAX_BATCH)):
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, stream, batch))))
        count = min(MAX_BATCH, episodes - first)
        env = task.make(num_envs=count, rng=rng)
        try:
            parts.append(_first_episodes(env, policy, task))
        finally:
            env.close()
    returns, lengths, starts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Scores(returns, lengths, starts, task.spec.success_return, perf_counter() - started)


def _first_episodes(env: Any, policy: NumpyPolicy, task: Task) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, length and first observation of the first episode of every environment of `env`."""
    choices = getattr(env.action_space, "n", None)
    wanted = _sizes(env.observation_space.shape[0], 1 if choices else env.action_space.shape[0], choices)
    found = _sizes(policy.obs_dim, policy.act_dim, policy.n_actions)
    if found != wanted:
        raise CheckpointError(
            f"the policy takes {found[0]} observations and gives {found[1]} actions, but {task.env} has "
            f"{wanted[0]} and {wanted[1]}",
            mend="evaluate it in the environment that it was trained in",
        )
    stepper = Stepper(env, PhaseClock())
    obs, _ = stepper.reset()
    starts = obs.copy()
    returns, lengths = np.zeros(len(obs)), np.zeros(len(obs), np.int64)
    going = np.ones(len(obs), np.bool_)
    # An environment of another project may know better than its catalog entry when an episode is over.
    for _ in range(2 * task.max_episode_steps):
        transition = stepper.step(policy.mean_actions(obs))
        obs = transition.obs
        returns += np.where(going, transition.reward, 0.0)
        lengths += going
        going &= ~(transition.terminated | transition.truncated)
        if not going.any():
            return returns, lengths, starts
    raise EnvironmentFailed(
        f"{int(going.sum())} of {len(going)} episodes of {task.env} did not end in {2 * task.max_episode_steps} steps, "
        f"twice the limit of {task.max_episode_steps} that the catalog names",
        mend="let the environment set `truncated` at its time limit",
    )
