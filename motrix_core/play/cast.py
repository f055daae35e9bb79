"""What is played: an environment, and who acts in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import CheckpointError

if TYPE_CHECKING:
    from motrix_core.learn.evaluation import Task
    from motrix_core.runs.checkpoints import CheckpointInfo
    from motrix_core.runs.layout import Run

FloatArray = NDArray[np.float32]
Act = Callable[[FloatArray], FloatArray]
"""Observations, (num_envs, obs_dim), to actions, (num_envs, act_dim)."""


@dataclass
class Cast:
    """An environment with whoever acts in it. `title` says both in words."""

    env: Any
    act: Act
    title: str


def policy_cast(run: Run, checkpoint: CheckpointInfo, *, num_envs: int, seed: int, sim: str | None = None) -> Cast:
    """The deterministic policy of `checkpoint` in the environment of `run`.

    Raises:
        CheckpointError: the checkpoint is damaged, or not for this environment.
        MotrixError: the environment cannot be made.
    """
    from motrix_core.learn.evaluation import Task
    from motrix_core.learn.policy import NumpyPolicy
    from motrix_core.runs import checkpoints

    task = Task.of(run.config())
    policy = NumpyPolicy.from_checkpoint(checkpoints.load(checkpoint.path))
    env = task.make(num_envs=num_envs, seed=seed, sim=sim)
    wanted = env.observation_space.shape[0]
    if policy.obs_dim != wanted:
        env.close()
        raise CheckpointError(
            f"checkpoint {checkpoint.path} takes {policy.obs_dim} observations, but {task.env} gives {wanted}",
            mend="use another checkpoint of the run",
        )
    best = " (best)" if checkpoint.best else ""
    return Cast(env, policy.mean_actions, f"{task.env} · {checkpoint.path.name}{best} of {run.id}")


def random_cast(task: Task, *, num_envs: int, seed: int) -> Cast:
    """Uniformly random actions in the environment of `task`; the same `seed`, the same actions."""
    env: Any = task.make(num_envs=num_envs, seed=seed)
    rng = np.random.default_rng(seed)
    choices = getattr(env.action_space, "n", None)
    if choices is not None:

        def act(obs: FloatArray) -> FloatArray:
            return rng.integers(int(choices), size=(len(obs), 1)).astype(np.float32)
    else:
        low, high = env.action_space.low, env.action_space.high
        # Where nothing bounds an action, ±1 is what policies begin with.
        low, high = np.where(np.isfinite(low), low, -1.0), np.where(np.isfinite(high), high, 1.0)

        def act(obs: FloatArray) -> FloatArray:
            return rng.uniform(low, high, (len(obs), len(low))).astype(np.float32)

    return Cast(env, act, f"{task.env} · random actions")
