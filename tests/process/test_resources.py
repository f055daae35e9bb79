from __future__ import annotations

import sys
import threading
from types import ModuleType, SimpleNamespace

import psutil
import pytest
from process_support import eventually

from motrix_core.process.resources import ResourceSampler


class NVMLError(Exception):
    pass


class FakeNvml(ModuleType):
    """A pynvml with two GPUs, of which the first is lost; the second runs this process and another one."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.answering = threading.Event()
        self.answering.set()

    def nvmlInit(self) -> None:
        self.answering.wait()

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index == 0:
            raise NVMLError("GPU is lost")
        return index

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        mine = SimpleNamespace(pid=psutil.Process().pid, usedGpuMemory=1 << 30)
        return [mine, SimpleNamespace(pid=1, usedGpuMemory=5 << 30)]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=37)


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def test_the_processes_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    sampler, here = ResourceSampler(), psutil.Process()
    assert sampler.sample([here])["cpu_percent"] is None
    found = sampler.sample([here])
    assert found["cpu_percent"] >= 0 and found["memory_bytes"] > 1 << 20
    assert (found["processes"], found["gpus"]) == (1, [])


def test_of_gpus_only_what_the_processes_use_is_counted_and_a_lost_one_hides_no_other(nvml: FakeNvml) -> None:
    sampler, here = ResourceSampler(), [psutil.Process()]
    found = eventually(lambda: sampler.sample(here)["gpus"], "asked")
    assert found == [{"index": 1, "memory_bytes": 1 << 30, "utilisation_percent": 37}]


def test_a_driver_that_hangs_does_not_hold_up_the_supervisor(nvml: FakeNvml) -> None:
    nvml.answering.clear()
    sampler, here = ResourceSampler(), [psutil.Process()]
    assert sampler.sample(here)["gpus"] == []
    assert sampler.sample(here)["processes"] == 1
    nvml.answering.set()
    eventually(lambda: sampler.sample(here)["gpus"], "answered after all")


@pytest.mark.parametrize("error", [NVMLError("no driver"), OSError("invalid ELF header")])
def test_a_driver_that_cannot_be_loaded_is_as_no_gpu(
    error: Exception, nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(nvml, "nvmlInit", fail)
    sampler = ResourceSampler()
    assert [sampler.sample([psutil.Process()])["gpus"] for _ in range(2)] == [[], []]
