"""What this machine has, found without importing any backend and without starting any process."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from motrix_core.hardware import limits
from motrix_core.hardware.requirements import installed_version

PACKAGES = ("jax", "jaxlib", "flax", "torch", "skrl", "motrixsim", "mujoco", "textual")

# A GPU can work where NVML does not: a container without the driver's utilities, AMD's driver, WSL.
_GPU_DEVICE_FILES = ("nvidia[0-9]*", "kfd", "dxg")


@dataclass(frozen=True)
class Cpu:
    """The processor. `usable` counts the CPUs that this process gets, fractional under a quota."""

    model: str
    logical: int
    physical: int | None
    usable: float
    limited_by: str | None
    """What makes `usable` lower than `logical`, or None."""


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes, as far as this process may use it; `machine_total` is what the machine has."""

    total: int
    available: int
    machine_total: int
    limited_by: str | None


@dataclass(frozen=True)
class Gpu:
    """A GPU by NVML. Memory in bytes, utilisation in percent; None where the driver does not tell."""

    index: int
    name: str
    memory_total: int | None
    memory_used: int | None
    utilisation: int | None
    driver: str | None


@dataclass(frozen=True)
class Inventory:
    cpu: Cpu
    memory: Memory
    gpus: tuple[Gpu, ...]
    gpu_reason: str | None
    """Why `gpus` is empty or incomplete, or None."""
    packages: Mapping[str, str | None]
    """Name in `PACKAGES` → installed version, or None."""
    python: str
    platform: str

    def to_json(self) -> dict[str, Any]:
        """The same as JSON-ready dictionaries and lists."""
        return asdict(self)


def inventory() -> Inventory:
    """CPU, memory, GPUs and package versions of this machine, as this process may use them."""
    gpus, gpu_reason = read_gpus()
    return Inventory(
        cpu=read_cpu(),
        memory=read_memory(),
        gpus=gpus,
        gpu_reason=gpu_reason,
        packages={name: installed_version(name) for name in PACKAGES},
        python=platform.python_version(),
        platform=platform.platform(),
    )


def read_cpu() -> Cpu:
    logical = psutil.cpu_count(logical=True) or 1
    usable, limited_by = limits.usable_cpus(logical)
    return Cpu(cpu_model(), logical, psutil.cpu_count(logical=False), usable, limited_by)


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name as the system tells it; at least its architecture."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    # x86 writes "model name"; single-board ARM systems "Model" or "Hardware"; ARM servers none of them.
    for key in ("model name", "Model", "Hardware"):
        if fields.get(key):
            return " ".join(fields[key].split())
    return platform.processor() or platform.machine() or "unknown"


def read_memory() -> Memory:
    machine = psutil.virtual_memory()
    limit = limits.memory_limit()
    if limit is None or limit.limit_bytes >= machine.total:
        return Memory(machine.total, machine.available, machine.total, None)
    room = max(0, limit.limit_bytes - limit.used_bytes)
    return Memory(limit.limit_bytes, min(machine.available, room), machine.total, "cgroup memory limit")


def read_gpus() -> tuple[tuple[Gpu, ...], str | None]:
    """Every NVIDIA GPU by NVML, and why there are none or fewer than there should be.

    Never raises: without a driver, or with a broken one, the reason says so.
    """
    try:
        import pynvml
    except ImportError as error:
        return (), f"nvidia-ml-py cannot be imported ({error}); pip install nvidia-ml-py"
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError, OSError) as error:
        return (), f"no usable NVIDIA driver ({_nvml_message(error)})"
    try:
        return _gpus_of(pynvml)
    except (pynvml.NVMLError, OSError) as error:
        return (), f"the NVIDIA driver does not answer ({_nvml_message(error)})"
    finally:
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError:
            pass  # a driver that fails to let go has already answered, and nothing is left to release


def gpu_possible(gpus: tuple[Gpu, ...], devices: Path = Path("/dev")) -> bool:
    """Whether a backend might find a GPU: NVML sees one, or the system has a GPU's device file."""
    return bool(gpus) or any(next(devices.glob(pattern), None) for pattern in _GPU_DEVICE_FILES)


def _gpus_of(pynvml: Any) -> tuple[tuple[Gpu, ...], str | None]:
    driver = _asked(pynvml, pynvml.nvmlSystemGetDriverVersion)
    gpus, lost = [], []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError as error:
            lost.append(f"GPU {index}: {_nvml_message(error)}")
            continue
        memory = _asked(pynvml, pynvml.nvmlDeviceGetMemoryInfo, handle)
        rates = _asked(pynvml, pynvml.nvmlDeviceGetUtilizationRates, handle)
        gpus.append(
            Gpu(
                index=index,
                name=_text(_asked(pynvml, pynvml.nvmlDeviceGetName, handle)) or "unknown NVIDIA GPU",
                memory_total=None if memory is None else int(memory.total),
                memory_used=None if memory is None else int(memory.used),
                utilisation=None if rates is None else int(rates.gpu),
                driver=_text(driver),
            )
        )
    if lost:
        return tuple(gpus), "; ".join(lost)
    return tuple(gpus), None if gpus else "the NVIDIA driver is loaded, but lists no GPU"


def _asked(pynvml: Any, question: Any, *arguments: Any) -> Any:
    """The answer, or None where this GPU or driver does not support the question (as in MIG mode)."""
    try:
        return question(*arguments)
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes | None) -> str | None:
    # nvidia-ml-py before 11.525 answers in bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _nvml_message(error: Exception) -> str:
    return str(error) or type(error).__name__
