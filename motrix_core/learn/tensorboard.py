"""The TensorBoard mirror of `metrics` events, with skrl's tag names.

The x axis is skrl's: batched steps. Metrics that skrl does not have keep their own names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from motrix_core.learn.metrics import Metrics

FLUSH_S = 5
"""Longest time that a value waits in memory. TensorBoard's default is 120 s."""

_TAGS = {
    "loss/policy": "Loss / Policy loss",
    "loss/value": "Loss / Value loss",
    "loss/entropy": "Loss / Entropy loss",
    "policy/std": "Policy / Standard deviation",
    "optim/learning_rate": "Learning / Learning rate",
    "time/update_ms": "Stats / Algorithm update time (ms)",
    "time/inference_ms": "Stats / Inference time (ms)",
}
_SPREAD_TAGS = {
    "return": "Reward / Total reward",
    "step_reward": "Reward / Instantaneous reward",
    "episode_length": "Episode / Total timesteps",
}
_PREFIX_TAGS = {"reward": "Reward Instant", "metric": "metrics"}


def tag(name: str) -> str:
    """The tag of the metric `name`: skrl's if skrl has it, MotrixLab's for reward terms and metrics."""
    if name in _TAGS:
        return _TAGS[name]
    stem, _, kind = name.rpartition("/")
    if kind not in ("mean", "min", "max"):
        return name
    if stem in _SPREAD_TAGS:
        return f"{_SPREAD_TAGS[stem]} ({kind})"
    prefix, _, term = stem.partition("/")
    if term and prefix in _PREFIX_TAGS:
        return f"{_PREFIX_TAGS[prefix]} / {term} ({kind})"
    return name


class TensorBoardMirror:
    """Writes metrics to a folder that TensorBoard reads.

    The events are the truth and this is a copy: when the disk does not take it, it is given up, `on_lost` is told why,
    and training goes on without it.
    """

    def __init__(self, folder: Path, on_lost: Callable[[str], None]) -> None:
        # Imported here: TensorBoard is needed by the trainer process alone, and costs 0.3 s.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._folder, self._on_lost = folder, on_lost
        self._writer: Any = None
        with self._or_given_up():
            self._writer = EventFileWriter(str(folder), max_queue_size=1000, flush_secs=FLUSH_S)

    @contextmanager
    def _or_given_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._writer = None
            reason = error.strerror or error
            self._on_lost(
                f"{self._folder} cannot be written: {reason}; training goes on without the TensorBoard mirror"
            )

    def write(self, metrics: Metrics, batched_steps: int) -> None:
        """Write one point of every metric that has a value."""
        if self._writer is None:
            return
        values = [
            self._summary.Value(tag=tag(name), simple_value=value)
            for name, value in metrics.items()
            if value is not None
        ]
        stepping = [metrics.get(f"time/{phase}_ms") for phase in ("physics", "task")]
        known = [value for value in stepping if value is not None]
        if known:
            values.append(self._summary.Value(tag="Stats / Env stepping time (ms)", simple_value=sum(known)))
        event = self._event(summary=self._summary(value=values), step=batched_steps, wall_time=time.time())
        with self._or_given_up():
            self._writer.add_event(event)

    def close(self) -> None:
        """Flush and close."""
        if self._writer is not None:
            with self._or_given_up():
                self._writer.close()
