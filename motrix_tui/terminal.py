"""The terminal that the dashboard is drawn on, and its end."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable

from motrix_core.terminal import Terminal

HUNG_UP_EXIT_CODE = 128 + signal.SIGHUP


def terminal_of(app: object) -> Terminal:
    """That of an app that knows its terminal, else one that can show everything."""
    terminal = getattr(app, "terminal", None)
    return terminal if isinstance(terminal, Terminal) else Terminal()


def end_with_terminal(descriptor: int, end: Callable[[], object] = lambda: os._exit(HUNG_UP_EXIT_CODE)) -> None:
    """Call `end` once the terminal or pipe at `descriptor` is gone, from a thread that costs nothing until then.

    The kernel tells that only to the processes that the terminal controls. The others would go on drawing for nobody;
    Textual takes the end of its input for a pause and asks again at once. `end` cannot be a polite one: whatever is
    still to be written is waited for, and nobody will ever read it.
    """

    def watch() -> None:
        poller = select.poll()
        # That it hung up is told without being asked for; input is somebody else's.
        poller.register(descriptor, 0)
        poller.poll()
        end()

    threading.Thread(target=watch, name="terminal", daemon=True).start()
