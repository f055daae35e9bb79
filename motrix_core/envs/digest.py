"""Whether the code of a user's environment is still what a run began with."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motrix_core.envs.source import EnvSource
from motrix_core.errors import UsageError

_SHOWN_DIGITS = 12


def digest_of(source: EnvSource) -> str | None:
    """SHA-256 of the file of `source`, or of all Python files of the checkout's package with their places in it.

    None for the catalog, and for what is not there or cannot be read. What the file imports, and models that are no
    Python, are not part of it.
    """
    try:
        if source.module is not None:
            return hashlib.sha256(Path(source.module).read_bytes()).hexdigest()
        if source.path is not None:
            from motrix_core.envs.adapters.motrixlab import PACKAGE, source_folder

            return _digest_of_folder(source_folder(source.path) / PACKAGE)
    except (OSError, UsageError):
        return None
    return None


def changed_since(source: EnvSource, record: Mapping[str, Any]) -> str | None:
    """What is to be said when a run with this `record` of its config.json goes on, None if its code is the same.

    None, too, where nothing is known: a run that began before digests were recorded, or code that cannot be read.
    """
    environment = record.get("environment")
    began_with = environment.get("sha256") if isinstance(environment, dict) else None
    now = digest_of(source)
    if not isinstance(began_with, str) or now is None or now == began_with:
        return None
    kind = "file" if source.module is not None else "checkout"
    return (
        f"{source} is not the {kind} that this run began with (SHA-256 {began_with[:_SHOWN_DIGITS]} then, "
        f"{now[:_SHOWN_DIGITS]} now): what follows may be another task than what was learned so far"
    )


def _digest_of_folder(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()
