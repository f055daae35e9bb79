"""Launches that wait: their order, how many run at a time, and whether anybody works them off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_core.errors import MotrixError
from motrix_core.runs.queue import Entry, Queue
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.text import shortened
from motrix_tui.threads import in_thread

PERIOD_S = 2.0
_KEYS = "J K move · d removes · + - at a time · r goes on, and tries failed ones again · esc leaves"


class QueueDialog(ModalScreen[None]):
    """Every change is on the disk before it is shown."""

    DEFAULT_CSS = """
    QueueDialog { align: center middle; background: $background 60%; }
    QueueDialog > Vertical {
        width: 80; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    QueueDialog OptionList { height: auto; max-height: 16; background: $surface; border: none; padding: 0; }
    QueueDialog Static { height: auto; color: $muted; margin-top: 1; }
    QueueDialog #state { color: $foreground; margin: 0 0 1 0; }
    """

    def __init__(self, core: Core) -> None:
        super().__init__()
        self._core = core
        self._queue = Queue()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Queue"
            yield Static("reading the queue …", id="state", markup=False)
            yield OptionList(markup=False)
            yield Static(_KEYS, markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
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
        options = self.query_one(OptionList)
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
        about = f"{steps:,} env steps".replace(",", " ") if isinstance(steps, int) else ""
        head = f"{number:>2}  {shortened(plain(entry.title), 34):<36}"
        if entry.problem is not None:
            return Content.assemble(head, (f"✖ {plain(entry.problem, limit=200)}", "$error"))
        return Content.assemble(head, (about, "$muted"))

    def _here(self) -> Entry | None:
        at = self.query_one(OptionList).highlighted
        return self._queue.entries[at] if at is not None and at < len(self._queue.entries) else None

    def on_key(self, event: events.Key) -> None:
        here, character = self._here(), event.character
        if event.key == "escape":
            self.dismiss(None)
        elif character in ("+", "-"):
            by = 1 if character == "+" else -1
            self.renew(lambda queue: queue.running(queue.at_once + by))
        elif event.key in ("J", "K") and here is not None:
            self.renew(partial(Queue.moved, id=here.id, by=1 if event.key == "J" else -1), here.id)
        elif event.key in ("d", "delete") and here is not None:
            self.renew(partial(Queue.without, id=here.id))
        elif event.key == "r":
            self._go_on()
        elif event.key in ("j", "k"):
            options = self.query_one(OptionList)
            (options.action_cursor_down if event.key == "j" else options.action_cursor_up)()
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
