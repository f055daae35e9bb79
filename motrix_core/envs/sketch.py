"""What an environment without a simulator looks like: lines that it draws itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.blame import call_env, name_of, place_of_code
from motrix_core.errors import EnvironmentFailed

_NUMBERS = "fiu"
_MEND = "the environments of rows come first, then the points of the line, then x and y"


class Sketch(NamedTuple):
    """Lines in a plane, x to the right and y upwards, in any one unit of length.

    Attributes:
        lines: each a line through points, (rows, points, 2), for all the rows that were asked for.
        bounds: left, right, bottom and top of what is shown; the same at every moment.
    """

    lines: tuple[NDArray[np.floating], ...]
    bounds: tuple[float, float, float, float]


def circle(centres: NDArray[np.floating], radius: float, points: int = 16) -> NDArray[np.floating]:
    """A circle around each of `centres`, (rows, 2), as a closed line, (rows, points + 1, 2)."""
    angles = np.linspace(0.0, 2.0 * np.pi, points + 1)
    return centres[:, None, :] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def sketch_of(env: Any, rows: Sequence[int]) -> Sketch | None:
    """What `env` draws of its environments `rows`, as arrays of floats; None if it draws nothing.

    Raises `EnvironmentFailed`, with the place in the code of whoever wrote it, for whatever its `sketch` raises and for
    what is no sketch.
    """
    draw: Callable[[Sequence[int]], object] | None = getattr(env, "sketch", None)
    if draw is None:
        return None
    found = call_env(env, "sketch()", draw, rows)
    if found is None:
        return None
    place = place_of_code(draw)
    where = f"{place}: {name_of(env)}" if place is not None else name_of(env)

    def wrong(told: str, mend: str) -> EnvironmentFailed:
        return EnvironmentFailed(f"{where}: sketch() gave {told}", mend=mend)

    if not isinstance(found, Sketch):
        raise wrong(f"a {type(found).__name__}, but a Sketch is needed", "end it with return Sketch((line, …), bounds)")
    lines = found.lines if isinstance(found.lines, tuple | list) else ()
    if not lines:
        kind = "no lines" if isinstance(found.lines, tuple | list) else f"lines of {type(found.lines).__name__}"
        raise wrong(f"{kind}, but a tuple of arrays is needed", "return Sketch((line,), bounds) for a single line")
    arrays = []
    for number, line in enumerate(lines):
        if not isinstance(line, np.ndarray):
            raise wrong(f"lines[{number}] as {type(line).__name__}, but an array is needed", _MEND)
        if line.dtype.kind not in _NUMBERS or line.ndim != 3 or line.shape[::2] != (len(rows), 2):
            shown = f"{line.dtype} of shape {line.shape}"
            needed = f"numbers of shape ({len(rows)}, points, 2) are"
            raise wrong(f"lines[{number}] as {shown}, but {needed} needed", _MEND)
        arrays.append(line.astype(np.float64))
    return Sketch(tuple(arrays), _checked_bounds(found.bounds, wrong))


def _checked_bounds(bounds: Any, wrong: Callable[[str, str], EnvironmentFailed]) -> tuple[float, float, float, float]:
    try:
        left, right, bottom, top = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        left = right = bottom = top = np.nan
    if not (np.isfinite([left, right, bottom, top]).all() and left < right and bottom < top):
        raise wrong(
            f"the bounds {bounds!r:.80}, but four numbers are needed: left < right, bottom < top",
            "name what shall be seen, the same at every moment, as (-1.0, 1.0, -1.0, 1.0)",
        )
    return left, right, bottom, top
