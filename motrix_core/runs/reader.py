"""Reading `events.jsonl`, during a run and after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from motrix_core.runs.lines import JsonLineReader

_MAX_STEPS = 2**53
_MAX_UPDATE = 2**31
_TAIL_BYTES = 128 << 10
_LONG_TAIL_BYTES = 2 << 20


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


class FastEventReader(EventReader):
    """Gives the same events at half the cost, for whoever reads whole files.

    It loads pydantic's parser, which the supervisor does without.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        from pydantic_core import from_json

        self._from_json = from_json

    def _parsed(self, line: bytes) -> Any:
        try:
            return self._from_json(line, allow_inf_nan=False)
        except ValueError:
            # It is damaged, or has NaN, half a surrogate pair or 200 levels, which only the other one takes.
            return super()._parsed(line)


class KindReader(EventReader):
    """Reads events of some `kinds` only, at a fraction of the cost: what is of another kind is not looked into."""

    def __init__(self, path: Path, *kinds: str) -> None:
        super().__init__(path)
        # EventWriter puts the type first.
        self._beginnings = tuple(f'{{"type":"{kind}",'.encode() for kind in kinds)

    def _value(self, line: bytes) -> dict[str, Any] | None:
        return super()._value(line) if line.startswith(self._beginnings) else None


def newest_events(path: Path) -> dict[str, dict[str, Any]]:
    """The newest event of each type among the last 128 KiB of `path`, oldest type first: cheap enough for a long list
    of runs. Empty if there is none; raises OSError if the file is there but cannot be read."""
    newest: dict[str, dict[str, Any]] = {}
    for event in _tail(path, _TAIL_BYTES):
        newest.pop(event["type"], None)
        newest[event["type"]] = event
    return newest


def newest_metrics(path: Path) -> list[dict[str, Any]]:
    """The metrics events among the last 128 KiB of `path`, oldest first. Raises OSError as `newest_events` does."""
    return [event for event in _tail(path, _TAIL_BYTES) if event["type"] == "metrics"]


def newest_number(path: Path, metric: str) -> float | None:
    """The newest value of `metric` that is not null, among the last 2 MiB of `path`: updates in which no episode ended
    have no return, and a long episode spans many. Raises OSError as `newest_events` does."""
    newest = None
    for event in _tail(path, _LONG_TAIL_BYTES):
        value = event["data"].get(metric) if event["type"] == "metrics" else None
        if type(value) is float or type(value) is int:
            newest = value
    return newest


def _tail(path: Path, size: int) -> Iterator[dict[str, Any]]:
    reader = EventReader(path)
    try:
        reader.start_at(max(0, Path(path).stat().st_size - size))
    except FileNotFoundError:
        return
    while not reader.at_end:
        yield from reader.poll()
