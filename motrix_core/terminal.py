"""What the terminal can show: known from the environment, without a screen being drawn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from motrix_core.errors import UsageError

_UTF8 = re.compile(r"utf-?8", re.IGNORECASE)
_BARE_TERMINALS = ("linux",)
"""The console of Linux takes UTF-8, but its fonts have a few hundred characters, no braille among them."""
_FEWEST_COLOURS = 8


@dataclass(frozen=True)
class Terminal:
    """Without `colours` it has reverse, bold and dim; without `unicode` it has ASCII."""

    colours: bool = True
    unicode: bool = True


def find_terminal(environ: Mapping[str, str], encoding: str | None) -> Terminal:
    """The terminal that `environ` describes, to which text is written in `encoding`.

    Raises UsageError for one that cannot place its cursor: nothing could be drawn on it.
    """
    name = environ.get("TERM", "")
    colours, places_cursor = _capabilities(name)
    if not places_cursor:
        raise UsageError(
            f"the terminal TERM={name} cannot place its cursor, so the dashboard cannot be drawn",
            mend="train without a screen: motrix-tui --run --env cartpole; or, if it can after all, "
            "export TERM=xterm-256color",
        )
    return Terminal(
        colours="NO_COLOR" not in environ and colours,
        unicode=has_unicode(environ, encoding),
    )


def has_unicode(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether the terminal that `environ` describes shows more than ASCII of what is written to it in `encoding`."""
    # Python takes UTF-8 for its own output where the locale is C, so the encoding alone says nothing.
    is_bare = environ.get("TERM") in _BARE_TERMINALS
    return _is_utf8(environ) and not is_bare and bool(_UTF8.fullmatch(encoding or ""))


def places_cursor(environ: Mapping[str, str]) -> bool:
    """Whether anything can be drawn on the terminal that `environ` describes; yes for one that nobody has described."""
    return _capabilities(environ.get("TERM", ""))[1]


def _capabilities(name: str) -> tuple[bool, bool]:
    """Whether it has colours, and whether it places its cursor; yes to both for one that nobody has described."""
    try:
        import curses
    except ImportError:
        # Some builds of Python have no curses.
        return True, True
    try:
        curses.setupterm(name, 1)
    except curses.error:
        return True, True
    return curses.tigetnum("colors") >= _FEWEST_COLOURS, bool(curses.tigetstr("cup"))


def _is_utf8(environ: Mapping[str, str]) -> bool:
    """By the locale. Where none is set at all, as in most containers, the terminal outside has UTF-8."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG")
    return locale is None or locale == "" or bool(_UTF8.search(locale))
