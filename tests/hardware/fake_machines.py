"""Fake installations: real packages on disk, with metadata, that a child process really imports; and a fake NVML."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType, SimpleNamespace

# What the fakes need beside the backend itself, so that these tests do not depend on which extras are installed.
COMPANIONS = {
    "jaxlib": "0.10.2",
    "flax": "0.12.8",
    "optax": "0.2.6",
    "skrl": "2.1.1",
    "gymnasium": "1.2.0",
    "safetensors": "0.8.0",
    "tensorboard": "2.21.0",
}

TORCH = """
from types import SimpleNamespace
import warnings
{before}
__version__ = "2.13.0+fake"
float32 = "float32"
version = SimpleNamespace(cuda={cuda!r})

class Tensor:
    def __init__(self, rows):
        self.rows = rows
    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        return Tensor([[float(sum(a * b for a, b in zip(row, column))) for column in columns] for row in self.rows])
    def tolist(self):
        return self.rows

def tensor(rows, dtype, device):
    return Tensor(rows)

def is_available():
    {available}

cuda = SimpleNamespace(
    is_available=is_available, device_count=lambda: 1, get_device_name=lambda index: "Fake GPU 9000"
)
{after}
"""

JAX = """
from types import SimpleNamespace
{before}
__version__ = "0.10.2"

class Array:
    def __init__(self, rows):
        self.rows = rows
    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        return Array([[float(sum(a * b for a, b in zip(row, column))) for column in columns] for row in self.rows])
    def tolist(self):
        return self.rows

def devices():
    return [SimpleNamespace(platform={platform!r}, id=0, device_kind="fake")]

numpy = SimpleNamespace(asarray=lambda rows, dtype: Array(rows))
{after}
"""


class Installation:
    """A folder of installed distributions that comes first for this process and for its children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, version in COMPANIONS.items():
            self.metadata(name, version)

    def metadata(self, name: str, version: str) -> None:
        """Package metadata of a distribution, as pip writes it."""
        self.without(name)
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def without(self, name: str) -> None:
        for info in self.folder.glob(f"{name.replace('-', '_')}-*.dist-info"):
            shutil.rmtree(info)

    def package(self, name: str, source: str, version: str = "1.0") -> None:
        self.metadata(name, version)
        (self.folder / name).mkdir()
        (self.folder / name / "__init__.py").write_text(source)

    def torch(
        self, before: str = "", after: str = "", cuda: str | None = None, available: str = "return False"
    ) -> None:
        """A torch that works, with the test's code `before` or `after` its own, and `available` as its CUDA check."""
        source = TORCH.format(before=before, after=after, cuda=cuda, available=available)
        self.package("torch", source, "2.13.0")

    def jax(self, before: str = "", after: str = "", platform: str = "cpu") -> None:
        self.package("jax", JAX.format(before=before, after=after, platform=platform), "0.10.2")
        (self.folder / "flax").mkdir()
        (self.folder / "flax" / "__init__.py").write_text("")


class NVMLError(Exception):
    """Stands for pynvml's exception of that name."""


class FakeNvml(ModuleType):
    """A pynvml for machines with `gpus` (name, or the exception that reaching for it raises)."""

    NVMLError = NVMLError

    def __init__(self, gpus: list[str | bytes | Exception], init: Exception | None = None) -> None:
        super().__init__("pynvml")
        self.gpus, self.init, self.open = gpus, init, 0
        self.unsupported: set[str] = set()

    def nvmlInit(self) -> None:
        if self.init is not None:
            raise self.init
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return "470.82.01"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if isinstance(self.gpus[index], Exception):
            raise self.gpus[index]
        return index

    def nvmlDeviceGetName(self, handle: int) -> str | bytes | Exception:
        return self.gpus[handle]

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(total=24 << 30, used=(handle + 1) << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        if "utilisation" in self.unsupported:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=37)
