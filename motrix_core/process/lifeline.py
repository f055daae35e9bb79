"""How a trainer notices that its supervisor is gone.

The supervisor holds one end of a pipe and the trainer the other. Nothing is ever written: when the supervisor ends,
however it ends, the kernel closes its end, and that is the message.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, MutableMapping

LIFELINE_VARIABLE = "MOTRIX_LIFELINE_FD"


class Lifeline:
    """The trainer's end of the pipe; without a `descriptor` (a trainer started by hand) it is never lost."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            # Workers that the trainer starts have no use for it.
            os.set_inheritable(descriptor, False)

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Lifeline:
        """The lifeline that the supervisor gave this process; it is taken out of `environ`, so call this once."""
        text = environ.pop(LIFELINE_VARIABLE, None)
        return cls(int(text) if text is not None else None)

    @property
    def lost(self) -> bool:
        """Whether the supervisor is gone."""
        return self._descriptor is not None and self._wait(0.0)

    def watch(self, on_lost: Callable[[], None], *, kill_after_s: float | None = None) -> None:
        """Call `on_lost` once, from a thread, when the supervisor is gone.

        The callback asks training to stop after a checkpoint. A process that is still there `kill_after_s` seconds
        later is killed, together with its group if it leads one: nobody else is left to do it.
        """
        if self._descriptor is None:
            return
        thread = threading.Thread(target=self._watch, args=(on_lost, kill_after_s), name="lifeline", daemon=True)
        thread.start()

    def _watch(self, on_lost: Callable[[], None], kill_after_s: float | None) -> None:
        self._wait(None)
        on_lost()
        if kill_after_s is None:
            return
        threading.Event().wait(kill_after_s)
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def _wait(self, timeout_s: float | None) -> bool:
        poller = select.poll()
        poller.register(self._descriptor or 0, select.POLLIN | select.POLLHUP)
        return bool(poller.poll(None if timeout_s is None else int(timeout_s * 1000)))
