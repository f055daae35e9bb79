"""The filter of Runs: words, words for one column, and numbers: `env:cartpole lr>=1e-3 status:failed`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motrix_tui.runs_table.rows import COLUMNS, NUMBERS, Row

_COMPARISON = re.compile(r"([a-z_][a-z0-9_./-]*)(>=|<=|!=|>|<|=)(.*)", re.ASCII)
_NUMBER = re.compile(r"([+-]?(?:\d+(?:_\d+)*)?(?:\.\d*)?(?:e[+-]?\d{1,3})?)(k|m|g|s|min|h|d)?", re.ASCII)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_UNITS = {None: 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_COLUMNS = {column.name for column in COLUMNS} | {"tag", "note"}
_TITLES = {"return": "last", "steps/s": "speed", "environment": "env", "run": "id"}

Settings = Mapping[Path, Mapping[str, Any]]
"""Settings by path of each run, by its folder."""


@dataclass(frozen=True)
class Comparison:
    """`name` is that of a column with numbers, or a setting's, in any of the spellings that people use."""

    name: str
    sign: str
    wanted: str

    @property
    def is_setting(self) -> bool:
        return self.name not in NUMBERS

    def holds(self, value: object) -> bool:
        """Whether `value`, of the run, compares as wanted. A value that cannot be compared, or none, does not."""
        number = number_in(self.wanted)
        if number is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
            return _OPERATORS[self.sign](float(value), number)
        if value is None or self.sign not in ("=", "!="):
            return False
        text = "-".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        return _OPERATORS[self.sign](text.lower(), self.wanted)


@dataclass(frozen=True)
class Filter:
    """A query, read once for all rows. `settings` are the names of settings that it needs."""

    words: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    comparisons: tuple[Comparison, ...] = ()

    @property
    def settings(self) -> frozenset[str]:
        return frozenset(item.name for item in self.comparisons if item.is_setting)

    def keeps(self, row: Row, settings: Settings, paths: Mapping[str, str | None]) -> bool:
        """Whether every word of the query fits `row`; `paths` are those of the settings by the name that was typed."""
        return (
            all(word in row.words for word in self.words)
            and all(wanted in row.texts[name].lower() for name, wanted in self.columns)
            and all(item.holds(self._value(item, row, settings, paths)) for item in self.comparisons)
        )

    def _value(self, item: Comparison, row: Row, settings: Settings, paths: Mapping[str, str | None]) -> object:
        if not item.is_setting:
            return row.number(item.name)
        known = settings.get(row.summary.run.path, {})
        return known.get(paths.get(item.name) or item.name)


def read_filter(query: str) -> Filter:
    """The filter that `query` means. A comparison whose value is not typed yet says nothing."""
    words: list[str] = []
    columns: list[tuple[str, str]] = []
    comparisons: list[Comparison] = []
    for word in query.lower().split():
        match = _COMPARISON.fullmatch(word)
        name, colon, wanted = word.partition(":")
        name = _TITLES.get(name, name)
        if match:
            if match[3]:
                comparisons.append(Comparison(_TITLES.get(match[1], match[1]), match[2], match[3]))
        elif colon and name in _COLUMNS:
            columns.append((name, wanted))
        else:
            words.append(word)
    return Filter(tuple(words), tuple(columns), tuple(comparisons))


def number_in(text: str) -> float | None:
    """The number that `text` is: 3e-4, 10m, 1k, 2_048, or a time such as 90s, 5min, 2h, 1d; None if it is none."""
    match = _NUMBER.fullmatch(text)
    try:
        return float(match[1]) * _UNITS[match[2]] if match else None
    except ValueError:
        return None
