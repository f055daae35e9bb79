"""Which line of a user's own code an error comes from."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_OURS = str(Path(__file__).resolve().parent.parent)
_LIBRARIES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


class DescribedError(Exception):
    """Stands for an error of another process. Its text is what `described` gave there: the place is lost on the way."""


def place_of(error: BaseException) -> str | None:
    """`FILE, line N` of the innermost code that is neither ours nor a library's, or None if there is none.

    A syntax error is in the file that it names. An environment that was installed as a package is a library too: then
    it is the innermost line that is not ours.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        places.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    foreign = [place for place in places if not place[0].startswith((_OURS, "<"))]
    own = [place for place in foreign if not place[0].startswith(_LIBRARIES)]
    chosen = (own or foreign)[-1:]
    return f"{chosen[0][0]}, line {chosen[0][1]}" if chosen else None


def described(error: BaseException) -> str:
    """The error as one line: its place, its class and what it says."""
    if isinstance(error, DescribedError):
        return str(error)
    from pydantic import PydanticUserError

    # pydantic's own put the address of a page below what they say.
    said = error.message if isinstance(error, PydanticUserError) else str(error)
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}"
    place = place_of(error)
    return f"{place}: {text}" if place else text


def add_to_search_path(folder: Path) -> None:
    """Let modules in `folder` be imported; last, so that none of them takes the place of an installed one."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
