"""The keys of Launch that have to do with the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work
from textual.message import Message
from textual.widget import Widget

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig


class QueueActions(Widget):
    """The part of LaunchPane that lets launches wait."""

    _core: Core

    class Queued(Message):
        """The queue became another one."""

    def _config_to_launch(self) -> RunConfig | None:
        """What the form describes, None if something speaks against it, which is then said."""
        raise NotImplementedError

    def _extra(self) -> dict[str, Any]:
        raise NotImplementedError

    def action_enqueue(self) -> None:
        config = self._config_to_launch()
        if config is not None:
            self._enqueue(config)

    @work(group="enqueue")
    async def _enqueue(self, config: RunConfig) -> None:
        try:
            count = await in_thread(self._core.enqueue, config, self._extra())
        except MotrixError as error:
            self.notify(plain(error), title="Not queued", severity="error", markup=False)
        else:
            self.notify(f"{plain(config.env)} waits; {count} in the queue, u shows them", timeout=4, markup=False)
            self.post_message(self.Queued())

    @work(exclusive=True, group="files")
    async def action_show_queue(self) -> None:
        from motrix_tui.launch.queue_dialog import QueueDialog

        await self.app.push_screen_wait(QueueDialog(self._core))
        self.post_message(self.Queued())
