"""Calling a user's own code, and which line of it an error comes from."""

from __future__ import annotations

import inspect
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from motrix_core.errors import EnvironmentFailed, MotrixError

_OURS = str(Path(__file__).resolve().parent.parent)
_LIBRARIES = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})

_FRAMEWORKS = (
    "numpy",
    "gymnasium.core",
    "gymnasium.envs.registration",
    "gymnasium.spaces",
    "gymnasium.utils",
    "gymnasium.vector",
    "gymnasium.wrappers",
)
"""Modules that only pass on what an environment gave them: a line of theirs says nothing of what is wrong."""


class DescribedError(Exception):
    """Stands for an error of another process. Its text is what `described` gave there: the place is lost on the way."""


def place_of(error: BaseException) -> str | None:
    """`FILE, line N` of the innermost code that is neither ours nor a library's, or None if there is none.

    A syntax error is in the file that it names. An environment that was installed as a package is a library too: then
    it is the innermost line that is neither ours nor one that calls environments, as NumPy's and Gymnasium's own do.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        places.append((frame.f_code.co_filename, traceback.tb_lineno, str(frame.f_globals.get("__name__"))))
        traceback = traceback.tb_next
    return _innermost(places)


def place_of_thread(ident: int) -> str | None:
    """`FILE, line N` of what the thread `ident` is executing, chosen as `place_of` does."""
    places = []
    frame = sys._current_frames().get(ident)
    while frame is not None:
        places.append((frame.f_code.co_filename, frame.f_lineno, str(frame.f_globals.get("__name__"))))
        frame = frame.f_back
    return _innermost(places[::-1])


def _innermost(places: list[tuple[str, int, str]]) -> str | None:
    """Of (file, line, module), from the outermost call to the innermost."""
    foreign = [place for place in places if not place[0].startswith((_OURS, "<"))]
    own = [place for place in foreign if not place[0].startswith(_LIBRARIES)]
    chosen = (own or [place for place in foreign if not _is_framework(place[2])])[-1:]
    return f"{chosen[0][0]}, line {chosen[0][1]}" if chosen else None


def _is_framework(module: str) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(f"{module}.".startswith(f"{name}.") for name in _FRAMEWORKS)


def place_of_code(code: Callable[..., Any]) -> str | None:
    """`FILE, line N` where a function begins, of a class with its name; None for ours, and for what has no file."""
    try:
        file = inspect.getsourcefile(code)
    except (TypeError, OSError):
        # It is built in, or was typed where there is no file.
        return None
    if file is None or file.startswith((_OURS, "<")) or _is_framework(code.__module__):
        return None
    try:
        place = f"{file}, line {inspect.getsourcelines(code)[1]}"
    except OSError:
        # A class that no `class` statement made.
        place = file
    return f"{place}, class {code.__name__}" if isinstance(code, type) else place


def described(error: BaseException, code: Callable[..., Any] | None = None) -> str:
    """The error as one line: its place, its class and what it says.

    Where nothing that was executed is the user's, as when it gave something of a wrong kind, the place is that of
    `code`: the function or class that was asked.
    """
    if isinstance(error, DescribedError):
        return str(error)
    from pydantic import PydanticUserError

    said = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, PydanticUserError):
        # Its own put the address of a page below what they say.
        said = error.message
    text = ": ".join([type(error).__name__, *([" ".join(said.split())] if said else [])])
    place = place_of(error) or (place_of_code(code) if code is not None else None)
    return f"{place}: {text}" if place else text


def name_of(env: Any) -> str:
    """What errors call `env`: by the name that it was asked for, or by its class where it does not know that."""
    return f"environment {getattr(getattr(env, 'spec', None), 'name', type(env).__name__)}"


def named_nonfinite(env: Any) -> str:
    """What of `env` was not finite, in brackets behind what else is said; "" where it does not know."""
    named = getattr(env, "nonfinite_in", "")
    return f" ({named})" if named else ""


def call_env(env: Any, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function`, a method of `env`, returns.

    Raises `EnvironmentFailed` for whatever it raises, with `what` failed and the place in the code of whoever wrote
    the environment.
    """
    try:
        return function(*arguments)
    except MotrixError:
        raise
    except Exception as error:
        written_as = getattr(env, "written_as", type(env))
        raise EnvironmentFailed(f"{name_of(env)} failed in {what}: {described(error, written_as)}") from error


def add_to_search_path(folder: Path) -> None:
    """Let modules in `folder` be imported; last, so that none of them takes the place of an installed one."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
