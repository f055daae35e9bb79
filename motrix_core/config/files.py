"""Configuration files: TOML written by people or by us, and the `config.json` of a run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import tomli_w

from motrix_core.config.fields import known_fields
from motrix_core.config.keys import flatten
from motrix_core.config.own import SOURCE_FIELDS, default_ppo
from motrix_core.config.schema import RunConfig
from motrix_core.config.text import format_value
from motrix_core.config.validate import validate
from motrix_core.envs.source import EnvSource
from motrix_core.errors import ConfigError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADER = (
    "# A configuration of motrix-tui: motrix run --config THIS_FILE. docs/configuration.md explains the settings.\n"
)


def read_config_file(path: Path) -> dict[str, Any]:
    """The settings in `path` by dotted path, not yet validated.

    Takes a `.toml` file, and a `.json` file such as a run's `config.json`. Raises `UsageError` with file, line
    and column for what is not TOML or JSON.
    """
    suffix = path.suffix.lower()
    if suffix not in (".toml", ".json"):
        raise UsageError(f"--config {path} must be a .toml file, or a run's config.json")
    text = _read_text(path)
    return parse_json(text, str(path)) if suffix == ".json" else parse_toml(text, str(path))


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The settings in TOML `text` by dotted path; `name` stands for the file in errors (`UsageError`)."""
    try:
        return flatten(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        _malformed(name, *_place_in_toml(str(error), text), error)
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or thousands of brackets: Python refuses, and knows no place.
        raise UsageError(f"{name} is not valid TOML: {error}", mend="correct it and try again") from error


def parse_json(text: str, name: str) -> dict[str, Any]:
    """The settings in JSON `text` by dotted path, alone or as "config" beside other records of a run."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        _malformed(name, error.msg, error.lineno, error.colno, error)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not valid JSON: {error}", mend="correct it and try again") from error
    if isinstance(data, dict) and isinstance(data.get("config"), dict):
        data = data["config"]
    if not isinstance(data, dict):
        raise UsageError(f"{name} must hold a JSON object, not a {type(data).__name__}")
    return flatten(data)


def to_toml(config: RunConfig) -> str:
    """All of `config` as a TOML file that `--config` and `from_toml` accept."""
    data = config.model_dump()
    for path, field in known_fields().items():
        section, _, name = path.rpartition(".")
        table = data[section] if section else data
        # TOML has no null; a path that was not given is left out.
        if table[name] is None and field.kind == "text":
            del table[name]
        elif table[name] is None:
            table[name] = format_value(field, None)
    if not data["env_options"]:
        del data["env_options"]
    return _HEADER + tomli_w.dumps(data)


def from_toml(text: str, name: str = "the TOML text") -> RunConfig:
    """The configuration in TOML `text`; settings that it leaves out take the environment's defaults.

    Raises `UsageError` for malformed TOML and `ConfigError` with every problem.
    """
    values = parse_toml(text, name)
    config, problems = validate({**env_defaults(values), **values}, dict.fromkeys(values, name))
    if config is None:
        raise ConfigError(problems)
    return config


def env_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """The default hyperparameters, by path, for the `env` and `backend` in `values`; none without both.

    Raises as `default_ppo` does if `values` names an environment that has none.
    """
    env, backend = values.get("env"), values.get("backend")
    if not isinstance(env, str) or backend not in ("jax", "torch"):
        return {}
    source = EnvSource(*(text if isinstance(text := values.get(name), str) else None for name in SOURCE_FIELDS))
    ppo = default_ppo(env, backend, source)
    return {f"ppo.{name}": getattr(ppo, name) for name in type(ppo).model_fields}


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"--config {path} does not exist") from error
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            line = error.object[: error.start].count(b"\n") + 1
            raise UsageError(f"{path}, line {line}: not UTF-8 text", mend="save it as UTF-8") from error
        raise UsageError(f"--config {path} cannot be read: {error}") from error


def _place_in_toml(message: str, text: str) -> tuple[str, int, int]:
    place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if place:
        return message[: place.start()], int(place[1]), int(place[2])
    lines = text.split("\n")
    return message.removesuffix(" (at end of document)"), len(lines), len(lines[-1]) + 1


def _malformed(name: str, message: str, line: int, column: int, error: Exception) -> NoReturn:
    raise UsageError(
        f"{name}, line {line}, column {column}: {message}", mend="correct the file and try again"
    ) from error
