from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from motrix_core.runs.text import plain


@given(st.text())
def test_nothing_that_can_move_a_cursor_or_reorder_text_gets_through(text: str) -> None:
    shown = plain(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert plain(shown) == shown


@given(st.text(), st.integers(1, 20))
def test_a_limit_holds(text: str, limit: int) -> None:
    assert len(plain(text, limit=limit)) <= limit


def test_escapes_are_visible_and_say_what_was_there() -> None:
    text = "a\x1b[31mb\x9bc\u202ed\ne"
    assert plain(text) == "a\\x1b[31mb\\x9bc\\u202ed\\ne"
    assert plain("two\nlines\x07", keep="\n") == "two\nlines\\x07"


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    assert plain("Läufer 走る [red]") == "Läufer 走る [red]"


def test_a_cut_is_marked() -> None:
    assert plain("abcdef", limit=4) == "abc…"
    assert plain("abcd", limit=4) == "abcd"
