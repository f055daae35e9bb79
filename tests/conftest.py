"""What every test begins with."""

from __future__ import annotations

import pytest

from motrix_core.sim import threads


@pytest.fixture(autouse=True)
def simulators_choose_their_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that a test runs in this process sets their number; it must not reach the tests after it."""
    monkeypatch.setattr(threads, "_count", 0)
