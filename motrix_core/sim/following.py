"""Keeping a body in sight without moving whenever it moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

# As shares of what is visible around the centre, to the sides and upwards.
_SLACK, _SLACK_UP = 0.25, 0.5
_LOST = 3.0


class Follower:
    """Where an onlooker looks who follows one body, or one in each of several worlds; the last of the coordinates is
    upwards.

    It stays put while the body is near: a body that swings to and fro would otherwise look still, and the world would
    swing.
    """

    def __init__(self) -> None:
        self._centre: FloatArray | None = None

    def centre(self, focus: FloatArray, reach: float) -> FloatArray:
        """What to look at when the body is at `focus`, (..., dims) m, and `reach` m around it are to be seen.

        What is not finite is not followed: the onlooker stays, at the origin where nothing was seen before.
        """
        before = np.full(focus.shape, np.nan) if self._centre is None else self._centre
        with np.errstate(invalid="ignore"):
            away = focus - before
        slack = np.append(np.full(focus.shape[-1] - 1, _SLACK), _SLACK_UP) * reach
        # Not at most: what was nowhere before is lost too.
        lost = ~(np.abs(away).max(axis=-1, keepdims=True) <= _LOST * reach)
        followed = np.where(lost, focus, focus - np.clip(away, -slack, slack))
        self._centre = np.where(np.isfinite(focus).all(axis=-1, keepdims=True), followed, before)
        return np.nan_to_num(self._centre)
