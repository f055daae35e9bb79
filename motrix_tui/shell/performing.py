"""The actions of every place, done where one is or after going to their place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import cast

from textual import work
from textual.widget import Widget

from motrix_tui.actions import APP_ACTIONS, Action, all_actions
from motrix_tui.shell.place import NOTHING_OPEN, Place
from motrix_tui.shell.watching import Watching

_ROOM_S = 1.0


class Performing(Watching):
    """The part of the application that carries out actions by name, for the palette."""

    place: str
    _own_keys: dict[str, tuple[str, ...]]

    def available_actions(self) -> tuple[Action, ...]:
        here = [action for action in all_actions() if action.place == self.place]
        return self._with_own_keys((*here, *APP_ACTIONS))

    def actions_elsewhere(self) -> tuple[Action, ...]:
        return self._with_own_keys(action for action in all_actions() if action.place not in (self.place, "app"))

    def key_of_place(self, place: str) -> str:
        (action,) = self._with_own_keys(action for action in APP_ACTIONS if action.id == f"app.{place}")
        return action.keys[0]

    def _with_own_keys(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        return tuple(replace(action, keys=self._own_keys.get(action.id, action.keys)) for action in actions)

    def why_not(self, action: Action) -> str | None:
        if action.place == "app":
            return None
        pane = self._pane(action.place)
        if pane is not None:
            return pane.why_not(action.handler)
        # Runs would have some, and Launch needs none.
        return None if action.place == "runs" else NOTHING_OPEN.get(action.place)

    def _pane(self, place: str) -> Place | None:
        """The pane of `place`, None before its first visit."""
        panes = self._main.get_child_by_id("places-switcher").children
        return cast("Place | None", next((pane for pane in panes if pane.id == place), None))

    async def perform(self, action: Action) -> None:
        if action.place in ("app", self.place):
            await self._carry_out(action, None)
        else:
            self._go_and_perform(action)

    @work(exclusive=True, group="perform")
    async def _go_and_perform(self, action: Action) -> None:
        before = self.why_not(action)
        await self.run_action(f"app.{action.place}")
        pane = self._pane(action.place)
        if pane is not None:
            await pane.until_ready()
            await self._until_laid_out(cast(Widget, pane))
        await self._carry_out(action, before)

    async def _until_laid_out(self, pane: Widget) -> None:
        """What is done may depend on the room that there is, which a new pane has not been given yet.

        A refresh is not enough: while the palette closes the screen below it is refreshed, and not laid out. A terminal
        of very few lines never has room.
        """
        laid_out = asyncio.Event()
        signal = self._main.screen_layout_refresh_signal
        signal.subscribe(pane, lambda _: laid_out.set() if pane.size else None, immediate=True)
        try:
            if not pane.size:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(laid_out.wait(), _ROOM_S)
        finally:
            signal.unsubscribe(pane)

    async def _carry_out(self, action: Action, before: str | None) -> None:
        """Run the handler of `action`, or say why not; `before` is what was in its way when it was chosen.

        What a place opens because one goes there was not meant by whoever chose the action before seeing it.
        """
        obstacle = self.why_not(action)
        if obstacle is None and before is not None:
            obstacle = f"{before}; the newest one is now, and {action.title} was not done"
        if obstacle is not None:
            self.notify(f"{action.title}: {obstacle}", severity="warning", markup=False)
            return
        target = self if action.place == "app" else self._pane(action.place)
        await self.run_action(action.handler, default_namespace=target)  # type: ignore[arg-type]
