"""Reading `events.jsonl`, during a run and after it."""

from __future__ import annotations

from typing import Any

from motrix_core.runs.lines import JsonLineReader

_MAX_STEPS = 2**53
_MAX_UPDATE = 2**31


class EventReader(JsonLineReader):
    """Reads events; see JsonLineReader for `poll`, `corrupt`, `restarts` and `at_end`.

    Every event that it gives has a text `type`, a finite `time`, whole `env_steps` and `update` ≥ 0 (below 2^53 and
    2^31) and an object `data`. Types that this version does not know are passed on.
    """

    def accepts(self, value: dict[str, Any]) -> bool:
        moment, env_steps, update = value.get("time"), value.get("env_steps"), value.get("update")
        return (
            type(value.get("type")) is str
            and (type(moment) is float or type(moment) is int)
            and abs(moment) < _MAX_STEPS
            and type(env_steps) is int
            and 0 <= env_steps < _MAX_STEPS
            and type(update) is int
            and 0 <= update < _MAX_UPDATE
            and type(value.get("data")) is dict
        )
