"""Copies between host and device in PyTorch, and how long they take.

Mirror image of `motrix_core.learn.jax.copies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import torch


class Copies:
    """Takes arrays to `device` and tensors back.

    On a CPU nothing is copied: tensors and arrays share memory. On a GPU an array goes through pinned memory, without
    waiting for the device; events in its stream time the copies, so that the host need not wait for that either.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._on_cpu = device, device.type == "cpu"
        self._pinning_s = 0.0
        self._copies: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def to_device(self, array: np.ndarray) -> torch.Tensor:
        """`array` on the device, of the same shape and dtype."""
        host = torch.from_numpy(np.ascontiguousarray(array))
        if self._on_cpu:
            return host
        started = perf_counter()
        pinned = host.pin_memory()
        self._pinning_s += perf_counter() - started
        with self._timed():
            return pinned.to(self._device, non_blocking=True)

    def to_host(self, tensor: torch.Tensor) -> np.ndarray:
        """`tensor` as an array, once it is computed."""
        if self._on_cpu:
            return tensor.numpy()
        with self._timed():
            return tensor.cpu().numpy()

    def take_s(self) -> float:
        """Seconds that copies took since the last call; to be asked after a `to_host`, when they are over."""
        seconds, self._pinning_s = self._pinning_s, 0.0
        for begin, end in self._copies:
            end.synchronize()
            seconds += begin.elapsed_time(end) / 1000.0
        self._copies.clear()
        return seconds

    @contextmanager
    def _timed(self) -> Iterator[None]:
        stream = torch.cuda.current_stream(self._device)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record(stream)
        yield
        end.record(stream)
        self._copies.append((begin, end))
