"""Where a configuration's values come from, and which of them wins.

Flags, then `--set`, then the file, then environment variables, then the environment's registered defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from motrix_core.config import rules
from motrix_core.config.fields import known_fields
from motrix_core.config.files import read_config_file
from motrix_core.config.keys import OPTIONS, canonical
from motrix_core.config.own import SOURCE_FIELDS, default_ppo
from motrix_core.config.schema import RunConfig
from motrix_core.config.text import InvalidValue, parse_option, read_value, shown
from motrix_core.config.validate import read_values, validate
from motrix_core.envs.source import EnvSource
from motrix_core.errors import ConfigError, Problem

ENVIRONMENT_VARIABLES = {"backend": "MOTRIX_BACKEND", "sim": "MOTRIX_SIM"}
_PATH_FIELDS = (*SOURCE_FIELDS, "init_from")


@dataclass(frozen=True)
class Effective:
    """A configuration and, for every path in it, who said so.

    `sources` values: "flag", "--set", "file X", "environment variable Y", "registry default" for the
    environment's hyperparameters, "default" for the rest, "automatic selection".
    """

    config: RunConfig
    sources: dict[str, str]


@dataclass(frozen=True)
class ConfigSources:
    """Everything a person said, before it is known what it adds up to.

    `file` is a TOML file or a run's `config.json`; `sets` are KEY=VALUE texts, of which the last one for a key
    counts; `flags` maps dotted paths to the values (text or typed) of the flags that were given; `environ` are
    the environment variables.
    """

    file: Path | None = None
    sets: Sequence[str] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def wanted(self, name: str) -> str | None:
        """What was asked for as "env", "backend" or "sim", or None.

        Raises `UsageError` for an unreadable file, and `ConfigError` if this value is not one it can have, together
        with all other problems that show before the backend is chosen.
        """
        if name not in self._given:
            return None
        if any(problem.field == name for problem in self._early_problems):
            raise ConfigError(self._early_problems)
        return read_value(known_fields()[name], self._given[name])

    @property
    def source(self) -> EnvSource:
        """Where the environment comes from besides the catalog. Raises as `wanted` does."""
        named = {name: self.wanted(name) for name in SOURCE_FIELDS}
        if problems := rules.check(named):
            raise ConfigError(problems)
        return EnvSource(*named.values())

    @property
    def env_options(self) -> dict[str, Any]:
        """The environment's options that were given. Raises as `given` does."""
        return {path[len(OPTIONS) + 1 :]: value for path, value in self.given().items() if path in self._option_paths}

    def given(self) -> dict[str, Any]:
        """Every value that was said, typed, by path; nothing is filled in.

        Raises `ConfigError` with every value that its field cannot have, `UsageError` for an unreadable file.
        """
        if self._early_problems:
            raise ConfigError(self._early_problems)
        return read_values(self._given, self._places)[0]

    def build(self, env: str, backend: str, sim: str | None = None) -> Effective:
        """The configuration for `env` on `backend` ("jax" or "torch"), and `sim` where it was selected.

        Raises `ConfigError` with every problem of every source, `UsageError` for an unreadable file, and as
        `default_ppo` does for an environment without default hyperparameters.
        """
        ppo = default_ppo(env, backend, self.source)
        values = {f"ppo.{name}": getattr(ppo, name) for name in type(ppo).model_fields}
        sources = dict.fromkeys(known_fields(), "default") | dict.fromkeys(values, "registry default")
        values.update(self._given)
        sources.update(self._origins)
        for name, selected in (("env", env), ("backend", backend), ("sim", sim)):
            if selected is not None:
                values[name] = selected
                if self._given.get(name) != selected:
                    sources[name] = "automatic selection"
        config, problems = validate(values, self._places)
        if config is None or self._bad_sets:
            raise ConfigError([*self._bad_sets, *problems])
        return Effective(config, {path: sources[path] for path in (*known_fields(), *self._option_paths)})

    @cached_property
    def _layers(self) -> list[tuple[str, Mapping[str, Any]]]:
        """(source, path → raw value), strongest first."""
        from_environ = {
            name: (variable, self.environ[variable])
            for name, variable in ENVIRONMENT_VARIABLES.items()
            if self.environ.get(variable)
        }
        return [
            ("flag", _absolute({canonical(path): value for path, value in self.flags.items()}, Path.cwd())),
            ("--set", _absolute(self._sets[0], Path.cwd())),
            *([(f"file {self.file}", self._file)] if self.file is not None else []),
            *((f"environment variable {name}", {path: value}) for path, (name, value) in from_environ.items()),
        ]

    @property
    def _file(self) -> Mapping[str, Any]:
        assert self.file is not None
        return file_values(self.file)

    @cached_property
    def _sets(self) -> tuple[dict[str, Any], list[Problem]]:
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for text in self.sets:
            key, equals, value = text.partition("=")
            path = canonical(key)
            if not equals or not path:
                problems.append(Problem("--set", shown(text), "must be KEY=VALUE", "try ppo.seed=1"))
                continue
            try:
                values[path] = parse_option(value) if path.startswith(f"{OPTIONS}.") else value
            except InvalidValue as error:
                problems.append(Problem(shown(path), shown(value), error.rule, error.mend))
        return values, problems

    @property
    def _bad_sets(self) -> list[Problem]:
        return self._sets[1]

    @cached_property
    def _given(self) -> dict[str, Any]:
        return {path: value for _, values in reversed(self._layers) for path, value in values.items()}

    @cached_property
    def _origins(self) -> dict[str, str]:
        return {path: origin for origin, values in reversed(self._layers) for path in values}

    @cached_property
    def _places(self) -> dict[str, str]:
        """Origins that an error has to name because they are not on the command line."""
        return {path: origin for path, origin in self._origins.items() if origin not in ("flag", "--set")}

    @cached_property
    def _early_problems(self) -> list[Problem]:
        # Rules between settings have to wait for the environment's defaults.
        return [*self._bad_sets, *read_values(self._given, self._places)[1]]

    @property
    def _option_paths(self) -> list[str]:
        return [path for path in self._given if path.startswith(f"{OPTIONS}.")]


def file_values(path: Path) -> dict[str, Any]:
    """The settings in the configuration file `path` by dotted path, not yet validated. Raises `UsageError`."""
    # A path in a file is seen from the file, so that the two can be moved together.
    return _absolute(read_config_file(path), path.absolute().parent)


def _absolute(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """`values` with the paths among them seen from `folder`; what cannot be a path is left to validation."""
    return {
        path: _seen_from(folder, value) if path in _PATH_FIELDS and isinstance(value, str) else value
        for path, value in values.items()
    }


def _seen_from(folder: Path, text: str) -> str:
    if text.strip().casefold() in ("", "none") or not text.isprintable():
        return text
    try:
        return str((folder / Path(text).expanduser()).resolve())
    except (RuntimeError, OSError):
        return text
