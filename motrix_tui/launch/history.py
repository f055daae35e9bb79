"""How long a training would take, from the last run of its kind on this machine."""

from __future__ import annotations

import math
import statistics
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import MotrixError
from motrix_tui.text import ago

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig
    from motrix_core.runs.layout import Run, RunSummary
    from motrix_core.runs.state import RunState

_SPEED = "perf/env_steps_per_s"
# Beyond twice or half the size, caches and launches weigh otherwise and the old speed says little.
_MOST_UNLIKE = 1.0
# What begins a training: imports, compilation. More than this is a pause, which the next run will not have.
_LONGEST_START_S = 60.0
_FEWEST_UPDATES = 3
_MOST_LOOKED_AT = 200


@dataclass(frozen=True)
class Workload:
    """What decides how fast a training goes. `kind` must be the same; `sizes` may differ a little."""

    kind: tuple[Any, ...]
    sizes: tuple[float, ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Workload | None:
        """From settings by dotted path, as config.json has them; None if some are missing or no numbers."""
        kind = ("env", "backend", "sim", "env_module", "env_path", "train.engine", "train.device", "train.threads")
        try:
            policy, value = settings["ppo.policy_hidden_layer_sizes"], settings["ppo.value_hidden_layer_sizes"]
            shared = bool(settings["ppo.share_policy_value_features"])
            sizes = (
                float(settings["ppo.num_envs"]),
                float(settings["ppo.learning_epochs"]),
                float(_weights(policy) + (0 if shared else _weights(value))),
            )
            options = {path: value for path, value in settings.items() if path.startswith("env_options.")}
            same = (*(settings.get(path) for path in kind), options, shared)
        except (KeyError, TypeError, ValueError):
            return None
        return cls(same, sizes) if all(size > 0 and math.isfinite(size) for size in sizes) else None

    def unlike(self, other: Workload) -> float:
        """0 for the same work, infinite for work that cannot be compared, else the largest power of two between
        their sizes."""
        if self.kind != other.kind:
            return math.inf
        unlike = max(abs(math.log2(a / b)) for a, b in zip(self.sizes, other.sizes, strict=True))
        return unlike if unlike <= _MOST_UNLIKE else math.inf


def _weights(hidden: Sequence[int]) -> int:
    return sum(inputs * units for inputs, units in pairwise((1, *hidden, 1)))


@dataclass(frozen=True)
class Pace:
    """How a training went: `speed` in env steps per second, after `start_s` seconds until it did that."""

    speed: float
    start_s: float

    @classmethod
    def measured(cls, env_steps: int, elapsed_s: float, speeds: Sequence[float]) -> Pace | None:
        """From how far a run came, how long its trainers ran, and the speed of its newest updates; None if that is too
        little to go by."""
        known = [speed for speed in speeds if speed > 0 and math.isfinite(speed)]
        if len(known) < _FEWEST_UPDATES or env_steps <= 0 or elapsed_s <= 0:
            return None
        speed = statistics.median(known)
        return cls(speed, min(max(0.0, elapsed_s - env_steps / speed), _LONGEST_START_S))

    def seconds(self, env_steps: int) -> float:
        """How long `env_steps` take at this pace."""
        return self.start_s + env_steps / self.speed


@dataclass(frozen=True)
class Estimate:
    """`seconds` is how long a training would take, by `run`, which ended at `ended_at`, Unix seconds."""

    seconds: float
    run: Run
    ended_at: float

    def words(self, now: float) -> str:
        """≈ 2 min, from run 3f2a 5 h ago"""
        past = ago(now - self.ended_at)
        when = "just now" if past == "now" else f"{past} ago"
        return f"≈ {roughly(self.seconds)}, from run {self.run.id.rpartition('-')[2]} {when}"


def roughly(seconds: float) -> str:
    """A duration with no more digits than an estimate has: 45 s, 2 min, 1 h 20 min, 3 d."""
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    tens = round(seconds / 600)
    if tens < 48 * 6:
        hours, rest = divmod(tens, 6)
        return f"{hours} h {rest}0 min" if rest else f"{hours} h"
    return f"{round(seconds / 86_400)} d"


class History:
    """What a runs folder says about durations. Blocks; what it has read of a run that is over is read once."""

    def __init__(self) -> None:
        self._workloads: dict[Path, Workload | None] = {}
        self._paces: dict[Path, tuple[float, Pace | None]] = {}
        # An estimate that nobody waits for any more may still be at it when the next one is asked for.
        self._lock = threading.Lock()

    def estimate(self, config: RunConfig, env_steps: int, runs: Sequence[RunSummary]) -> Estimate | None:
        """How long `env_steps` of `config` take, by the newest of `runs` (newest first) that did the same work, else
        by the newest that did nearly the same; None if there is none."""
        from motrix_core.config.keys import flatten

        wanted = Workload.of(flatten(config.model_dump(mode="json")))
        if wanted is None:
            return None
        with self._lock:
            return self._estimate(wanted, env_steps, _candidates(config, runs))

    def _estimate(self, wanted: Workload, env_steps: int, candidates: Sequence[RunSummary]) -> Estimate | None:
        similar: Estimate | None = None
        for summary in candidates:
            workload = self._workload(summary.run)
            unlike = wanted.unlike(workload) if workload is not None else math.inf
            if math.isinf(unlike) or (similar is not None and unlike > 0):
                continue
            assert summary.state is not None
            pace = self._pace(summary.run, summary.state)
            if pace is None:
                continue
            found = Estimate(pace.seconds(env_steps), summary.run, summary.state.updated_at)
            if unlike == 0:
                return found
            similar = found
        return similar

    def _workload(self, run: Run) -> Workload | None:
        from motrix_core.config.keys import flatten

        if run.path not in self._workloads:
            try:
                self._workloads[run.path] = Workload.of(flatten(run.record()["config"]))
            except MotrixError:
                self._workloads[run.path] = None
        return self._workloads[run.path]

    def _pace(self, run: Run, state: RunState) -> Pace | None:
        known = self._paces.get(run.path)
        # A run that was continued since has another one.
        if known is None or known[0] != state.updated_at:
            known = self._paces[run.path] = (state.updated_at, _pace_of(run, state))
        return known[1]


def _candidates(config: RunConfig, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Runs of `config`'s environment that its backend alone has trained, here, and that are over; the newest ones."""
    from motrix_core.config.setting import folder_name

    folder = folder_name(config.env)
    fitting = (
        summary
        for summary in runs
        if summary.run.env == folder
        and summary.state is not None
        and summary.state.is_final
        and summary.state.is_here
        and {segment.backend for segment in summary.state.segments} == {config.backend}
    )
    return [summary for summary, _ in zip(fitting, range(_MOST_LOOKED_AT), strict=False)]


def _pace_of(run: Run, state: RunState) -> Pace | None:
    from motrix_core.runs.reader import newest_metrics

    try:
        metrics = newest_metrics(run.paths.events)
    except OSError:
        return None
    if not metrics:
        return None
    speeds = [value for event in metrics if isinstance(value := event["data"].get(_SPEED), int | float)]
    return Pace.measured(metrics[-1]["env_steps"], state.elapsed_s, speeds)
