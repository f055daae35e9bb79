from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.view.canvas import ASCII, BRAILLE, Canvas


def drawn(*lines: tuple[float, float, float, float], width: int = 4, height: int = 2) -> list[str]:
    canvas = Canvas(width, height)
    array = np.array(lines, float).reshape(-1, 2, 2)
    canvas.segments(array[:, 0], array[:, 1])
    return canvas.lines()


def test_an_empty_canvas_is_spaces() -> None:
    assert drawn() == ["    ", "    "]


def test_dots_are_where_braille_has_them() -> None:
    canvas = Canvas(2, 1)
    canvas.points(np.array([[0.0, 0.0], [3.0, 3.0], [0.4, 2.6]]))
    assert canvas.lines() == ["⡁⢀"]


def test_a_line_reaches_both_ends() -> None:
    assert drawn((0, 0, 7, 0)) == ["⠉⠉⠉⠉", "    "]
    assert drawn((0, 0, 0, 7)) == ["⡇   ", "⡇   "]


def test_a_line_without_length_is_a_dot() -> None:
    assert drawn((2, 4, 2, 4)) == ["    ", " ⠁  "]


def test_what_is_outside_or_no_number_is_left_out() -> None:
    assert drawn((-9, -9, -1, -2), (np.nan, 0, 3, 3), (0, 0, np.inf, 3), (20, 0, 20, 9)) == ["    ", "    "]


def test_a_line_that_begins_and_ends_far_away_costs_no_more_than_one_across() -> None:
    assert drawn((-1e12, 3, 1e12, 3)) == ["⣀⣀⣀⣀", "    "]


@given(st.lists(st.tuples(*[st.floats(-50, 50)] * 4), max_size=20), st.integers(1, 9), st.integers(1, 5))
def test_a_picture_always_has_its_size(lines: list[tuple[float, ...]], width: int, height: int) -> None:
    shown = drawn(*lines, width=width, height=height)  # type: ignore[arg-type]
    assert [len(line) for line in shown] == [width] * height


def test_in_ascii_text_keeps_its_length() -> None:
    line = "return 1.5 · 2× … 猫"
    assert ASCII.spell(line) == "return 1.5 - 2x ~ ?" and len(ASCII.spell(line)) == len(line)
    assert BRAILLE.spell(line) == line


def test_in_ascii_more_dots_are_darker() -> None:
    canvas = Canvas(3, 1)
    canvas.points(np.array([[2.0, 0.0], *[[x, y] for x in (4.0, 5.0) for y in range(4)]]))
    assert canvas.lines(ASCII) == [" .#"]
