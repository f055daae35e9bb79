"""Episode statistics and reports as `metrics` events carry them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from motrix_core.learn.backend import UpdateReport, gaussian_entropy
from motrix_core.learn.metrics import EpisodeStatistics, Spread
from motrix_core.learn.stepping import Transition


def step(reward: list[float], ended: list[bool], **info: Any) -> Transition:
    flags = np.array(ended)
    obs = np.zeros((len(reward), 1), np.float32)
    return Transition(obs, np.array(reward, np.float32), flags, np.zeros_like(flags), None, False, info)


def test_returns_and_lengths_are_those_of_the_episodes_that_ended() -> None:
    statistics = EpisodeStatistics(2)
    statistics.add(step([1.0, 10.0], [False, False]))
    statistics.add(step([2.0, 20.0], [True, False]))
    statistics.add(step([4.0, 40.0], [True, True]))
    metrics, _ = statistics.take()
    assert metrics["episodes"] == 3
    assert (metrics["return/min"], metrics["return/max"]) == (3.0, 70.0)
    assert metrics["return/mean"] == pytest.approx((3 + 4 + 70) / 3)
    assert (metrics["episode_length/min"], metrics["episode_length/max"]) == (1.0, 3.0)


def test_without_an_ended_episode_the_return_is_none_and_goes_on() -> None:
    statistics = EpisodeStatistics(1)
    statistics.add(step([1.0], [False]))
    metrics, _ = statistics.take()
    assert metrics["return/mean"] is None and metrics["episodes"] == 0
    statistics.add(step([2.0], [True]))
    assert statistics.take()[0]["return/mean"] == 3.0


def test_terms_and_metrics_spread_over_environments_and_steps() -> None:
    statistics = EpisodeStatistics(2)
    for values in ([1.0, 2.0], [3.0, 6.0]):
        statistics.add(step([0.0, 0.0], [False, False], Reward={"speed": np.array(values)}, metrics={"x": values}))
    metrics, _ = statistics.take()
    for name in ("reward/speed", "metric/x"):
        assert [metrics[f"{name}/{kind}"] for kind in ("mean", "min", "max")] == [3.0, 1.0, 6.0]


def test_a_term_that_is_no_longer_reported_becomes_none() -> None:
    statistics = EpisodeStatistics(1)
    statistics.add(step([0.0], [False], Reward={"speed": np.ones(1)}))
    statistics.take()
    statistics.add(step([0.0], [False]))
    assert statistics.take()[0]["reward/speed/mean"] is None


def test_unfinished_episodes_survive_saving() -> None:
    statistics, other = EpisodeStatistics(1), EpisodeStatistics(1)
    statistics.add(step([5.0], [False]))
    other.set_state(statistics.get_state())
    other.add(step([1.0], [True]))
    assert other.take()[0]["return/mean"] == 6.0


def test_a_spread_keeps_no_reference_to_what_it_was_given() -> None:
    values = np.ones(2, np.float32)
    spread = Spread()
    spread.add(values)
    values[:] = 100.0
    assert spread.take("x") == {"x/mean": 1.0, "x/min": 1.0, "x/max": 1.0}


def report(**changes: float | None) -> UpdateReport:
    values: dict[str, Any] = dict.fromkeys(UpdateReport.__dataclass_fields__, 1.0)
    return UpdateReport(**{**values, **changes})


def test_a_report_is_finite_or_none() -> None:
    metrics = report(explained_variance=math.nan, grad_norm=None, kl=math.inf).metrics()
    assert metrics["value/explained_variance"] is metrics["optim/grad_norm"] is metrics["policy/kl"] is None
    assert metrics["loss/policy"] == 1.0


@pytest.mark.parametrize(
    ("field", "name"), [("loss_policy", "loss/policy"), ("loss_value", "loss/value"), ("std", "policy/std")]
)
def test_a_report_that_learning_cannot_go_on_from_says_so(field: str, name: str) -> None:
    assert report(**{field: math.nan}).broken() == name
    assert report(explained_variance=math.nan).broken() is None


def test_entropy_is_that_of_a_gaussian() -> None:
    log_std = np.array([0.0, 1.0], np.float32)
    assert gaussian_entropy(log_std) == pytest.approx(2 * 0.5 * math.log(2 * math.pi * math.e) + 1.0)
    assert gaussian_entropy(np.array([50.0])) == pytest.approx(gaussian_entropy(np.array([2.0])))
