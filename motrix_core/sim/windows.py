"""A simulator's own window on one world: `open_window` for a loaded simulation, whichever engine it is on."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from motrix_core.errors import UnknownName

# A simulator's name → our module, which has `can_open` and `open_window`, and the package's module with its viewer.
_MODULES = {
    "mujoco": ("motrix_core.sim.mujoco_window", "mujoco.viewer"),
    "motrixsim": ("motrix_core.sim.motrixsim_window", "motrixsim.render"),
}


class SimWindow(Protocol):
    """An open window of a simulator."""

    @property
    def is_open(self) -> bool:
        """False once the person has closed it."""
        ...

    def sync(self) -> None:
        """Show where the first world of the simulation is now, and take part in what the person does."""
        ...

    def close(self) -> None:
        """Take the window off the screen; again is fine."""
        ...


def viewer_module(sim: str) -> str:
    """The module of the simulator `sim` that opens windows. Raises `UnknownName`."""
    return _known(sim)[1]


def check_viewer(sim: str) -> None:
    """Import the viewer of `sim` and ask whether it finds a display.

    Raises whatever the import does, and `WindowUnusable` when it works but no window can be opened.
    """
    importlib.import_module(viewer_module(sim))
    importlib.import_module(_known(sim)[0]).check_display()


def open_window(physics: Any, title: str) -> SimWindow:
    """A window on the first world of `physics`, a `BatchSim`. Raises `WindowUnusable` and what the viewer raises."""
    return importlib.import_module(_known(physics.name)[0]).open_window(physics, title)


def _known(sim: str) -> tuple[str, str]:
    if sim not in _MODULES:
        raise UnknownName("simulator with a window", sim, _MODULES)
    return _MODULES[sim]
