"""From raw values to a `RunConfig`, or to every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motrix_core.config import rules
from motrix_core.config.fields import known_fields
from motrix_core.config.keys import OPTIONS, flatten, is_known, nested, unknown_key
from motrix_core.config.schema import RunConfig
from motrix_core.config.setting import check_option
from motrix_core.config.text import InvalidValue, read_value, shown
from motrix_core.errors import ConfigError, Problem


def validate(
    values: Mapping[str, object], origins: Mapping[str, str] | None = None
) -> tuple[RunConfig | None, list[Problem]]:
    """The configuration that `values` (dotted path → typed value or text) make, or None and every problem.

    Paths that are left out take the schema's default. `origins` says where a value was read, for errors; paths
    that are not in it need no saying.
    """
    valid, problems = read_values(values, origins)
    if "env" not in values:
        problems.append(Problem("env", "", known_fields()["env"].rule, "motrix envs lists them"))
    problems += rules.check(_with_defaults(values, valid))
    return (None if problems else RunConfig.model_validate(nested(valid))), problems


def read_values(
    values: Mapping[str, object], origins: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """The valid ones of `values`, typed, and a problem for each of the others; every value on its own."""
    valid: dict[str, Any] = {}
    problems: list[Problem] = []
    for path, raw in values.items():
        try:
            if is_known(path):
                valid[path] = _read(path, raw)
            else:
                problems.append(_located(unknown_key(path, raw), path, origins))
        except InvalidValue as error:
            problem = Problem(shown(path), shown(raw), error.rule, error.mend)
            problems.append(_located(problem, path, origins))
    return valid, problems


def config_from(data: Mapping[str, Any], origin: str | None = None) -> RunConfig:
    """The `RunConfig` saved as `data`, nested as `model_dump` nests it. Raises `ConfigError` with every problem."""
    values = flatten(data)
    config, problems = validate(values, dict.fromkeys(values, origin) if origin else None)
    if config is None:
        raise ConfigError(problems)
    return config


def _read(path: str, raw: object) -> Any:
    if path in known_fields():
        return read_value(known_fields()[path], raw)
    return _read_option(path.removeprefix(f"{OPTIONS}."), raw)


def _read_option(name: str, raw: object) -> Any:
    try:
        check_option(name, raw)
    except ValueError as error:
        raise InvalidValue(str(error)) from error
    return raw


def _with_defaults(values: Mapping[str, object], valid: Mapping[str, Any]) -> dict[str, Any]:
    """What cross-field rules may look at: valid values, and the schema's defaults of those not given."""
    defaults = {path: field.default for path, field in known_fields().items() if path not in values}
    return {**defaults, **valid}


def _located(problem: Problem, path: str, origins: Mapping[str, str] | None) -> Problem:
    origin = (origins or {}).get(path)
    if not origin:
        return problem
    return Problem(problem.field, problem.value, f"{problem.rule} (from {origin})", problem.mend)
