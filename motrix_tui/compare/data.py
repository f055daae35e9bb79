"""Runs to compare, and what can be said about them. No Textual in here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import MotrixError
from motrix_core.runs.reader import FastEventReader
from motrix_core.runs.series import RunSeries
from motrix_core.runs.text import plain
from motrix_tui.monitor.panels import NO_CHART
from motrix_tui.text import BACKEND_TITLES
from motrix_tui.threads import IMPORTING

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_core.runs.series import Axis

FloatArray = NDArray[np.float64]
RETURN, SPEED = "return/mean", "perf/env_steps_per_s"
_SEED = "ppo.seed"
_GRID = 2000
_SHARE_OF_BEST = 0.9


@dataclass
class Compared:
    """One run: its settings by path and its series. `problem` says what could not be read."""

    run: Run
    settings: Mapping[str, Any]
    series: RunSeries
    problem: str = ""

    @property
    def label(self) -> str:
        """Backend and the end of the id, which tell runs of one environment apart in a legend."""
        return f"{self.title} {self.short_id}"

    @property
    def title(self) -> str:
        """The backend that the run was started with."""
        backend = str(self.settings.get("backend", self.run.backend))
        return plain(BACKEND_TITLES.get(backend, backend), limit=10)

    @property
    def short_id(self) -> str:
        return plain(self.run.id.rpartition("-")[2], limit=8)

    @property
    def group(self) -> tuple[tuple[str, str], ...]:
        """What runs have in common that differ in their seed only."""
        return tuple((path, repr(value)) for path, value in sorted(self.settings.items()) if path != _SEED)


@dataclass(frozen=True)
class Line:
    """A curve: x and y (n,). With `border_of` it is a border of the band around the curve of that label."""

    label: str
    x: FloatArray
    y: NDArray[np.floating]
    border_of: str = ""


@dataclass(frozen=True)
class Figures:
    """Of one run. `reached_s` and `reached_steps` are those of training at the threshold, None if it is not reached."""

    label: str
    best: float
    last: float
    steps_per_s: float
    reached_s: float | None
    reached_steps: float | None


def load(run: Run) -> Compared:
    """Everything about `run` that is compared. Reads all of its events; what cannot be read is in `problem`."""
    with IMPORTING:
        from motrix_core.config.keys import flatten

    series, reader = RunSeries(), FastEventReader(run.paths.events)
    settings: dict[str, Any] = {}
    problem = ""
    try:
        settings = flatten(run.record()["config"])
        while not reader.at_end:
            before = reader.restarts
            events = reader.poll()
            if reader.restarts != before:
                series.clear()
            series.extend(events)
    except (MotrixError, OSError) as error:
        problem = plain(error, limit=300)
    return Compared(run, settings, series, problem)


def differences(compared: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    """The settings that differ: path, and the value of each run ("–" where it has none)."""
    paths = sorted({path for item in compared for path in item.settings})
    rows = [(path, [_text(item.settings, path) for item in compared]) for path in paths]
    return [(path, values) for path, values in rows if len(set(values)) > 1]


def _text(settings: Mapping[str, Any], path: str) -> str:
    if path not in settings:
        return "–"
    value = settings[path]
    text = "-".join(map(str, value)) if isinstance(value, list) else f"{value:g}" if type(value) is float else value
    return plain(text, limit=60)


def metrics(compared: Sequence[Compared]) -> list[str]:
    """The metrics that any of the runs has, those that are looked at first in front."""
    names = {name for item in compared for name in item.series.names()} - NO_CHART
    first = [RETURN, "evaluation/return/mean", SPEED, "episode_length/mean", "policy/kl", "loss/value"]
    rest = sorted(name for name in names if name not in first and not name.endswith(("/min", "/max")))
    return [name for name in first if name in names] + rest


def lines(compared: Sequence[Compared], metric: str, axis: Axis, *, grouped: bool) -> list[Line]:
    """The curves of `metric`: one of each run, or the mean of each group of seeds with its lowest and highest."""
    if not grouped:
        found = []
        for item in compared:
            x, y = item.series.xy(metric, axis)
            if len(x):
                found.append(Line(item.label, x, y))
        return found
    groups: dict[tuple[tuple[str, str], ...], list[Compared]] = {}
    for item in compared:
        groups.setdefault(item.group, []).append(item)
    names = _names(list(groups.values()))
    return [
        line
        for name, members in zip(names, groups.values(), strict=True)
        for line in _band(name, members, metric, axis)
    ]


def _names(groups: Sequence[Sequence[Compared]]) -> list[str]:
    """What groups are called: by backend and number of seeds, with a part of an id only where that is not enough."""
    short = [f"{group[0].title} {len(group)} seeds" if len(group) > 1 else group[0].label for group in groups]
    return [
        f"{name} {group[0].short_id}" if short.count(name) > 1 else name
        for name, group in zip(short, groups, strict=True)
    ]


def _band(name: str, members: Sequence[Compared], metric: str, axis: Axis) -> list[Line]:
    curves = []
    for item in members:
        x, y = item.series.xy(metric, axis)
        known = np.isfinite(y)
        if known.any():
            curves.append((x[known], y[known]))
    if not curves:
        return []
    if len(curves) == 1:
        return [Line(name, *curves[0])]
    # Seeds do not end an update at the same second, nor report in each: they meet on the grid of the one with most.
    grid = max((x for x, _ in curves), key=len)
    if len(grid) > _GRID:
        grid = np.linspace(grid[0], grid[-1], _GRID)
    # Beyond the end of a shorter run there is no value of it; a mean of fewer seeds would jump.
    last = min(x[-1] for x, _ in curves)
    grid = grid[(grid >= max(x[0] for x, _ in curves)) & (grid <= last)]
    values = np.array([np.interp(grid, x, y) for x, y in curves])
    if not len(grid):
        return []
    return [
        Line(f"{name} low", grid, values.min(axis=0), border_of=name),
        Line(f"{name} high", grid, values.max(axis=0), border_of=name),
        Line(name, grid, values.mean(axis=0)),
    ]


def threshold(compared: Sequence[Compared]) -> float:
    """A return that a good run reaches: nine tenths of the way from the lowest first to the best; NaN if unknown."""
    values = [y[np.isfinite(y)] for y in (item.series.xy(RETURN)[1] for item in compared)]
    known = [y for y in values if len(y)]
    if not known:
        return math.nan
    low, high = min(float(y[0]) for y in known), max(float(y.max()) for y in known)
    return low + _SHARE_OF_BEST * (high - low)


def figures(compared: Sequence[Compared]) -> list[Figures]:
    """Of every run, with the threshold that all have in common."""
    wanted = threshold(compared)
    return [_figures(item, wanted) for item in compared]


def _figures(item: Compared, wanted: float) -> Figures:
    steps, y = item.series.xy(RETURN)
    seconds = item.series.xy(RETURN, "time")[0]
    speed = item.series.xy(SPEED)[1]
    known = y[np.isfinite(y)]
    with np.errstate(invalid="ignore"):
        reached = np.flatnonzero(y >= wanted)
    return Figures(
        label=item.label,
        best=float(known.max()) if len(known) else math.nan,
        last=float(known[-1]) if len(known) else math.nan,
        steps_per_s=float(np.nanmedian(speed)) if np.isfinite(speed).any() else math.nan,
        reached_s=float(seconds[reached[0]]) if len(reached) else None,
        reached_steps=float(steps[reached[0]]) if len(reached) else None,
    )
