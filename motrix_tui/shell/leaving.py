"""Out of the dashboard: for good, or back to the shell for a while."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.dom import DOMNode

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.shell.watching import Watching
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary
    from motrix_tui.shell.dialogs import Question

_MOST_NAMES = 8
_COMPOSED_S = 1.0


class Leaving(Watching):
    """The part of the application that ends or suspends it. Neither touches training unless that is asked for."""

    _mounting: asyncio.Lock
    _ending = False

    async def on_event(self, event: events.Event) -> None:
        # What is typed after the last key is for whoever has the terminal next.
        if not (self._ending and isinstance(event, events.InputEvent)):
            await super().on_event(event)

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[Any, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        return not self._ending and await super().run_action(action, default_namespace, namespaces)

    async def action_quit(self) -> None:
        self._leave()

    @work(exclusive=True, group="quit")
    async def _leave(self) -> None:
        live = self.live_runs()
        answer = await self.push_screen_wait(_question(live)) if live else "detach"
        if answer == "cancel":
            return
        self._ending = True
        if answer == "stop":
            try:
                await in_thread(self._stop_all, live)
            except MotrixError as error:
                self._ending = False
                self.notify(plain(error), title="Not stopped", severity="error", markup=False)
                return
        # Whatever hangs in there must not keep anybody from leaving.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._all_composed(), _COMPOSED_S)
        self.exit()

    async def _all_composed(self) -> None:
        """Wait for what keys before the last one have opened: after the end Textual gives no screen its parts."""
        async with self._mounting:
            top = None
            while self.screen is not top:
                top = self.screen
                done = asyncio.Event()
                if top.call_later(done.set):
                    await done.wait()

    def _stop_all(self, runs: list[RunSummary]) -> None:
        problems = []
        for run in runs:
            try:
                self.core.request_stop(run.run)
            except (MotrixError, OSError) as error:
                problems.append(str(error))
        if problems:
            raise MotrixError("; ".join(problems))

    def draw_all_when_resumed(self) -> None:
        """After a suspension the terminal shows nothing of ours; Textual would send only what has changed."""
        self.app_resume_signal.subscribe(self, lambda _: self.screen.refresh(layout=True))

    def action_suspend(self) -> None:
        """As Ctrl-Z does elsewhere, which here takes back a change of the form."""
        if self._driver is None or not self._driver.can_suspend:
            self.notify("this dashboard has no shell behind it to go back to", markup=False)
        elif os.getpgrp() == os.getsid(0):
            # No shell with job control started us: nobody could ever continue us.
            self.notify("no shell waits behind this dashboard; q leaves it, and training goes on", markup=False)
        else:
            self.app_suspend_signal.publish(self)
            # All of the job, as the terminal's own Ctrl-Z: a shell waits for the whole of what it started.
            os.killpg(os.getpgrp(), signal.SIGTSTP)


def _question(live: list[RunSummary]) -> Question:
    # Dialogs come with the first one: the dashboard is drawn before.
    from motrix_tui.shell.dialogs import Answer, Question

    names = [f"  ● {plain(run.run.env)} · {plain(run.run.id)}" for run in live[:_MOST_NAMES]]
    if len(live) > _MOST_NAMES:
        names.append(f"  … and {len(live) - _MOST_NAMES} more")
    return Question(
        "Runs are training" if len(live) > 1 else "A run is training",
        "\n".join([*names, "", "Detached, training goes on without this dashboard, which finds it when it is opened."]),
        (Answer("d", "Detach", "detach", "primary"), Answer("s", "Stop", "stop", "warning")),
    )
