"""What a person changed in Launch and has not launched: kept in `launch.json` beside the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motrix_core.runs.text import plain

FILE = "launch.json"


@dataclass(frozen=True)
class Draft:
    """`sims` and `changes` are by environment. `problem` says why a file that is there could not be read."""

    env: str | None = None
    backend: str | None = None
    sims: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problem: str | None = None

    @classmethod
    def load(cls, path: Path) -> Draft:
        """The draft in `path`; an empty one if there is none. Never raises."""
        from motrix_core.runs.files import read_json_object

        try:
            data = read_json_object(path)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            return cls(problem=plain(f"{path} {error}; the form begins without what was changed last time"))
        changes = data.get("changes")
        changes = changes if isinstance(changes, dict) else {}
        return cls(
            env=_text(data.get("env")),
            backend=_text(data.get("backend")),
            sims=_texts(data.get("sims")),
            changes={env: texts for env, values in changes.items() if (texts := _texts(values))},
        )

    def save(self, path: Path) -> None:
        """Raises OSError."""
        from motrix_core.runs.files import make_folder, replace_file

        data = {"env": self.env, "backend": self.backend, "sims": dict(self.sims), "changes": dict(self.changes)}
        make_folder(path.parent)
        replace_file(path, json.dumps(data, indent=1).encode(), sync=False)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}
