"""What the schema's fields are made of: their visible properties, their types, their checks."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

Group = Literal["Run", "Budget", "Rollout", "Optimise", "Loss", "Network"]

PATH_RULE = "must be a path of 1 to 4096 printable characters"
OptionValue = bool | int | float | str


def setting(
    default: Any,
    *,
    title: str,
    help: str,
    group: Group,
    unit: str = "",
    lower: float | None = None,
    upper: float | None = None,
    advanced: bool = False,
    none_text: str | None = None,
    only: str | None = None,
) -> Any:
    """A field with all that people see of it.

    `lower` and `upper` are inclusive and, for a field of layer sizes, hold for each size. `none_text` is how
    people write None. `only` says why a field admits a single value.
    """
    extra = {
        "group": group,
        "unit": unit,
        "lower": lower,
        "upper": upper,
        "advanced": advanced,
        "none_text": none_text,
        "only": only,
    }
    numeric = not isinstance(default, bool | tuple | str)
    bounds: dict[str, Any] = {"ge": lower, "le": upper} if numeric else {}
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


def path_setting(title: str, help: str) -> Any:
    """A field of type `OptionalPath`, which is beside the form."""
    return setting(None, title=title, help=help, group="Run", none_text="none")


def _typed_number(value: object) -> object:
    # pydantic would read True as 1 and "12" as 12; a number has one spelling per place, see `text`.
    if isinstance(value, bool | str | bytes):
        raise ValueError("must be a number")
    return value


def check_path(value: str | None) -> str | None:
    """`value` as it is. Raises `ValueError` for what cannot be a path; whether it is there is not looked at."""
    if value is not None and not (0 < len(value) <= 4096 and value.isprintable()):
        raise ValueError(PATH_RULE)
    return value


def check_option(name: str, value: object) -> None:
    """Raises `ValueError` unless `name` and `value` can be an environment's option."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise ValueError("must be named by 1 to 64 letters, digits and _, as in env.NAME=VALUE")
    if isinstance(value, str):
        if len(value) > 1000 or not value.isprintable():
            raise ValueError("must be printable text of at most 1000 characters")
    elif isinstance(value, int):
        if abs(value) >= 2**63:
            raise ValueError("must be a whole number of at most 64 bits")
    elif not isinstance(value, float) or not math.isfinite(value):
        raise ValueError("must be true, false, a finite number or text")


def check_env_options(options: dict[str, OptionValue]) -> dict[str, OptionValue]:
    """`options` as they are. Raises `ValueError` for the first that cannot be one."""
    for name, value in options.items():
        try:
            check_option(name, value)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error
    return options


OptionalPath = Annotated[str | None, AfterValidator(check_path)]
Whole = Annotated[int, BeforeValidator(_typed_number)]
Real = Annotated[float, BeforeValidator(_typed_number)]
Flag = Annotated[bool, Field(strict=True)]
LayerSize = Annotated[int, BeforeValidator(_typed_number), Field(ge=1, le=16_384)]
LayerSizes = Annotated[tuple[LayerSize, ...], Field(min_length=1, max_length=16)]


def folder_name(env: str) -> str:
    """The name of `env`'s folder below the runs folder: what file systems dislike becomes "+".

    `gym:ALE/Pong-v5` is `gym+ALE+Pong-v5`. Never empty, hidden or a path of several parts.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "+", env).lstrip(".")
    return name or "+"
