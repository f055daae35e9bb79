"""Keeps an eye on how long what the form describes would take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget

from motrix_tui.launch.form import FormPanel
from motrix_tui.launch.history import History
from motrix_tui.launch.machine import Machine
from motrix_tui.launch.model import FormState
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.envs.spec import EnvSpec
    from motrix_core.runs.layout import RunSummary

# Nobody reads an estimate between two letters of a number.
DELAY_S = 0.2


class Estimating(Widget):
    """The part of LaunchPane that estimates a training's time from the runs folder, in a thread."""

    _machine: Machine
    _state: FormState
    _runs: Sequence[RunSummary] = ()
    _history: History | None = None

    @property
    def _spec(self) -> EnvSpec | None:
        raise NotImplementedError

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """`runs` are what the runs folder has now, newest first."""
        if runs != self._runs:
            self._runs = runs
            self._estimate_soon()

    def _estimate_soon(self) -> None:
        if self.is_mounted:
            self._estimate()

    @work(exclusive=True, group="estimate")
    async def _estimate(self) -> None:
        state, spec = self._state, self._spec
        form = self.query_one(FormPanel)
        if state.config is None or state.derived is None or spec is None or not self._runs:
            form.show_estimate("")
            return
        await asyncio.sleep(DELAY_S)
        self._history = self._history or History()
        # The record of a run names its simulator, also where the form leaves the choice to the machine.
        config = state.config.model_copy(update={"sim": self._machine.sim(spec)})
        found = await in_thread(self._history.estimate, config, state.derived.env_steps, self._runs)
        form.show_estimate(found.words(time.time()) if found is not None else "")
