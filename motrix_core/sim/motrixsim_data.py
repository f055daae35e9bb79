"""New worlds of MotrixSim that are freed when nothing uses them any longer."""

from __future__ import annotations

import ctypes
import importlib.metadata
import sys

import motrixsim

# The versions that this was seen in; what another one does with its references is not known.
_COUNTS_ONE_TOO_MANY = importlib.metadata.version("motrixsim").startswith("0.10.")


def make_data(model: motrixsim.SceneModel, worlds: int) -> motrixsim.SceneData:
    """A `SceneData` of so many worlds of `model`.

    MotrixSim 0.10 counts one reference to it that nobody has, so that it would never be freed: 7 to 11 KB for each
    world of a robot, after every rollout. That reference is given back, if it is there.
    """
    data = motrixsim.SceneData(model, batch=(worlds,))
    # Referred to as often as `data` should be.
    other = object()
    if _COUNTS_ONE_TOO_MANY and sys.getrefcount(data) == sys.getrefcount(other) + 1:
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(data))
    return data
