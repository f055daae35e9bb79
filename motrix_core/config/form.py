"""What a form of the configuration needs: fields, text in and out, errors, derived numbers, the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from motrix_core.config.fields import FormField, field_at, form_fields, known_fields
from motrix_core.config.files import from_toml, parse_toml, to_toml
from motrix_core.config.keys import OPTIONS
from motrix_core.config.own import default_ppo, is_known_here
from motrix_core.config.registry import BACKENDS
from motrix_core.config.schema import PPOCfg, RunConfig
from motrix_core.config.text import InvalidValue, format_option, format_value, parse_option, parse_value, shown
from motrix_core.config.validate import validate
from motrix_core.errors import Problem, UsageError

__all__ = [
    "Derived",
    "FormField",
    "command_line",
    "default_values",
    "derived",
    "field_at",
    "form_fields",
    "format_value",
    "from_toml",
    "parse_toml",
    "parse_value",
    "to_toml",
    "validate_form",
]

Defaults = Callable[[str, str], PPOCfg]
"""Gives the hyperparameters that an environment starts from on a backend, and raises as `default_ppo` does."""

_FLAGS = {"ppo.num_envs": "--num-envs", "ppo.seed": "--seed", "ppo.max_env_steps": "--max-env-steps"}


@dataclass(frozen=True)
class Derived:
    """Numbers that follow from a configuration. A budget is rounded up to whole updates, never down."""

    samples_per_update: int
    mini_batch_size: int
    updates: int
    env_steps: int
    """What is really trained: `updates * samples_per_update`."""


def derived(config: RunConfig) -> Derived:
    """The numbers that follow from `config`."""
    ppo = config.ppo
    samples = ppo.rollouts * ppo.num_envs
    updates = -(-ppo.max_env_steps // samples)
    return Derived(samples, samples // ppo.mini_batches, updates, updates * samples)


def default_values(env: str, backend: str, defaults: Defaults = default_ppo) -> dict[str, Any]:
    """What each field of the form holds before anyone changes it, by path. Raises as `defaults` does."""
    ppo = defaults(env, backend)
    return {
        field.path: getattr(ppo, field.name) if field.path.startswith("ppo.") else field.default
        for field in form_fields()
    }


def validate_form(
    env: str, backend: str, sim: str, texts: Mapping[str, str], defaults: Defaults = default_ppo
) -> tuple[RunConfig | None, list[Problem]]:
    """The configuration that a form's `texts` (by path) make, or None and every problem at once.

    Fields that are left out hold the `defaults` of `env` on `backend`. An environment's options are texts by
    `env_options.NAME`, as `--set env.NAME=` takes them. Never raises, whatever the texts.
    """
    problems: list[Problem] = []
    standard: Mapping[str, Any] = {}
    try:
        standard = default_values(env, backend, defaults)
    except UsageError as error:
        path = "env" if backend in BACKENDS else "backend"
        value = env if path == "env" else backend
        problems.append(Problem(path, shown(value), error.message, error.mend))
    options: dict[str, Any] = {}
    for path in (path for path in texts if path.startswith(f"{OPTIONS}.")):
        try:
            options[path] = parse_option(texts[path])
        except InvalidValue as error:
            problems.append(Problem(shown(path), shown(texts[path]), error.rule, error.mend))
    config, found = validate({**standard, **texts, **options, "env": env, "backend": backend, "sim": sim})
    problems += [problem for problem in found if problem.field not in {known.field for known in problems}]
    return (None if problems else config), problems


def command_line(config: RunConfig, defaults: Defaults | None = None) -> list[str]:
    """The command that starts the same run, as a list of arguments: what differs from the defaults is spelled out.

    With backend "auto" a value is spelled out if it differs from any backend's default. For an environment of a user's
    file or folder every hyperparameter is, unless `defaults` knows what the environment starts from.
    """
    argv = ["motrix-tui", "--run", "--env", config.env, "--backend", config.backend]
    paths = {"--env-module": config.env_module, "--env-path": config.env_path, "--init-from": config.init_from}
    for flag, path in paths.items():
        argv += [flag, path] if path is not None else []
    if config.sim != "auto":
        argv += ["--sim", config.sim]
    for path, value in _changed(config, defaults).items():
        text = format_value(known_fields()[path], value)
        if path == "ppo.seed" and value is None:
            argv += ["--rand-seed"]
        elif path in _FLAGS:
            argv += [_FLAGS[path], text]
        else:
            argv += ["--set", f"{path}={text}"]
    for name, value in config.env_options.items():
        argv += ["--set", f"env.{name}={format_option(value)}"]
    return argv


def _changed(config: RunConfig, defaults: Defaults | None) -> dict[str, Any]:
    """The form's values of `config` that a run of its environment and backend would not have by itself."""
    current = {
        field.path: getattr(getattr(config, field.path.partition(".")[0]), field.name) for field in form_fields()
    }
    # Reading a user's own file would execute it; then every value that it may have a say in is spelled out.
    is_foreign = config.env_module or config.env_path or not is_known_here(config.env)
    if defaults is None and is_foreign:
        return {path: value for path, value in current.items() if path[:4] == "ppo." or value != field_at(path).default}
    backends = BACKENDS if config.backend == "auto" else (config.backend,)
    standards = []
    for backend in backends:
        try:
            standards.append(default_values(config.env, backend, defaults or default_ppo))
        except UsageError:
            # Registered for the other backend only: nothing to leave out.
            return current
    return {path: value for path, value in current.items() if any(value != d[path] for d in standards)}
