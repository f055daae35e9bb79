"""Lines of text that are typed."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input


class LineInput(Input):
    """Keys act in the order in which they were pressed.

    A binding runs once its key has bubbled up to the app, and by then what was typed right after Ctrl+U is in the line
    and would be deleted too. The line's own bindings are therefore run here, but for those of `LEAVING`.
    """

    LEAVING: ClassVar[tuple[str, ...]] = ()
    """Beginnings of actions that wait until whatever is around the line has heard of every change before them."""

    async def on_key(self, event: events.Key) -> None:
        active = self.screen.active_bindings.get(event.key)
        if active is None or active.node is not self or active.binding.action.startswith(self.LEAVING):
            return
        event.stop()
        event.prevent_default()
        await self.run_action(active.binding.action)


class FilterInput(LineInput):
    """Narrows a list. Escape clears it and goes to the list; Down goes there with the filter on."""

    BINDINGS = [
        Binding("escape", "clear", "clear", show=False),
        Binding("down", "leave", "list", show=False),
    ]
    LEADS_TO: ClassVar[type[Widget]]

    def __init__(self, *, id: str) -> None:
        super().__init__(placeholder="/ filter", compact=True, id=id)

    def action_clear(self) -> None:
        self.value = ""
        self.action_leave()

    def action_leave(self) -> None:
        self.screen.set_focus(self.screen.query_one(self.LEADS_TO))
