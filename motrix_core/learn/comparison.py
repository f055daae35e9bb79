"""Whether one policy is better than another: a paired comparison on the same initial states."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from motrix_core.errors import EnvironmentFailed, UsageError
from motrix_core.learn.evaluation import Scores, standard_error

LEAST_EPISODES = 8
"""Fewer differences say too little about their own spread."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """The mean of B's returns minus A's over episodes that began alike.

    Attributes:
        mean, std_error: of the paired differences.
        low, high: the 95 % confidence interval of the mean difference.
        episodes: number of pairs.
    """

    mean: float
    std_error: float
    low: float
    high: float
    episodes: int

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0, so that the difference is hardly one of luck."""
        return self.low > 0.0 or self.high < 0.0


def compare(a: Scores, b: Scores) -> Comparison:
    """Compare `b` with `a`, which were scored on the same initial states.

    The interval is that of a paired t test (Student, 1908): each difference is of two episodes that began in the same
    state, so what one state is worth more than another drops out. It assumes that the mean of the differences is
    nearly normal, which it is for the dozens of episodes that are usual.

    Raises:
        UsageError: there are fewer than `LEAST_EPISODES` pairs.
        EnvironmentFailed: the episodes did not begin in the same states.
    """
    count = len(a.returns)
    if count < LEAST_EPISODES:
        raise UsageError(
            f"{count} episodes are too few for a comparison", mend=f"use --episodes {LEAST_EPISODES} or more"
        )
    if not np.array_equal(a.starts, b.starts):
        raise EnvironmentFailed(
            "the environment began its episodes in different states though the seed was the same, so the two cannot "
            "be compared state by state",
            mend="draw all randomness of the environment from the generator that it is given",
        )
    differences = b.returns - a.returns
    mean, error = float(differences.mean()), standard_error(differences) or 0.0
    reach = t_quantile(0.5 + CONFIDENCE / 2, count - 1) * error
    return Comparison(mean, error, mean - reach, mean + reach, count)


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution with `freedom` degrees of freedom, for 7 of them right to 4 digits.

    The expansion in powers of 1 / freedom of Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
