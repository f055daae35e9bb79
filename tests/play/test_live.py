from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.play.cast import Cast
from motrix_core.play.live import Live, print_frames
from motrix_core.play.player import Player
from motrix_core.play.terminal import BEGIN, END, Terminal, changes
from motrix_core.view.canvas import BRAILLE
from motrix_core.view.scene import Scene


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def player_of(num_envs: int = 1) -> Player:
    env = make("pendulum", num_envs=num_envs, seed=0, options={"episode_s": 0.5})
    return Player(Cast(env, lambda obs: np.zeros((len(obs), 1), np.float32), "pendulum · still"))


def live_of(num_envs: int = 1, episodes: int | None = None) -> tuple[Live, Clock]:
    player, clock = player_of(num_envs), Clock()
    return Live(player, Scene(player.cast.env), episodes=episodes, clock=clock), clock


def test_it_plays_in_the_environments_own_time() -> None:
    live, clock = live_of()
    for tick in range(5):
        clock.now = tick * 0.05
        live.advance()
    assert live.player.score.steps == 5


def test_space_pauses_and_a_full_stop_makes_one_step() -> None:
    live, clock = live_of()
    live.press(" ")
    clock.now = 0.2
    live.advance()
    assert live.player.score.steps == 0
    live.press("..")
    assert live.player.score.steps == 2
    assert "paused" in live.lines(80, 24, BRAILLE)[0]


def test_plus_and_minus_change_the_speed_which_is_shown() -> None:
    live, _ = live_of()
    live.press("++")
    assert "4×" in live.lines(80, 24, BRAILLE)[0]
    live.press("---")
    assert "0.5×" in live.lines(80, 24, BRAILLE)[0]


def test_n_begins_the_next_episode() -> None:
    live, _ = live_of()
    live.press("..n")
    assert live.player.score.steps == 0


@pytest.mark.parametrize("key", ["q", "\x1b", ""])
def test_q_escape_and_the_end_of_input_end_it(key: str) -> None:
    live, _ = live_of()
    live.press(key)
    assert live.over


def test_an_arrow_key_is_no_escape() -> None:
    live, _ = live_of()
    live.press("\x1b[A")
    assert not live.over


def test_it_ends_after_as_many_episodes_as_were_asked_for() -> None:
    live, clock = live_of(episodes=2)
    for tick in range(100):
        clock.now = tick * 0.05
        live.advance()
    assert live.over and live.player.score.episodes == 2


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (20, 3), (5, 1)])
def test_the_screen_is_never_larger_than_the_terminal(size: tuple[int, int]) -> None:
    live, _ = live_of(num_envs=20)
    lines = live.lines(*size, BRAILLE)
    assert len(lines) == size[1]
    assert max(map(len, lines)) <= size[0]


def test_what_is_not_shown_is_said() -> None:
    live, _ = live_of(num_envs=20)
    assert "4 more not shown" in live.lines(120, 24, BRAILLE)[0]


def test_plain_pictures_are_the_same_whatever_the_machine() -> None:
    outputs = []
    for _ in range(2):
        player, out = player_of(2), io.StringIO()
        print_frames(player, Scene(player.cast.env), 3, (60, 12), BRAILLE, out)
        outputs.append(out.getvalue())
    assert outputs[0] == outputs[1]
    pictures = outputs[0].split("\n")
    assert sum("step" in line for line in pictures) == 3
    assert "return 0 · step 0" in pictures[0] and "step 2" in outputs[0]


def test_only_lines_that_differ_are_sent() -> None:
    assert changes(["one", "two"], ["one", "TWO"]) == "\x1b[2;1HTWO\x1b[K"
    assert changes(["one"], ["one"]) == ""
    assert changes([], ["one"]) == "\x1b[1;1Hone\x1b[K"
    assert changes(["one", "two"], ["one"]) == "\x1b[2;1H\x1b[K"


def test_a_picture_is_one_synchronised_update_and_none_where_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "5")
    out = io.StringIO()
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        terminal = Terminal(out)
        terminal.draw(["one", "two"])
        terminal.draw(["one", "two"])
        terminal.draw(["one", "TWO"])
    assert out.getvalue().split(BEGIN) == [
        "",
        f"\x1b[2J\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K{END}",
        f"\x1b[2;1HTWO\x1b[K{END}",
    ]
