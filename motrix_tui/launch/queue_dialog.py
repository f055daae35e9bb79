"""Launches that wait: their order, how many run at a time, and whether anybody works them off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import events, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_core.errors import MotrixError
from motrix_core.runs.queue import Entry, Queue
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.shell.dialogs import ListDialog
from motrix_tui.shell.key_buttons import KeyButtons
from motrix_tui.text import grouped, shortened
from motrix_tui.threads import in_thread

PERIOD_S = 2.0
_BUTTONS = {"K": "sooner", "J": "later", "d": "remove", "plus": "more", "minus": "fewer", "r": "go on"}
_KEYS = "more, fewer: runs at a time · go on retries failed ones · esc leaves"


class QueueDialog(ListDialog[None]):
    """Every change is on the disk before it is shown."""

    DEFAULT_CSS = """
    QueueDialog > .box { width: 80; }
    QueueDialog OptionList { max-height: 16; min-height: 3; margin-bottom: 1; }
    QueueDialog #state { margin-bottom: 1; }
    """

    def __init__(self, core: Core) -> None:
        super().__init__("Queue")
        self._core = core
        self._queue = Queue()

    def parts(self) -> ComposeResult:
        yield Static("reading the queue …\n", id="state", markup=False)
        yield OptionList(markup=False, compact=True)
        yield KeyButtons(_BUTTONS)
        yield Static(_KEYS, classes="hint", markup=False)

    def on_mount(self) -> None:
        self.options.focus()
        self.set_interval(PERIOD_S, self.renew)
        self.renew()

    @work(group="queue")
    async def renew(self, change: Callable[[Queue], Queue] | None = None, follow: str | None = None) -> None:
        """Make `change`, if any, and show what is on the disk then, with the cursor on the entry `follow`."""
        try:
            if change is not None:
                await in_thread(self._core.change_queue, change)
            queue, works = await in_thread(self._core.queue)
        except MotrixError as error:
            self.query_one("#state", Static).update(Content.styled(f"✖ {plain(error, limit=400)}", "$error"))
            return
        here = self._here()
        wanted = follow or (here.id if here else None)
        self._queue = queue
        self.query_one("#state", Static).update(self._state(queue, works))
        options = self.options
        at = options.highlighted or 0
        options.clear_options()
        options.add_options([Option(self._line(number, entry)) for number, entry in enumerate(queue.entries, 1)])
        ids = [entry.id for entry in queue.entries]
        if ids:
            options.highlighted = ids.index(wanted) if wanted in ids else min(at, len(ids) - 1)

    @staticmethod
    def _state(queue: Queue, works: bool) -> Content:
        count = f"{queue.at_once} run{'s' if queue.at_once > 1 else ''} at a time in this runs folder"
        if not queue.entries:
            return Content.assemble("nothing waits; a in Launch adds what the form describes\n", (count, "$muted"))
        if works:
            state = ("● worked off in the background, also after the dashboard is closed\n", "$success")
        else:
            state = ("○ stands still: nothing starts until r goes on\n", "$warning")
        return Content.assemble(state, (count, "$muted"))

    @staticmethod
    def _line(number: int, entry: Entry) -> Content:
        ppo = entry.config.get("ppo")
        steps = ppo.get("max_env_steps") if isinstance(ppo, dict) else None
        about = f"{grouped(steps)} env steps" if isinstance(steps, int) else ""
        head = f"{number:>2}  {shortened(plain(entry.title), 34):<36}"
        if entry.problem is not None:
            return Content.assemble(head, (f"✖ {plain(entry.problem, limit=200)}", "$error"))
        if entry.run is not None:
            return Content.assemble(head, ("being started", "$success"))
        return Content.assemble(head, (about, "$muted"))

    def _here(self) -> Entry | None:
        at = self.options.highlighted
        return self._queue.entries[at] if at is not None and at < len(self._queue.entries) else None

    def on_key(self, event: events.Key) -> None:
        here = self._here()
        if event.key in ("plus", "minus"):
            by = 1 if event.key == "plus" else -1
            self.renew(lambda queue: queue.running(queue.at_once + by))
        elif event.key in ("J", "K") and here is not None:
            self.renew(partial(Queue.moved, id=here.id, by=1 if event.key == "J" else -1), here.id)
        elif event.key in ("d", "delete") and here is not None:
            self.renew(partial(Queue.without, id=here.id))
        elif event.key == "r":
            self._go_on()
        else:
            return
        event.stop()

    @work(group="queue")
    async def _go_on(self) -> None:
        try:
            await in_thread(self._core.start_queue)
        except MotrixError as error:
            self.notify(plain(error), title="Queue", severity="error", markup=False)
        self.renew()
