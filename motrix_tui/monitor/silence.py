"""How long a trainer may be silent before that is worth a word. No Textual in here.

A run must not be called stalled because it is slow: its own pace is the measure. Updates take from milliseconds to
minutes, the first of a process also imports and compiles, and an evaluation or a checkpoint may follow one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_STARTING_S = 180.0
_AFTER_THE_FIRST_S = 60.0
_EVALUATING_S = 60.0
_LEAST_S = 10.0
_TIMES_USUAL = 4.0
_LAST_UPDATES = 20


def patience_s(begun: float, updates: NDArray[np.float64], before: NDArray[np.float64], evaluation_s: float) -> float:
    """Seconds of silence that are still usual.

    `begun` is when the present trainer was started, `updates` (n,) when it ended its updates, `before` (m,) when those
    before it ended theirs, all in seconds of training. `evaluation_s` is the longest that is known of an evaluation
    that may be under way, 0 if it is not known, NaN if none is.
    """
    if not len(updates):
        # The trainer before this one may have had another backend; it is all that there is to go by.
        return max(_STARTING_S, _TIMES_USUAL * _usual_s(before))
    if len(updates) == 1:
        # Imports and compilation are in it, so the next one takes less.
        limit = max(_AFTER_THE_FIRST_S, _TIMES_USUAL * float(updates[0] - begun))
    else:
        limit = max(_LEAST_S, _TIMES_USUAL * _usual_s(updates))
    return limit if math.isnan(evaluation_s) else max(limit, _EVALUATING_S, _TIMES_USUAL * evaluation_s)


def _usual_s(updates: NDArray[np.float64]) -> float:
    return float(np.median(np.diff(updates[-_LAST_UPDATES:]))) if len(updates) > 1 else 0.0


def evaluation_may_follow(update: int, ppo: Mapping[str, Any], train: Mapping[str, Any]) -> bool:
    """Whether a run with these sections of the configuration may evaluate its policy after `update`.

    Left open, the interval is a multiple of that of checkpoints: `motrix_core.learn.best.evaluation_interval`.
    """
    interval = train.get("eval_every_updates")
    if interval is None:
        steps, rollouts = ppo.get("check_point_interval"), ppo.get("rollouts")
        interval = -(-steps // rollouts) if isinstance(steps, int) and isinstance(rollouts, int) and rollouts > 0 else 1
    return isinstance(interval, int) and interval > 0 and update % interval == 0
