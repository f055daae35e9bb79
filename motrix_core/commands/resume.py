"""`motrix run --resume RUN`: which run is continued, and what may be said about it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from motrix_core.commands.waiting import prints_on_stderr
from motrix_core.errors import ConfigError, Problem

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.process.resume import Continuation
    from motrix_core.runs.layout import Run

_CHANGEABLE = ("backend", "ppo.max_env_steps")


def plan(args: argparse.Namespace, flags: dict[str, Any]) -> tuple[Run, Continuation]:
    """The run that `args.resume` means, and how it goes on.

    `flags` are the flags that were given, by configuration path. A run keeps its configuration: only the backend and
    the budget can change, and anything else that is said must be what the run has anyway. Raises ConfigError,
    RunNotFound, RunStateError, UnknownName or BackendUnusable before anything is touched, and what `find_spec` raises
    for an environment that somebody brought.
    """
    from motrix_core.config.sources import ConfigSources
    from motrix_core.envs.registry import find_spec
    from motrix_core.envs.source import CATALOG, EnvSource
    from motrix_core.process.resume import plan_resume
    from motrix_core.runs.layout import find_run
    from motrix_core.runs.location import runs_dir

    # No environment variables: they are a person's wishes for new runs.
    given = ConfigSources(file=args.config, sets=args.sets, flags=flags).given()
    run = find_run(runs_dir(args.runs_dir, os.environ), args.resume)
    config = run.config()
    _check_same(run, config, given)
    if EnvSource.of(config) != CATALOG:
        # A file that is gone or broken is told now, and not by a trainer that fails.
        with prints_on_stderr():
            find_spec(config.env, EnvSource.of(config), config.env_options)
    backend = given.get("backend")
    return run, plan_resume(
        run, backend=None if backend == "auto" else backend, max_env_steps=given.get("ppo.max_env_steps")
    )


def _check_same(run: Run, config: RunConfig, given: dict[str, Any]) -> None:
    problems = []
    for path, value in given.items():
        section, _, name = path.rpartition(".")
        owner: Any = getattr(config, section) if section else config
        has = owner.get(name) if isinstance(owner, dict) else getattr(owner, name)
        if path in _CHANGEABLE or value == has or (path == "sim" and value == "auto"):
            continue
        if path == "ppo.seed" and value is None and run.has_drawn_seed:
            continue
        rule = f"contradicts run {run.id}, which has {path}={has}"
        problems.append(Problem(path, value, rule, "leave it out: only --backend and --max-env-steps can change"))
    if problems:
        raise ConfigError(problems)
