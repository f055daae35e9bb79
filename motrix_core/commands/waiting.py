"""A word on stderr where the code of a user's environment takes long, so that nobody waits for ever without knowing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 15.0
"""Longer than any check of `motrix envs check` takes of itself."""


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Say after `PATIENCE_S`, and ever more rarely, that `what` is waited for, and which line this thread is in."""
    thread, done = threading.get_ident(), threading.Event()

    def tell() -> None:
        patience_s = PATIENCE_S
        while not done.wait(patience_s):
            from motrix_core.envs.blame import place_of_thread

            place = place_of_thread(thread)
            at = f", which is in {place}" if place is not None else ""
            sys.stderr.write(f"motrix: waiting for {what}{at}; Ctrl-C ends it\n")
            sys.stderr.flush()
            patience_s *= 2.0

    teller = threading.Thread(target=tell, name="waiting", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
