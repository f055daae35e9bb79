"""Blocking work beside the event loop, in daemon threads.

Textual's thread workers run in the loop's executor, which is waited for at the end: a probe that hangs for 30 s would
keep the terminal for 30 s after `q`. A daemon thread is left alone instead; none of ours holds anything that an end in
the middle could damage.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

from textual.worker import active_worker

T = TypeVar("T")

# Two threads that import modules of one circle at the same moment see each other's half-made modules.
IMPORTING = threading.RLock()
"""Held by whoever imports a room when it is first needed."""
_SOON_S = 0.5


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """`function(*args)`, run in a thread of its own; its exception is raised here.

    Raises:
        asyncio.CancelledError: The worker that waits belongs to something that is being taken down.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (function(*args), None)
        except BaseException as error:
            outcome = (None, error)
        # The loop is closed when the dashboard was left meanwhile; then nobody waits for the outcome.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, *outcome)

    threading.Thread(target=run, name=getattr(function, "__name__", "work"), daemon=True).start()
    try:
        return await future
    finally:
        _go_on()


def _go_on() -> None:
    """Cancel the worker that runs where what it works for is being taken down.

    Textual cancels the workers of a widget, a screen or the application only when all that is within it is gone. An
    outcome that comes between would be shown in a place that has lost its parts.
    """
    worker = active_worker.get(None)
    if worker is not None and not (worker.node.is_running and worker.node.app.is_running):
        raise asyncio.CancelledError


async def announced(function: Callable[[], T], say: Callable[[], None]) -> T:
    """`in_thread(function)`; `say` is called once if that takes so long that somebody might press the key again."""
    task = asyncio.ensure_future(in_thread(function))
    await asyncio.wait({task}, timeout=_SOON_S)
    if not task.done():
        say()
    return await task


async def streamed(function: Callable[[Callable[[T], None]], object]) -> AsyncIterator[T]:
    """What `function(emit)`, run in a thread of its own, gives to `emit`, as it comes, until it returns."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[T] | None] = asyncio.Queue()

    def put(item: tuple[T] | None) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def run() -> None:
        try:
            function(lambda item: put((item,)))
        finally:
            put(None)

    worker = asyncio.ensure_future(in_thread(run))
    while (item := await queue.get()) is not None:
        _go_on()
        yield item[0]
    await worker
