"""What every test begins with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from motrix_core.sim import threads

# The same examples on every machine, however slow.
settings.register_profile("motrix", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("motrix")

# JAX compiles for seconds, so what it has compiled is kept. It reads these variables when it is first imported, here
# and in child processes. It writes a file where others may read half of it, so workers of pytest-xdist share none.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(__file__).parents[1] / ".cache" / "jax" / _WORKER)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


@pytest.fixture(autouse=True)
def simulators_choose_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that a test runs in this process sets their number; it must not reach the tests after it."""
    monkeypatch.setattr(threads, "_count", 0)
