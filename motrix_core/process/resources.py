"""What the processes of a run use: CPU, memory, GPUs."""

from __future__ import annotations

import time
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
    """The NVIDIA GPUs that the processes use: `index`, their own `memory_bytes`, everybody's `utilisation_percent`."""

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handles: list[Any] = []
        try:
            import pynvml
        except ImportError:
            return
        try:
            pynvml.nvmlInit()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError:
            # No driver, or no permission: there is no GPU that training could use either.
            return
        self._nvml = pynvml

    def sample(self, pids: frozenset[int]) -> list[dict[str, Any]]:
        gpus = []
        for index, handle in enumerate(self._handles):
            try:
                running = self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)
                own = [entry for entry in running if entry.pid in pids]
                if not own:
                    continue
                percent = self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu
            except self._nvml.NVMLError:
                continue
            memory = sum(entry.usedGpuMemory or 0 for entry in own)
            gpus.append({"index": index, "memory_bytes": memory, "utilisation_percent": percent})
        return gpus
