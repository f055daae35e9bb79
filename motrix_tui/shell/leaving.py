"""Out of the dashboard: for good, or back to the shell for a while."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from textual import work

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.shell.watching import Watching
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.runs.layout import RunSummary
    from motrix_tui.shell.dialogs import Question

_MOST_NAMES = 8


class Leaving(Watching):
    """The part of the application that ends or suspends it. Neither touches training unless that is asked for."""

    async def action_quit(self) -> None:
        self._leave()

    @work(exclusive=True, group="quit")
    async def _leave(self) -> None:
        live = self.live_runs()
        answer = await self.push_screen_wait(_question(live)) if live else "detach"
        if answer == "cancel":
            return
        if answer == "stop":
            try:
                await in_thread(self._stop_all, live)
            except MotrixError as error:
                self.notify(plain(error), title="Not stopped", severity="error", markup=False)
                return
        self.exit()

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
