"""Following a run from the command line: its events as lines, as a live display, or as JSON, until it ends.

The run does not depend on its follower: closing the terminal ends only this.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from motrix_core.commands.progress import narrator_for
from motrix_core.errors import MotrixError
from motrix_core.runs.text import printable_json

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run

POLL_S = 0.1
_LOOK_S = 1.0
Style = Literal["auto", "json", "quiet"]


def follow(run: Run, *, style: Style = "auto", since: int = 0) -> int:
    """Show `run` until it ends, from byte `since` of its events on: where they ended before it was continued.

    Returns the command's exit code: 0, 3 when it failed, 130 when it was stopped.
    The first Ctrl-C asks the trainer to stop after a final checkpoint, the second sends TERM, the third KILL.
    """
    from motrix_core.process.control import wait

    narrator = narrator_for(run, style)
    events = sys.stdout if style == "json" else None
    with interrupts(run, narrator.note) as pressed, narrator:
        for event in run_events(run, pressed, since):
            if events is not None:
                try:
                    events.write(printable_json(json.dumps(event, separators=(",", ":"))) + "\n")
                    events.flush()
                except BrokenPipeError:
                    narrator.note(f"stdout was closed; training goes on, motrix runs stop {run.id} stops it")
                    raise
            narrator.event(event)
    # The supervisor writes the last event first and the final state after it.
    state = wait(run)
    narrator.summary(state)
    if style != "json":
        sys.stdout.write(f"{run.path}\n")
    return {"finished": 0, "stopped": 130}.get(state.status, 3)


def run_events(run: Run, pressed: Interrupts, since: int = 0) -> Iterator[dict[str, Any]]:
    """Every event of `run` after byte `since` as it is written, up to `run_ended`, or until nothing can write one.

    Where a person has `left`, it ends at once.
    """
    from motrix_core.runs.reader import EventReader

    reader = EventReader(run.paths.events)
    reader.start_after(since)
    over, look_at = False, 0.0
    while not pressed.left:
        # The state is read before the events: what a run wrote before it ended is then never missed. Not each time:
        # a run that ends says so in its events, and following one must cost its training nothing.
        if (now := time.monotonic()) >= look_at:
            over, look_at = not run.state().is_live, now + _LOOK_S
        batch = reader.poll()
        for event in batch:
            yield event
            if event["type"] == "run_ended" or pressed.left:
                return
        if not batch:
            if over:
                return
            pressed.wake.wait(POLL_S)
            pressed.wake.clear()


@dataclass
class Interrupts:
    """How often a person has asked for the end; `wake` is set at each time. `left` where the run goes on without us."""

    count: int = 0
    left: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


@contextmanager
def interrupts(run: Run, note: Callable[[str], object]) -> Iterator[Interrupts]:
    """Turn SIGINT and SIGTERM into stop requests, each more urgent than the one before; `note` says what was done."""
    from motrix_core.process.control import request_stop
    from motrix_core.runs.control import append_request

    steps: list[tuple[str, Callable[[], object]]] = [
        (
            "stopping after a checkpoint; Ctrl-C again stops it now",
            lambda: append_request(run, {"type": "stop"}),
        ),
        ("terminating; Ctrl-C again kills it", lambda: request_stop(run)),
        ("killing", lambda: request_stop(run, kill=True)),
    ]

    def stop(pressed: Interrupts) -> None:
        words, act = steps[min(pressed.count - 1, len(steps) - 1)]
        note(words)
        try:
            act()
        except MotrixError as error:
            note(str(error))

    with _interrupted(stop) as pressed:
        yield pressed


@contextmanager
def leaving(run: Run, note: Callable[[str], object]) -> Iterator[Interrupts]:
    """Let SIGINT and SIGTERM end the following of `run`, which somebody else has begun; it goes on."""

    def leave(pressed: Interrupts) -> None:
        if not pressed.left:
            note(f"left run {run.id}, which another has begun; motrix runs stop {run.id} stops it")
        pressed.left = True

    with _interrupted(leave) as pressed:
        yield pressed


@contextmanager
def _interrupted(act: Callable[[Interrupts], object]) -> Iterator[Interrupts]:
    pressed = Interrupts()

    def interrupted(signum: int, frame: object) -> None:
        pressed.count += 1
        act(pressed)
        pressed.wake.set()

    previous = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pressed
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
