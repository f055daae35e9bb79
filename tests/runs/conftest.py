from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from motrix_core.config.schema import RunConfig
from motrix_core.runs.layout import Run, create_run


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def make_run(runs_dir: Path) -> Callable[..., Run]:
    def make(env: str = "cartpole", backend: str = "jax", **extra: object) -> Run:
        return create_run(RunConfig(env=env, backend=backend), runs_dir, extra=extra)

    return make


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    return make_run()
