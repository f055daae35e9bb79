"""What a place tells about its actions: which of them cannot be done now, and why."""

from __future__ import annotations

from motrix_tui.actions import Action

NOTHING_OPEN = {
    "monitor": "no run is open in Monitor",
    "runs": "there is no run in the list",
    "compare": "no runs are compared",
    "play": "no run is being played",
}
"""Why nothing can be done in a place that needs a run, by the place."""


class Place:
    """A pane whose actions can depend on what is in it. Their keys stay bound; those of Monitor say why not.

    Whatever changes an answer calls `refresh_bindings`, so that the line of keys is drawn again.
    """

    def why_not(self, handler: str) -> str | None:
        """Why the action with that handler cannot be done now, without a full stop; None if it can."""
        return None

    async def until_ready(self) -> None:
        """Wait until what a new pane needs for its actions has been read."""


def sentence(action: Action, obstacle: str | None) -> str:
    """What `action` does, and what is in its way."""
    return action.help if obstacle is None else f"{action.help} But {obstacle}."
