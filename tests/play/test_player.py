from __future__ import annotations

from multiprocessing.process import BaseProcess

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.learn.evaluation import Task
from motrix_core.play.cast import Cast, random_cast
from motrix_core.play.player import Pace, Player


def pendulums(num_envs: int = 2, episode_s: float = 0.25) -> Player:
    """Episodes of five steps that nobody acts in."""
    env = make("pendulum", num_envs=num_envs, seed=0, options={"episode_s": episode_s})
    return Player(Cast(env, lambda obs: np.zeros((len(obs), 1), np.float32), "pendulum"))


def test_the_score_adds_up_to_the_return_of_the_episode() -> None:
    player = pendulums()
    totals = []
    for _ in range(4):
        player.step()
        totals.append(player.score.total)
    assert player.score.steps == 4
    assert sum(player.score.terms.values()) == pytest.approx(totals[3] - totals[2], rel=1e-4)
    player.step()
    assert player.score.episodes == 2
    assert player.score.finished[0] == pytest.approx(player.score.total, rel=1e-6)
    assert player.steps.tolist() == [0, 0]


def test_the_next_episode_leaves_the_one_that_was_going_on_out_of_the_score() -> None:
    player = pendulums()
    for _ in range(3):
        player.step()
    player.next_episode()
    assert (player.score.total, player.score.steps, player.score.episodes) == (0.0, 0, 0)
    for _ in range(5):
        player.step()
    assert player.score.episodes == 2


def test_an_action_is_what_was_done_in_environment_0() -> None:
    env = make("pendulum", num_envs=2, seed=0)
    player = Player(Cast(env, lambda obs: np.array([[0.5], [1.5]], np.float32), "pendulum"))
    player.step()
    assert player.score.actions == [0.5]


@pytest.mark.parametrize("name", ["pendulum", "acrobot"])
def test_random_actions_are_the_same_for_the_same_seed_and_within_bounds(name: str) -> None:
    casts = [random_cast(Task(name, "none"), num_envs=50, seed=seed) for seed in (1, 1, 2)]
    obs = np.zeros((50, casts[0].env.spec.obs_dim), np.float32)
    first, same, other = (cast.act(obs) for cast in casts)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    spec = casts[0].env.spec
    assert first.shape == (50, spec.act_dim)
    assert len(np.unique(first)) > 2
    assert first.min() >= spec.act_low and first.max() <= spec.act_high


def test_playing_starts_no_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseProcess, "start", lambda process: pytest.fail(f"{process} was started"))
    player = Player(random_cast(Task("gym:Pendulum-v1", "none", {"vector": "async"}), num_envs=2, seed=0))
    player.step()
    assert player.steps.tolist() == [1, 1]
    player.cast.env.close()


def test_steps_are_due_as_the_clock_goes() -> None:
    pace = Pace(0.02)
    assert pace.due(10.0) == 1
    assert [pace.due(10.0 + 0.01 * n) for n in range(1, 7)] == [0, 1, 0, 1, 0, 1]


def test_speed_multiplies_what_is_due_within_its_bounds() -> None:
    pace = Pace(0.02, speed=4.0)
    pace.due(0.0)
    assert pace.due(0.1) == 20
    for _ in range(20):
        pace.change_speed(2.0)
    assert pace.speed == Pace.FASTEST
    for _ in range(20):
        pace.change_speed(0.5)
    assert pace.speed == Pace.SLOWEST


def test_nothing_is_due_while_paused_and_nothing_is_made_up_for() -> None:
    pace = Pace(0.02)
    pace.due(0.0)
    pace.toggle()
    assert pace.due(5.0) == 0
    pace.toggle()
    assert pace.due(5.02) == 1


def test_after_a_long_wait_only_a_moment_is_made_up_for() -> None:
    pace = Pace(0.02)
    pace.due(0.0)
    assert pace.due(3600.0) == 12
