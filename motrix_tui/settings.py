"""What the dashboard remembers between sessions: `settings.toml` in the user's config folder."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motrix_tui.themes import DEFAULT_THEME, THEME_NAMES


def default_path() -> Path:
    """`settings.toml` in the config folder that the platform gives to `motrix-tui`."""
    from platformdirs import user_config_path

    return user_config_path("motrix-tui", appauthor=False) / "settings.toml"


@dataclass
class Settings:
    """The settings of this session. Keys that a newer version wrote are kept as they are.

    A file that cannot be read is named in `problem`, leaves the defaults in force and is never written over.
    """

    path: Path
    theme: str = DEFAULT_THEME
    problem: str | None = None
    _document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Settings from `path`; never raises."""
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib

        settings = cls(path)
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return settings
        except (OSError, ValueError) as error:
            settings.problem = f"{path}: {error}; defaults are used and the file is left as it is"
            return settings
        theme = document.get("theme", DEFAULT_THEME)
        if theme not in THEME_NAMES:
            settings.problem = (
                f"{path}: theme={theme!r} is not one of {', '.join(THEME_NAMES)}; {DEFAULT_THEME} is used"
            )
            return settings
        settings._document = document
        settings.theme = theme
        return settings

    @property
    def layouts(self) -> dict[str, Any]:
        """How the charts of each environment are arranged, as tables by its name; {} where the file has none."""
        tables = self._document.get("layouts")
        return (
            {name: table for name, table in tables.items() if isinstance(table, dict)}
            if isinstance(tables, dict)
            else {}
        )

    @layouts.setter
    def layouts(self, tables: dict[str, Any]) -> None:
        self._document["layouts"] = tables

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of the person's own, as the file has them; {} where it has none."""
        table = self._document.get("keys")
        return table if isinstance(table, dict) else {}

    def save(self) -> None:
        """Write the file atomically, unless it was damaged when it was read. Raises OSError."""
        if self.problem is not None:
            return
        import tomli_w

        document = {**self._document, "theme": self.theme}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".settings-")
        try:
            with os.fdopen(handle, "wb") as file:
                tomli_w.dump(document, file)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
