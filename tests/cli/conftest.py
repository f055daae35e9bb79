from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator

import pytest

from motrix_core.hardware.probe import Probe, probe_all


@pytest.fixture(scope="session")
def known_probes() -> dict[str, Probe]:
    """What was found out about this machine so far."""
    return {}


@pytest.fixture(scope="module")
def probed_once(known_probes: dict[str, Probe]) -> Iterator[None]:
    """Commands in this process probe a backend or simulator as ever, but each of them only once in a session."""

    def probe_unknown(names: Iterable[str]) -> dict[str, Probe]:
        wanted = tuple(names)
        known_probes.update(probe_all([name for name in wanted if name not in known_probes]))
        return {name: known_probes[name] for name in wanted}

    with pytest.MonkeyPatch.context() as patch:
        # The package has a function of the module's name.
        for module in ("probe", "select"):
            patch.setattr(importlib.import_module(f"motrix_core.hardware.{module}"), "probe_all", probe_unknown)
        yield
