"""Play: a policy of a run as braille bodies, with its score beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from motrix_core.runs.text import plain
from motrix_tui.actions import bindings
from motrix_tui.core import Core
from motrix_tui.play.actions import PLAY_ACTIONS
from motrix_tui.play.panel import Figures
from motrix_tui.shell.growing import Growing
from motrix_tui.shell.place import NOTHING_OPEN, Place
from motrix_tui.terminal import terminal_of
from motrix_tui.text import grouped, shortened

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_tui.play.child import PlayChild

_NARROW = 72
_NOTHING = "no policy is being played\n\n3 goes to Runs; p there plays one"
_STARTING = "starting the simulator …"


class PlayPane(Vertical, Place):
    """Plays the run that `open_run` was called with last."""

    HELP = (
        "A policy without noise, drawn from its bodies' places. Space holds it, [ and ] go through the run's "
        "checkpoints. It plays in a process of its own; training is not touched."
    )
    BINDINGS: list[Binding] = bindings(PLAY_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    PlayPane { height: 1fr; }
    PlayPane #play-status { height: 1; padding: 0 1; }
    PlayPane #play-body { height: 1fr; }
    PlayPane #play-problem { max-height: 6; padding: 0 1; color: $error; display: none; }
    PlayPane.-wrong #play-problem { display: block; }
    PlayPane.-narrow Figures { display: none; }
    """

    @dataclass
    class Opened(Message):
        """The person wants to see `run` in Monitor."""

        run: Run

    def __init__(self, core: Core, *, id: str) -> None:
        super().__init__(id=id)
        self._core = core
        self._child: PlayChild | None = None
        self._checkpoints: Sequence[Mapping[str, Any]] = ()
        self._checkpoint: str | None = None
        self._title = ""
        self._frame: Mapping[str, Any] = {}
        self._held = False
        self._failed = False
        self.run: Run | None = None

    def compose(self) -> ComposeResult:
        yield Static("", id="play-status", markup=False)
        yield Growing("", id="play-problem", markup=False)
        with Horizontal(id="play-body"):
            yield Picture(id="picture")
            yield Figures(id="figures")

    def on_mount(self) -> None:
        self._clear(_NOTHING)

    def open_run(self, run: Run) -> None:
        """Play `run`, unless that is what is being played."""
        if self.run == run and self._child is not None and not self._failed:
            return
        self._failed = False
        self.run = run
        self.refresh_bindings()
        self._checkpoints, self._checkpoint, self._title = (), None, f"{run.env} · {run.id}"
        # What is told when Play comes into sight again is not for this one.
        self._held = False
        self._clear(_STARTING)
        self._play(run)

    def try_again(self) -> None:
        """Open the run again if it could not be played."""
        if self.run is not None and self._failed:
            self.open_run(self.run)

    @work(exclusive=True, group="play")
    async def _play(self, run: Run) -> None:
        width, height = self.query_one(Picture).room
        child = self._core.play(run, width, height, ascii=not terminal_of(self.app).unicode)
        self._child = child
        try:
            async for message in child.messages():
                self._take(message)
        finally:
            await child.stop()
            if self._child is child:
                self._child = None

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind == "ready":
            self._title, self._checkpoint = message["title"], message["checkpoint"]
            self._checkpoints = message["checkpoints"]
            self._complain("")
            self._failed = False
            # It was told when it was started, which may have been before there was a picture to measure.
            width, height = self.query_one(Picture).room
            self._tell(do="size", width=width, height=height)
            if not message["drawable"]:
                self.query_one(Picture).say("this environment has nothing to draw: no simulator, no sketch()")
        elif kind == "frame":
            self._frame = message
            if not self.display:
                # Its first picture came after Play was left.
                self._hold()
            self.query_one(Picture).show(message["lines"])
            self.query_one(Figures).show(message)
        elif kind == "error":
            # Whoever opens the run again tries again: its first checkpoint may be there by now.
            self._failed = True
            self._clear("")
            self._complain(message["message"])
        self._draw_status()

    def _clear(self, words: str) -> None:
        self._frame = {}
        self.query_one(Picture).say(words)
        self.query_one(Figures).show({})
        self._complain("")
        self._draw_status()

    def _complain(self, problem: str) -> None:
        self.set_class(bool(problem), "-wrong")
        self.query_one("#play-problem", Static).update(f"✖ {plain(problem)}" if problem else "")

    def _draw_status(self) -> None:
        title = plain(self._title) if self.run is not None else ""
        frame = self._frame
        state = ("paused" if frame["paused"] else f"{frame['speed']:g}×") if frame else ""
        checkpoints = [""]
        index = self._index()
        if index is not None:
            place = f"checkpoint {index + 1} of {len(self._checkpoints)}"
            # The title names it too.
            checkpoints = [f"{place}, {grouped(self._checkpoints[index]['env_steps'])} env steps", place, ""]
        # The first picture has all of the width, before the line is laid out.
        width = max(self.size.width - 2, 0)
        lines = [" · ".join(filter(None, (title, state, checkpoint))) for checkpoint in checkpoints]
        line = next((line for line in lines if len(line) <= width), None)
        if line is None:
            room = width - len(state) - len(" · ")
            line = " · ".join(filter(None, (shortened(title, room if state else width), state)))
        self.query_one("#play-status", Static).update(line)

    def _index(self) -> int | None:
        names = [info["name"] for info in self._checkpoints]
        return names.index(self._checkpoint) if self._checkpoint in names else None

    async def on_unmount(self) -> None:
        # The event loop must see the player's end, which it would otherwise hear of when it is no longer there.
        if self._child is not None:
            await self._child.stop()

    # Room and sight.

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < _NARROW, "-narrow")
        self._draw_status()

    def on_picture_resized(self, event: Picture.Resized) -> None:
        self._tell(do="size", width=event.width, height=event.height)

    def on_hide(self) -> None:
        self._hold()

    def _hold(self) -> None:
        """Nobody looks: nothing is simulated."""
        if self._frame and not self._frame["paused"] and not self._held:
            self._held = True
            self._tell(do="pause")

    def on_show(self) -> None:
        if self._held:
            self._held = False
            self._tell(do="pause")

    def _tell(self, **command: Any) -> None:
        if self._child is not None:
            self._child.tell(**command)

    # Actions.

    def why_not(self, handler: str) -> str | None:
        return None if self.run is not None else NOTHING_OPEN["play"]

    def action_pause(self) -> None:
        self._tell(do="pause")

    def action_step(self) -> None:
        self._tell(do="step")

    def action_faster(self) -> None:
        self._tell(do="speed", factor=2.0)

    def action_slower(self) -> None:
        self._tell(do="speed", factor=0.5)

    def action_next_episode(self) -> None:
        self._tell(do="next")

    def action_view(self) -> None:
        self._tell(do="view")

    def action_previous_checkpoint(self) -> None:
        self._choose(-1)

    def action_next_checkpoint(self) -> None:
        self._choose(1)

    def action_best_checkpoint(self) -> None:
        if not any(info["best"] for info in self._checkpoints):
            self.notify("no checkpoint of this run has been scored", markup=False)
            return
        self._tell(do="checkpoint", which="best")

    def _choose(self, by: int) -> None:
        count, index = len(self._checkpoints), self._index()
        if not count:
            return
        wanted = count - 1 if index is None else index + by
        if not 0 <= wanted < count:
            self.notify("that is the first checkpoint" if by < 0 else "that is the last checkpoint", markup=False)
            return
        self._tell(do="checkpoint", which=str(self._checkpoints[wanted]["env_steps"]))

    def action_monitor(self) -> None:
        if self.run is not None:
            self.post_message(self.Opened(self.run))


class Picture(Widget, can_focus=True):
    """Lines as they are, or a few words in the middle."""

    ALLOW_SELECT = False
    HELP = PlayPane.HELP
    DEFAULT_CSS = """
    Picture { width: 1fr; border: round $rule; color: $foreground; }
    Picture:focus { border: round $primary; }
    """

    @dataclass
    class Resized(Message):
        """There is room for `width` × `height` characters."""

        width: int
        height: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._words = ""

    @property
    def room(self) -> tuple[int, int]:
        """Characters that fit."""
        return max(self.size.width, 1), max(self.size.height, 1)

    @property
    def lines(self) -> Sequence[str]:
        """The picture that is shown, empty for words."""
        return self._lines

    def show(self, lines: Sequence[str]) -> None:
        """A picture."""
        self._lines, self._words = [plain(line) for line in lines], ""
        self.refresh()

    def say(self, words: str) -> None:
        """Words instead of a picture."""
        self._lines, self._words = (), words
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self.post_message(self.Resized(*self.room))

    def render(self) -> Content:
        width, height = self.room
        if self._words:
            words = [word.center(width) for word in self._words.split("\n")]
            top = max((height - len(words)) // 2, 0)
            return Content("\n" * top + "\n".join(words)).stylize("$muted")
        return Content("\n".join(self._lines))
