"""Outcomes of threads that come when what asked for them is being taken down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.worker import Worker, WorkerState

from motrix_tui.threads import in_thread, streamed


class Last(Container):
    """Lets the thread come to its end when its parent is already losing its parts."""

    def on_unmount(self) -> None:
        self.app.go.set()  # type: ignore[attr-defined]


class Outer(Container):
    def compose(self) -> ComposeResult:
        yield Last()

    async def work(self, stream: bool) -> None:
        app = self.app
        assert isinstance(app, Asking)
        if stream:
            async for _ in streamed(lambda emit: (app.go.wait(), emit(1))):
                app.seen.append(len(self.query(Last)))
        else:
            try:
                await in_thread(app.outcome)
            except ValueError:
                app.seen.append(-1)
            app.seen.append(len(self.query(Last)))

    async def on_unmount(self) -> None:
        # Only now does Textual cancel the workers of this widget.
        app = self.app
        assert isinstance(app, Asking)
        while not app.worker.is_finished:
            await asyncio.sleep(0)


class Asking(App[None]):
    worker: Worker[None]

    def __init__(self, *, stream: bool = False, fails: bool = False) -> None:
        super().__init__()
        self.go = threading.Event()
        self.seen: list[int] = []
        self.stream, self.fails = stream, fails

    def compose(self) -> ComposeResult:
        yield Outer()

    def on_mount(self) -> None:
        outer = self.query_one(Outer)
        self.worker = outer.run_worker(partial(outer.work, self.stream))

    def outcome(self) -> None:
        self.go.wait()
        if self.fails:
            raise ValueError("too late")


@pytest.mark.parametrize(
    "make", [Asking, partial(Asking, fails=True), partial(Asking, stream=True)], ids=["value", "error", "stream"]
)
@pytest.mark.parametrize("by", ["removal", "end"])
async def test_an_outcome_that_comes_when_its_place_loses_its_parts_is_dropped(
    make: Callable[[], Asking], by: str
) -> None:
    app = make()
    async with app.run_test() as pilot:
        if by == "removal":
            await app.query_one(Outer).remove()
        await pilot.pause()
    assert app.worker.state is WorkerState.CANCELLED
    assert app.seen == []


async def test_an_outcome_that_comes_in_time_is_given() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        app.go.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
    assert app.worker.state is WorkerState.SUCCESS
    assert app.seen == [1]
