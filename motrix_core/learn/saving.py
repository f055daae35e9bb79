"""A training session as a portable checkpoint, and back.

Groups of arrays: "agent" is `AgentState.arrays`; "env" holds the environment's own state under `state.`, the
unfinished episodes under `episode.` and the session's generator under `generator.`. `meta` holds the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from motrix_core.envs.blame import call_env
from motrix_core.envs.digest import changed_since
from motrix_core.envs.random_state import get_generator_state, set_generator_state
from motrix_core.envs.source import EnvSource
from motrix_core.errors import CheckpointError
from motrix_core.learn.guard import require_finite
from motrix_core.learn.metrics import EpisodeStatistics
from motrix_core.learn.spec import AgentState, Arrays
from motrix_core.learn.stepping import saves_state
from motrix_core.runs import checkpoints

if TYPE_CHECKING:
    from motrix_core.learn.backend import Trainer
    from motrix_core.learn.session import TrainSession

FORMAT = 1


def save(session: TrainSession, trainer: Trainer, env: Any, statistics: EpisodeStatistics) -> Path:
    """Write a checkpoint of this moment and delete those that are no longer kept. Returns its folder.

    Raises:
        CheckpointError: the disk does not take it.
        NonFinite: the agent's state is spoiled; the checkpoints stay as they are.
    """
    state = trainer.capture()
    require_finite(state)
    arrays = {"agent": state.arrays, "env": _env_arrays(session, env, statistics)}
    meta = {
        "format": FORMAT,
        "env": session.config.env,
        "backend": session.config.backend,
        "engine": session.config.train.engine,
        "sim": session.config.sim,
        "num_envs": session.config.ppo.num_envs,
        "env_steps": session.env_steps,
        "update": session.update,
        "seed": session.seed,
        "learning_rate": state.learning_rate,
        "evaluation": session.evaluations.score,
        "model": asdict(trainer.spec),
    }
    folder = checkpoints.save(session.run.paths.checkpoints, session.env_steps, arrays, meta)
    checkpoints.prune(session.run, keep_last=session.config.train.keep_checkpoints)
    return folder


def _env_arrays(session: TrainSession, env: Any, statistics: EpisodeStatistics) -> Arrays:
    # An environment written for another NpEnv may have no state to save; resuming it begins new episodes.
    # Before the first update a run has only what it starts from: its first episodes are yet to be drawn.
    env_state = call_env(env, "get_state", env.get_state) if session.update and saves_state(env) else {}
    return {
        **{f"state.{name}": array for name, array in env_state.items()},
        **{f"episode.{name}": array for name, array in statistics.get_state().items()},
        **{f"generator.{name}": array for name, array in get_generator_state(session.rng).items()},
    }


def restore_newest(
    session: TrainSession, trainer: Trainer, env: Any, statistics: EpisodeStatistics
) -> Mapping[str, Any] | None:
    """Continue from the run's newest checkpoint that is whole, and return its metadata; None if the run has none.

    Raises:
        CheckpointError: it does not belong to this run's networks, its metadata is damaged, or none is whole.
        EnvironmentFailed: the environment's saved state does not fit this environment.
    """
    checkpoints.recover(session.run)
    newest = checkpoints.newest_valid(session.run)
    unusable = checkpoints.unusable(session.run, after=newest.env_steps if newest is not None else -1)
    if newest is None and checkpoints.list_checkpoints(session.run):
        # Beginning again would throw away what may have taken days.
        raise unusable[-1][1]
    if newest is None:
        # Said when the run begins, while the choice can still be another one.
        if not saves_state(env):
            session.warn(f"{session.config.env} cannot save its state: when this run is resumed, new episodes begin")
        return None
    checkpoint = checkpoints.load(newest.path)
    meta = checkpoint.meta
    if meta.get("env") != session.config.env:
        raise CheckpointError(
            f"checkpoint {newest.path} is of environment {meta.get('env')!r:.80}, "
            f"and this run is of {session.config.env}",
            mend="use another checkpoint of the run",
        )
    state = AgentState(checkpoint.arrays.get("agent", {}), float(_number(meta, "learning_rate", newest.path)))
    state.check(trainer.spec)
    trainer.restore(state)
    saved = checkpoint.arrays.get("env", {})
    env_state = _under("state.", saved)
    if env_state and saves_state(env):
        call_env(env, "set_state", env.set_state, env_state)
        statistics.set_state(_under("episode.", saved))
    elif meta.get("update") != 0:
        session.warn(f"{session.config.env} has no saved state: new episodes begin in every environment")
    set_generator_state(session.rng, _under("generator.", saved))
    session.seed = int(_number(meta, "seed", newest.path))
    session.env_steps = int(_number(meta, "env_steps", newest.path))
    session.update = int(_number(meta, "update", newest.path))
    for _, error in unusable:
        session.warn(f"{error.message}; training goes on from {newest.path.name}")
    changed = changed_since(EnvSource.of(session.config), session.run.record())
    # Said when somebody lets the run go on, and not again where this trainer goes back by itself.
    if changed is not None and session.guard.problem is None:
        session.warn(changed)
    return meta


def _number(meta: Mapping[str, Any], name: str, path: Path) -> float:
    value = meta.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CheckpointError(f"checkpoint {path} cannot be used: its {name} is {value!r:.80}, not a number")
    return value


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
