"""What an environment may be called: the same in a configuration, in the catalog and in a file of the user's."""

from __future__ import annotations

import re

from motrix_core.envs.source import GYMNASIUM

ENV_RULE = (
    "must be an environment's name: 1 to 100 of the characters A-Z a-z 0-9 _ . : -, "
    "starting with a letter or digit, without '..'; after 'gym:' also /"
)


def check_env_name(value: str) -> str:
    """`value` as it is. Raises `ValueError` unless it can name an environment."""
    slash = "/" if value.startswith(GYMNASIUM) else ""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_.:{slash}-]{{0,99}}", value) or ".." in value:
        raise ValueError(ENV_RULE)
    return value
