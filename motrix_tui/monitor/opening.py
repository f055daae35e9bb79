"""Who a run is: how Monitor's header begins, and all of the first picture when the dashboard is opened with a run.

What draws charts takes longer to import than Python and Textual to start, so nothing of it is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.text import BACKEND_TITLES

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_core.runs.state import RunState

UNREADABLE = "unreadable"
"""The status of a run whose state cannot be read."""
_MOST_BACKENDS = 3
_STATUS_COLOURS = {
    "starting": "$accent",
    "running": "$success",
    "paused": "$warning",
    "stopping": "$warning",
    "stalled": "$warning",
    "finished": "$primary",
    "stopped": "$muted",
    "failed": "$error",
    "crashed": "$error",
    "lost": "$error",
    UNREADABLE: "$error",
}


def backend_titles(names: Sequence[str]) -> str:
    """ "JAX", or "JAX → PyTorch" after a switch: what the segments were trained by, the last three of them."""
    changes = [name for index, name in enumerate(names) if index == 0 or name != names[index - 1]]
    return " → ".join(plain(BACKEND_TITLES.get(name, name), limit=20) for name in changes[-_MOST_BACKENDS:])


def status_line(run: Run, backends: str, status: str) -> Content:
    """● cartpole · JAX · run 3f2a · running"""
    colour = _STATUS_COLOURS.get(status, "$muted")
    short_id = run.id.rpartition("-")[2]
    return Content.assemble(
        ("● ", colour),
        (plain(run.env, limit=40), "bold"),
        (" · ", "$muted"),
        backends,
        (" · ", "$muted"),
        f"run {plain(short_id, limit=12)}",
        (" · ", "$muted"),
        (status, colour),
    )


class Opening(Static):
    """`run` as its state.json has it. Monitor takes its place, with the same line at the top."""

    DEFAULT_CSS = "Opening { padding: 0 1; }"

    def __init__(self, run: Run, *, id: str) -> None:
        state: RunState | None
        try:
            state = run.state()
        except MotrixError:
            # What is wrong with it is told by Monitor.
            state = None
        names = [segment.backend for segment in state.segments] if state is not None else []
        line = status_line(run, backend_titles(names or [run.backend]), state.shown_status if state else UNREADABLE)
        super().__init__(line, id=id, markup=False)
