from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Callable, Iterator

import pytest


class _Absent(importlib.abc.MetaPathFinder):
    """Makes a package look as if it were not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == self.package or fullname.startswith(self.package + "."):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Call it with a package's name: until the test ends the package, and our module that imports it, are not there."""
    finders: list[_Absent] = []

    def hide_package(package: str) -> None:
        for name in list(sys.modules):
            if name == package or name.startswith((package + ".", f"motrix_core.sim.{package}")):
                monkeypatch.delitem(sys.modules, name)
        finders.append(_Absent(package))
        sys.meta_path.insert(0, finders[-1])

    yield hide_package
    for finder in finders:
        sys.meta_path.remove(finder)
