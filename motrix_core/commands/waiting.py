"""While the code of a user's environment runs: a word on stderr where it takes long, and stdout kept for our own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

PATIENCE_S = 15.0
"""Longer than any check of `motrix envs check` takes of itself."""


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Say after `PATIENCE_S`, and ever more rarely, that `what` is waited for, and which line this thread is in.

    What is printed meanwhile goes to stderr: stdout is data, which a `print` in an environment would make unreadable.
    """
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
        with prints_on_stderr():
            yield
    finally:
        done.set()
        teller.join()


@contextmanager
def prints_on_stderr() -> Iterator[None]:
    """Let what is printed meanwhile go to stderr, also by libraries that are no Python."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
