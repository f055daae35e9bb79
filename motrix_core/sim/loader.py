"""Simulators by name. Nothing is imported before `load_sim` is called."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from motrix_core.errors import EnvironmentFailed, MissingExtra, UnknownName
from motrix_core.sim.base import BatchSim
from motrix_core.sim.motrixsim_log import output_read

# name, which is also its package and its extra → (how it is spelled, our module, our class)
_ENGINES: dict[str, tuple[str, str, str]] = {
    "motrixsim": ("MotrixSim", "motrix_core.sim.motrixsim", "MotrixSimBatch"),
    "mujoco": ("MuJoCo", "motrix_core.sim.mujoco", "MujocoBatch"),
}

SIMULATORS: tuple[str, ...] = tuple(_ENGINES)


def is_installed(name: str) -> bool:
    """Whether the simulator's package can be found; it is not imported, so it may still turn out to be broken."""
    _known(name)
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def load_sim(name: str, path: Path, *, num_envs: int, sensors: Sequence[str] = ()) -> BatchSim:
    """Load the MJCF file `path` into `num_envs` worlds of the simulator `name`.

    Raises `UnknownName`, `MissingExtra` when the simulator is not installed, and `EnvironmentFailed` when it is
    installed but cannot be imported or cannot load the model.
    """
    title, module, class_name = _known(name)
    try:
        with output_read() if name == "motrixsim" else nullcontext():
            engine = getattr(importlib.import_module(module), class_name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise MissingExtra(title, name) from error
        raise EnvironmentFailed(f"{title} cannot be imported: {error}", mend=_reinstall(name)) from error
    except ImportError as error:
        raise EnvironmentFailed(f"{title} cannot be imported: {error}", mend=_reinstall(name)) from error
    return engine.load(path, num_envs=num_envs, sensors=sensors)


def _known(name: str) -> tuple[str, str, str]:
    if name not in _ENGINES:
        raise UnknownName("simulator", name, SIMULATORS)
    return _ENGINES[name]


def _reinstall(name: str) -> str:
    return f"pip install --force-reinstall 'motrix-tui[{name}]'"
