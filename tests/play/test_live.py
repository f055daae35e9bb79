from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.play.cast import Cast
from motrix_core.play.live import Live, print_frames
from motrix_core.play.player import Player
from motrix_core.play.terminal import ANSWER, ASK, BEGIN, END, Terminal, changes
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
        f"\x1b[2J\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K{END}{ASK}",
        f"\x1b[2;1HTWO\x1b[K{END}{ASK}",
    ]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Terminal, Clock, int]]:
    """A terminal on a clock of its own, and the end of the line at which somebody types."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("LINES", "5")
    typing, reading = os.openpty()
    clock = Clock()
    with os.fdopen(reading) as line:
        monkeypatch.setattr("sys.stdin", line)
        with Terminal(io.StringIO(), clock=clock) as made:
            yield made, clock, typing
    os.close(typing)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 5, 64])
def test_what_the_terminal_answers_is_no_key(
    terminal: tuple[Terminal, Clock, int], monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr("motrix_core.play.terminal._CHUNK", chunk)
    shown, _, typing = terminal
    for picture in ("one", "two", "three"):
        shown.draw([picture])
    os.write(typing, f"{ANSWER}v{ANSWER}+q".encode())
    keys = ""
    while not keys.endswith("q"):
        keys += shown.key(1.0) or ""
    assert keys == "v+q"
    os.write(typing, ANSWER.encode())
    assert shown.key(0.0) is None
    os.write(typing, b"\x1b")
    assert shown.key(1.0) == "\x1b"


def test_a_terminal_that_is_behind_gets_no_more_until_it_has_answered(terminal: tuple[Terminal, Clock, int]) -> None:
    shown, clock, typing = terminal
    shown.draw(["one"])
    clock.now = 0.6
    # It may be one that never answers.
    assert not shown.is_behind
    os.write(typing, ANSWER.encode())
    assert shown.key(0.0) is None
    # A long way to it, 0.6 s, is not its fault.
    clock.now = 1.0
    shown.draw(["two"])
    clock.now = 1.2
    shown.draw(["three"])
    clock.now = 1.8
    assert not shown.is_behind
    clock.now = 1.9
    assert shown.is_behind
    os.write(typing, ANSWER.encode())
    assert shown.key(0.0) is None
    assert not shown.is_behind
    clock.now = 2.1
    assert shown.is_behind
    # An answer that never comes is not waited for.
    clock.now = 7.0
    assert not shown.is_behind
