"""`train.render`: the simulator's window on environment 0 while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from motrix_core.envs.source import EnvSource
from motrix_core.errors import WindowUnusable
from motrix_core.view.window import Window, check_window

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig

OpenWindow = Callable[..., Window]


class Spectator:
    """Shows environment 0 of the training of `config` for as long as it can; what goes wrong is told to `warn` once.

    A run was only made if a window could be opened then and there. It may go on elsewhere, or the window may be closed:
    both are no reason to end a training.
    """

    def __init__(self, config: RunConfig, warn: Callable[[str], None], *, open_window: OpenWindow = Window) -> None:
        self._config, self._warn, self._open = config, warn, open_window
        self._window: Window | None = None
        self._physics: Any = None
        self._tried = False

    def watch(self, env: Any) -> None:
        """From now on show `env`, in the window that there is already, if there is one."""
        self._physics = getattr(env, "physics", None)
        if self._tried:
            return
        self._tried = True
        config = self._config
        try:
            if self._physics is None:
                raise WindowUnusable(f"{config.env} has no simulator that could show it")
            check_window(config.env, config.sim, ask_viewer=False)
            self._window = self._open(config.env, config.sim, config.env_options, EnvSource.of(config))
        except WindowUnusable as error:
            self._warn(f"training goes on without a window: {error.message}")

    def look(self) -> None:
        """Show where environment 0 is now, if it is time for the next picture."""
        window = self._window
        if window is None or not window.due():
            return
        window.show(self._physics.dof_pos[0])
        if window.ended is not None:
            self._window = None
            self._warn(f"training goes on without its window: {window.ended}")

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
            self._window = None
