from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fake_machines import FakeNvml, Installation, NVMLError

from motrix_core.hardware import requirements


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])))
    for variable in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS"):
        monkeypatch.delenv(variable, raising=False)
    return Installation(folder)


@pytest.fixture
def only_fakes(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Package metadata knows nothing but the fakes, as on a machine without any extra."""
    found = requirements.metadata.distributions

    def version(name: str) -> str:
        for distribution in found(name=name, path=[str(installation.folder)]):
            return distribution.version
        raise requirements.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(requirements.metadata, "version", version)
    return installation


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml([], NVMLError("NVML Shared Library Not Found"))
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml(["Fake GPU 9000"])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake
