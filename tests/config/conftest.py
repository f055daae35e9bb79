from __future__ import annotations

from collections.abc import Iterator

import pytest

from motrix_core.config import registry


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """Whatever a test registers is forgotten afterwards."""
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)
