"""What the keys of Monitor ask of its run: stop, pause, checkpoint, other hyperparameters, the other backend.

Every request is answered by the trainer after its current rollout; the answer, or why there is none, is a toast.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import work
from textual.widget import Widget

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.monitor.edit_dialog import EditDialog
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.shell.place import NOTHING_OPEN, Place
from motrix_tui.text import BACKEND_TITLES
from motrix_tui.threads import announced

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

_LOOK_S = 1.0
_OF_A_LIVE_RUN = frozenset({"stop", "pause", "checkpoint", "edit", "switch_backend"})


class RunActions(Widget, Place):
    """The part of MonitorPane that acts on the run that is shown."""

    _feed: RunFeed | None = None
    _could: tuple[bool, bool] = (False, False)

    def on_mount(self) -> None:
        self.set_interval(_LOOK_S, self._look)

    def _look(self) -> None:
        """Have the line of keys drawn again when the run that is shown begins or ends."""
        feed = self._feed
        can = (feed is not None, feed is not None and feed.is_live)
        if can != self._could:
            self._could = can
            self.refresh_bindings()

    def why_not(self, handler: str) -> str | None:
        feed = self._feed
        if feed is None:
            return NOTHING_OPEN["monitor"]
        if handler not in _OF_A_LIVE_RUN or feed.is_live:
            return None
        mend = "" if feed.status == "unreadable" else f"; motrix run --resume {feed.run.id} continues it"
        return f"the run is {feed.status} already{mend}"

    def _feed_for(self, handler: str) -> RunFeed | None:
        """The feed of the run to act on; where that cannot be, it is said why, and None returned."""
        obstacle = self.why_not(handler)
        if obstacle is None:
            return self._feed
        self.notify(obstacle, severity="warning", markup=False)
        return None

    def action_stop(self) -> None:
        feed = self._feed_for("stop")
        if feed is not None:
            self._ask_and_stop(feed.run)

    def action_pause(self) -> None:
        feed = self._feed_for("pause")
        if feed is None:
            return
        if feed.is_paused:
            self._request(feed.run, {"type": "resume"}, "training goes on")
        else:
            self._request(feed.run, {"type": "pause"}, "paused; p goes on")

    def action_checkpoint(self) -> None:
        feed = self._feed_for("checkpoint")
        if feed is not None:
            self._request(feed.run, {"type": "checkpoint"}, "checkpoint written")

    def action_edit(self) -> None:
        feed = self._feed_for("edit")
        if feed is not None:
            self._edit(feed)

    def action_switch_backend(self) -> None:
        feed = self._feed_for("switch_backend")
        if feed is not None:
            self._ask_and_switch(feed.run, "torch" if feed.backend == "jax" else "jax")

    @work(exclusive=True, group="monitor-question")
    async def _ask_and_stop(self, run: Run) -> None:
        from motrix_core.process.control import request_stop

        question = Question(
            "Stop this run?",
            f"{_name(run)}\n\nStop takes a final checkpoint first; Kill ends it at once and loses what came "
            "after the last checkpoint.",
            (Answer("s", "Stop", "stop", "warning"), Answer("K", "Kill", "kill", "error")),
        )
        answer = await self.app.push_screen_wait(question)
        if answer in ("stop", "kill"):
            said = "kill requested" if answer == "kill" else "stop requested; a final checkpoint comes first"
            self._carry_out(partial(request_stop, run, kill=answer == "kill"), "stopping", said)

    @work(exclusive=True, group="monitor-question")
    async def _edit(self, feed: RunFeed) -> None:
        values = await self.app.push_screen_wait(EditDialog(feed.settings))
        if values:
            said = ", ".join(f"{path.removeprefix('ppo.')} is {value:g}" for path, value in values.items())
            self._request(feed.run, {"type": "set", "values": values}, said)

    @work(exclusive=True, group="monitor-question")
    async def _ask_and_switch(self, run: Run, backend: str) -> None:
        from motrix_core.process.asking import switch

        title = BACKEND_TITLES[backend]
        question = Question(
            f"Switch to {title}?",
            f"{_name(run)}\n\nA checkpoint is written, and {title} goes on from it with the same weights and "
            "optimiser. Starting it takes some seconds.",
            (Answer("s", "Switch", "switch", "primary"),),
        )
        if await self.app.push_screen_wait(question) == "switch":
            self._carry_out(partial(switch, run, backend), f"a switch to {title}", f"{title} goes on")

    def _request(self, run: Run, request: dict[str, Any], said: str) -> None:
        from motrix_core.process.asking import ask

        self._carry_out(partial(ask, run, request), str(request["type"]), said)

    @work(group="monitor-request")
    async def _carry_out(self, act: Callable[[], object], what: str, said: str) -> None:
        """`act` in a thread; a toast says `said`, or why it was refused."""
        late = f"{what} requested; the trainer answers after its rollout"
        try:
            await announced(act, lambda: self.notify(late, markup=False))
        except (MotrixError, OSError) as error:
            self.notify(plain(error), severity="error", markup=False)
        else:
            self.notify(said, markup=False)


def _name(run: Run) -> str:
    return f"{plain(run.env)} · {plain(run.id)}"
