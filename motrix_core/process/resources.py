"""What the processes of a run use: CPU, memory, GPUs."""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue
from typing import Any

import psutil


class ResourceSampler:
    """Samples a set of processes; the first sample has no CPU share, as there is nothing to compare it with."""

    def __init__(self) -> None:
        self._cpu_s: dict[tuple[int, float], float] = {}
        self._sampled_at: float | None = None
        self._gpus = _GpuSampler()

    def sample(self, processes: list[psutil.Process]) -> dict[str, Any]:
        """`time` (Unix seconds), `cpu_percent` (100 is one core) or None, `memory_bytes` (resident, pages that
        processes share counted for each), `processes`, `gpus` (see _GpuSampler)."""
        now = time.monotonic()
        cpu_s: dict[tuple[int, float], float] = {}
        memory, pids = 0, []
        for process in processes:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    cpu_s[process.pid, process.create_time()] = times.user + times.system
                    memory += process.memory_info().rss
            except psutil.Error:
                # It ended between being listed and being looked at.
                continue
            pids.append(process.pid)
        used = sum(max(0.0, seconds - self._cpu_s.get(key, 0.0)) for key, seconds in cpu_s.items())
        elapsed = now - self._sampled_at if self._sampled_at is not None else 0.0
        self._cpu_s, self._sampled_at = cpu_s, now
        return {
            "time": time.time(),
            "cpu_percent": round(100.0 * used / elapsed, 1) if elapsed > 0 else None,
            "memory_bytes": memory,
            "processes": len(pids),
            "gpus": self._gpus.sample(frozenset(pids)),
        }


class _GpuSampler:
    """The NVIDIA GPUs that the processes use: `index`, their own `memory_bytes`, everybody's `utilisation_percent`.

    A driver may hang, and a supervisor must not hang with it: a thread asks, and `sample` gives what it last heard.
    """

    def __init__(self) -> None:
        self._pids: SimpleQueue[frozenset[int]] = SimpleQueue()
        self._waiting = False
        self._newest: list[dict[str, Any]] = []
        try:
            import pynvml
        except ImportError:
            return
        threading.Thread(target=self._ask_for_ever, args=(pynvml,), name="gpus", daemon=True).start()

    def sample(self, pids: frozenset[int]) -> list[dict[str, Any]]:
        if not self._waiting:
            self._waiting = True
            self._pids.put(pids)
        return self._newest

    def _ask_for_ever(self, nvml: Any) -> None:
        try:
            nvml.nvmlInit()
            count = nvml.nvmlDeviceGetCount()
        except (nvml.NVMLError, OSError):
            # No driver, no permission, or a library that cannot be loaded: no GPU that training could use either.
            return
        while True:
            pids = self._pids.get()
            asked = (_ask(nvml, index, pids) for index in range(count))
            self._newest = [gpu for gpu in asked if gpu is not None]
            self._waiting = False


def _ask(nvml: Any, index: int, pids: frozenset[int]) -> dict[str, Any] | None:
    """What the processes use of one GPU; None if that is nothing, or if it does not answer."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        own = [entry for entry in running if entry.pid in pids]
        if not own:
            return None
        percent = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    except nvml.NVMLError:
        return None
    memory = sum(entry.usedGpuMemory or 0 for entry in own)
    return {"index": index, "memory_bytes": memory, "utilisation_percent": percent}
