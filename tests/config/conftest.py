from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from motrix_core.config import registry

# The same examples on every machine, however slow.
settings.register_profile("config", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("config")


@pytest.fixture
def clean_registry() -> Iterator[None]:
    """Whatever a test registers is forgotten afterwards."""
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)
