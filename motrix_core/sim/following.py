"""Keeping a body in sight without moving whenever it moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

# As shares of what is visible around the centre, to the sides and upwards.
_SLACK, _SLACK_UP = 0.25, 0.5
_LOST = 3.0


class Follower:
    """Where an onlooker looks who follows one body; the last of the coordinates is upwards.

    It stays put while the body is near: a body that swings to and fro would otherwise look still, and the world would
    swing.
    """

    def __init__(self) -> None:
        self._centre: FloatArray | None = None

    def centre(self, focus: FloatArray, reach: float) -> FloatArray:
        """What to look at when the body is at `focus`, (dims,) m, and `reach` m around it are to be seen."""
        centre = focus if self._centre is None else self._centre
        if np.isfinite(focus).all():
            away = focus - centre
            if np.abs(away).max() > _LOST * reach:
                centre = focus
            else:
                slack = np.append(np.full(len(focus) - 1, _SLACK), _SLACK_UP) * reach
                centre = focus - np.clip(away, -slack, slack)
            self._centre = centre
        return np.nan_to_num(centre)
