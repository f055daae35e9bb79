"""Copies between host and device in JAX, and how long they take.

Mirror image of `motrix_core.learn.torch.copies`.
"""

from __future__ import annotations

from time import perf_counter
from typing import TypeVar

import jax
import numpy as np

Tree = TypeVar("Tree")


class Copies:
    """Takes arrays to `device` and back, alone or in a tuple.

    On a CPU compiled functions read NumPy's memory. On a GPU the host waits for each copy, since JAX has no other way
    to time it.
    """

    def __init__(self, device: jax.Device) -> None:
        self._device, self._on_cpu = device, device.platform == "cpu"
        self._seconds = 0.0

    def to_device(self, arrays: Tree) -> Tree:
        """What compiled functions take for `arrays`."""
        if self._on_cpu:
            return arrays
        started = perf_counter()
        there = jax.block_until_ready(jax.device_put(arrays, self._device))
        self._seconds += perf_counter() - started
        return there

    def to_host(self, arrays: Tree) -> Tree:
        """Copies of `arrays` in NumPy, once they are computed."""
        jax.block_until_ready(arrays)
        started = perf_counter()
        here = jax.tree.map(np.array, arrays)
        self._seconds += 0.0 if self._on_cpu else perf_counter() - started
        return here

    def take_s(self) -> float:
        """Seconds that copies took since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds
