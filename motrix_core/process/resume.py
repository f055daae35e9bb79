"""Continuing a run in its own folder: whether that is possible, on which backend, and up to where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motrix_core.errors import BackendUnusable, RunsFolderError, RunStateError
from motrix_core.runs.checkpoints import list_checkpoints, newest_valid, read_meta, recover, unusable
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import KindReader
from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.checkpoints import CheckpointInfo

CheckBackend = Callable[["RunConfig", str], None]


@dataclass(frozen=True)
class Continuation:
    """How a run goes on: with `backend`, from `env_steps` on, up to a total of `max_env_steps`.

    `env_steps` is 0 for a run that was ended before its first checkpoint; it begins again, with the same seed. `note`
    says in one line where it goes on from.
    """

    backend: str
    max_env_steps: int
    env_steps: int
    note: str


def check_backend(config: RunConfig, backend: str) -> None:
    """Raises BackendUnusable or SimulatorUnusable, with the mend, if `config` cannot be trained on `backend` here.

    Takes seconds: it probes in child processes.
    """
    from motrix_core.hardware.requirements import SIMULATORS
    from motrix_core.hardware.select import check_sim, select_backend

    sims = (config.sim,) if config.sim in SIMULATORS else ()
    selection = select_backend(backend, beside=sims)
    for sim in sims:
        # No other simulator is offered: it would not give the same numbers, so a run keeps its own.
        check_sim(selection.probes[sim], ())
    if config.train.device == "gpu" and selection.device != "gpu":
        raise BackendUnusable(
            backend, "the run has train.device=gpu, but this backend finds no GPU", mend="use the other backend"
        )


def plan_resume(
    run: Run, *, backend: str | None = None, max_env_steps: int | None = None, check: CheckBackend = check_backend
) -> Continuation:
    """How `run` can be continued; `backend` and `max_env_steps` replace those of its last segment.

    Nothing is touched, but for a checkpoint that a killed save had moved aside. Raises RunStateError if the run is
    going on, has reached its budget or has lost the checkpoints that it had, and what `check` raises if the backend or
    the simulator cannot be used.
    """
    _check_over(run)
    config = run.config()
    last_backend, last_budget = _last_segment(run)
    checkpoint = _newest_checkpoint(run)
    env_steps = checkpoint.env_steps if checkpoint is not None else 0
    if checkpoint is not None:
        _check_fits(checkpoint, config)
    budget = max_env_steps or last_budget or config.ppo.max_env_steps
    _check_budget(run, config, budget, env_steps, asked=max_env_steps is not None)
    chosen = backend or last_backend or config.backend
    check(config, chosen)
    return Continuation(chosen, budget, env_steps, _note(run, checkpoint))


def _note(run: Run, checkpoint: CheckpointInfo | None) -> str:
    if checkpoint is None:
        return f"run {run.id} has no checkpoint yet: it begins again, with the same seed"
    # The trainer writes down why, for everybody who follows the run.
    broken = [path.name for path, _ in unusable(run, after=checkpoint.env_steps)]
    because = f", because {', '.join(broken)} cannot be used" if broken else ""
    return f"run {run.id} goes on from {checkpoint.path.name}{because}"


def _check_over(run: Run) -> None:
    try:
        state = run.state()
    except RunsFolderError:
        # Damaged: the supervisor writes it anew, and its lock still keeps a second one away.
        return
    if state.is_live:
        raise RunStateError(f"run {run.id} is {state.shown_status}", mend=f"motrix runs stop {run.id} stops it first")
    if state.is_process_alive(state.trainer):
        raise RunStateError(
            f"the trainer of run {run.id} has lost its supervisor and is still ending", mend="try again in 10 s"
        )


def _newest_checkpoint(run: Run) -> CheckpointInfo | None:
    """The one to continue from; None for a run that never had any. Raises RunStateError if it has lost them all."""
    recover(run)
    newest = newest_valid(run)
    if newest is not None:
        return newest
    again = f"motrix run --config {run.paths.config} starts it from the beginning"
    if list_checkpoints(run):
        _, error = unusable(run)[-1]
        raise RunStateError(f"run {run.id} has no usable checkpoint: {error.message}", mend=again) from error
    if _last_told(run, "checkpoint"):
        raise RunStateError(
            f"run {run.id} has no checkpoint to continue from: {run.paths.checkpoints} has lost those that it wrote",
            mend=again,
        )
    return None


def _check_fits(checkpoint: CheckpointInfo, config: RunConfig) -> None:
    """Raises RunStateError if `checkpoint` is of another environment or of networks of other sizes."""
    meta = read_meta(checkpoint.path)
    model, ppo = meta.get("model"), config.ppo
    wanted = {
        "policy_hidden": list(ppo.policy_hidden_layer_sizes),
        "value_hidden": list(ppo.value_hidden_layer_sizes),
        "shared": ppo.share_policy_value_features,
    }
    found = {name: model.get(name) for name in wanted} if isinstance(model, dict) else {}
    others = {"env": config.env, "sim": config.sim, "num_envs": ppo.num_envs}
    # Checkpoints of earlier versions do not say all of it, and imported ones no simulator.
    differing = [name for name, has in others.items() if meta.get(name, has) not in (has, "auto")]
    if differing:
        name = differing[0]
        problem = f"it was saved with {name}={meta[name]!r:.80}, and the run has {others[name]!r}"
    elif wanted != found:
        name = next(name for name in wanted if found.get(name) != wanted[name])
        problem = f"its networks have {name}={found.get(name)!r:.80}, and the run's {wanted[name]}"
    else:
        return
    raise RunStateError(
        f"checkpoint {checkpoint.path} cannot be continued: {plain(problem, limit=300)}",
        mend="delete that checkpoint to continue from the one before",
    )


def _check_budget(run: Run, config: RunConfig, budget: int, env_steps: int, *, asked: bool) -> None:
    samples = config.ppo.rollouts * config.ppo.num_envs
    if -(-budget // samples) * samples > env_steps:
        return
    more = f"--max-env-steps {env_steps + samples} or more continues it"
    if asked:
        raise RunStateError(f"--max-env-steps {budget}: run {run.id} has {env_steps} env steps already", mend=more)
    raise RunStateError(f"run {run.id} has reached its budget of {budget} env steps", mend=more)


def _last_segment(run: Run) -> tuple[str | None, int | None]:
    """Backend and budget of the last segment; from the events if state.json is damaged, None where unknown."""
    try:
        segment = run.state().segment
    except RunsFolderError:
        data = _last_told(run, "segment_started")
        backend, budget = data.get("backend"), data.get("max_env_steps")
        return backend if isinstance(backend, str) else None, budget if type(budget) is int else None
    return (segment.backend, segment.max_env_steps) if segment is not None else (None, None)


def _last_told(run: Run, kind: str) -> dict[str, Any]:
    """The data of the last event of `kind`; empty without one."""
    reader = KindReader(run.paths.events, kind)
    last: dict[str, Any] = {}
    while not reader.at_end:
        for event in reader.poll():
            last = event["data"]
    return last
