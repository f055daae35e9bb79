"""Continuing a run in its own folder: whether that is possible, on which backend, and up to where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motrix_core.errors import BackendUnusable, CheckpointError, RunsFolderError, RunStateError
from motrix_core.runs.checkpoints import list_checkpoints, newest_valid, read_meta, verify
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import EventReader
from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.checkpoints import CheckpointInfo

CheckBackend = Callable[["RunConfig", str], None]


@dataclass(frozen=True)
class Continuation:
    """How a run goes on: with `backend`, from `env_steps` on, up to a total of `max_env_steps`."""

    backend: str
    max_env_steps: int
    env_steps: int


def check_backend(config: RunConfig, backend: str) -> None:
    """Raises BackendUnusable, with cause and mend, if `config` cannot be trained on `backend` here. Takes seconds."""
    from motrix_core.hardware.select import select_backend

    selection = select_backend(backend)
    if config.train.device == "gpu" and selection.device != "gpu":
        raise BackendUnusable(
            backend, "the run has train.device=gpu, but this backend finds no GPU", mend="use the other backend"
        )


def plan_resume(
    run: Run, *, backend: str | None = None, max_env_steps: int | None = None, check: CheckBackend = check_backend
) -> Continuation:
    """How `run` can be continued; `backend` and `max_env_steps` replace those of its last segment.

    Nothing is touched. Raises RunStateError if the run is going on, has reached its budget or has no checkpoint to
    continue from, and what `check` raises if the backend cannot be used.
    """
    _check_over(run)
    config = run.config()
    last_backend, last_budget = _last_segment(run)
    checkpoint = _newest_checkpoint(run)
    _check_fits(checkpoint, config)
    budget = max_env_steps or last_budget or config.ppo.max_env_steps
    _check_budget(run, config, budget, checkpoint.env_steps, asked=max_env_steps is not None)
    chosen = backend or last_backend or config.backend
    check(config, chosen)
    return Continuation(chosen, budget, checkpoint.env_steps)


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


def _newest_checkpoint(run: Run) -> CheckpointInfo:
    newest = newest_valid(run)
    if newest is not None:
        return newest
    there = list_checkpoints(run)
    again = f"motrix run --config {run.paths.config} starts it from the beginning"
    if not there:
        raise RunStateError(f"run {run.id} has no checkpoint to continue from", mend=again)
    try:
        verify(there[-1].path)
    except CheckpointError as error:
        raise RunStateError(f"run {run.id} has no usable checkpoint: {error.message}", mend=again) from error
    return there[-1]


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
    if meta.get("env") != config.env:
        problem = f"it is of environment {meta.get('env')!r:.80}, and the run of {config.env!r}"
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
        data = _last_told(run)
        backend, budget = data.get("backend"), data.get("max_env_steps")
        return backend if isinstance(backend, str) else None, budget if type(budget) is int else None
    return (segment.backend, segment.max_env_steps) if segment is not None else (None, None)


class _SegmentReader(EventReader):
    """Reads only where segments start: EventWriter puts the type first."""

    def _value(self, line: bytes) -> dict[str, Any] | None:
        return super()._value(line) if line.startswith(b'{"type":"segment_started",') else None


def _last_told(run: Run) -> dict[str, Any]:
    reader = _SegmentReader(run.paths.events)
    last: dict[str, Any] = {}
    while not reader.at_end:
        for event in reader.poll():
            last = event["data"]
    return last
