"""What the schema's fields are made of: their visible properties, their types, their checks."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

Group = Literal["Run", "Budget", "Rollout", "Optimise", "Loss", "Network"]

ENV_RULE = (
    "must be an environment's name: 1 to 100 of the characters A-Z a-z 0-9 _ . : -, "
    "starting with a letter or digit, without '..'"
)
OPTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
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


def _typed_number(value: object) -> object:
    # pydantic would read True as 1 and "12" as 12; a number has one spelling per place, see `text`.
    if isinstance(value, bool | str | bytes):
        raise ValueError("must be a number")
    return value


def check_env_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", value) or ".." in value:
        raise ValueError(ENV_RULE)
    return value


def check_env_options(options: dict[str, OptionValue]) -> dict[str, OptionValue]:
    for name, value in options.items():
        if not OPTION_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not an option's name: letters, digits and _")
        if isinstance(value, str) and (len(value) > 1000 or not value.isprintable()):
            raise ValueError(f"{name} must be printable text of at most 1000 characters")
    return options


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
