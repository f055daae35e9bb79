"""What is asked of an environment's options, `--set env.NAME=VALUE`, before it is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from motrix_core.errors import Problem, nearest


def unknown_option(name: str, value: object, env: str, known: Iterable[str]) -> Problem:
    """The problem that `env` has no option `name`, with the nearest of those that it has, or with all of them."""
    options = list(known)
    near = nearest(name, options)
    listed = ", ".join(f"env.{option}" for option in options) or "no options"
    mend = f"did you mean env.{near}?" if near else f"it has {listed}"
    return Problem(f"env.{name}", value, f"is not an option of {env}", mend)


def number_problems(
    options: Mapping[str, Any],
    name: str,
    rule: str,
    *,
    example: float,
    lower: float = 0.0,
    below: float = math.inf,
    whole: bool = False,
) -> list[Problem]:
    """The problem with the option `name`, unless it is left out or a number from `lower` to below `below`.

    `rule` says so in words, `example` is what to type instead.
    """
    if name not in options:
        return []
    value = options[name]
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, kinds) and not isinstance(value, bool) and lower <= value < below:
        return []
    return [Problem(f"env.{name}", value, rule, f"try {example:g}")]
