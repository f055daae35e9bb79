"""Which segment comes next: what it takes over from the one before, and what is changed for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from motrix_core.runs.state import LOST, Segment


def next_segment(
    before: tuple[Segment, ...],
    config: Mapping[str, Any],
    *,
    backend: str | None = None,
    max_env_steps: int | None = None,
    control_offset: int = 0,
) -> Segment:
    """The segment after `before`, with the given `backend` and budget, else those of the last one, else `config`'s.

    `config` is that of config.json. Requests to the segment begin after byte `control_offset` of control.jsonl.
    """
    last = before[-1] if before else None
    if backend is None:
        backend = last.backend if last else str(config.get("backend", "?"))
    if max_env_steps is None and last is not None:
        max_env_steps = last.max_env_steps
    if max_env_steps is None:
        max_env_steps = _budget(config)
    return Segment(
        index=last.index + 1 if last else 0,
        backend=backend,
        started_at=time.time(),
        max_env_steps=max_env_steps,
        control_offset=control_offset,
    )


def _budget(config: Mapping[str, Any]) -> int | None:
    ppo = config.get("ppo")
    budget = ppo.get("max_env_steps") if isinstance(ppo, Mapping) else None
    return budget if type(budget) is int else None


def close_lost(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """`segments`, with those that nobody saw the end of marked as lost: their supervisor was killed."""
    return tuple(
        segment
        if segment.ended_at is not None
        else replace(
            segment,
            status=LOST,
            ended_at=segment.started_at + segment.elapsed_s,
            cause="its supervisor was gone before it ended",
        )
        for segment in segments
    )
