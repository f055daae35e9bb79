"""The form and configuration files: the same TOML that `motrix run --config` reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.errors import ConfigError, MotrixError, UsageError
from motrix_core.runs.text import plain

if TYPE_CHECKING:
    from motrix_core.config.schema import RunConfig

_NAME = re.compile(r"[^\W_][\w .+-]{0,62}")
_SUFFIX = ".toml"


@dataclass(frozen=True)
class FormValues:
    """What a file says. `env`, `backend` and `sim` are None where it says nothing.

    `texts` has the other settings by path, as one would type them: also those that are not valid, which the form then
    shows under their fields.
    """

    env: str | None
    backend: str | None
    sim: str | None
    texts: Mapping[str, str]


def form_values(values: Mapping[str, Any]) -> FormValues:
    """`values` by dotted path, as `read_config_file` gives them. Raises ConfigError with every unknown setting."""
    from motrix_core.config.keys import is_known, unknown_key

    problems = [unknown_key(path, value) for path, value in values.items() if not is_known(path)]
    if problems:
        raise ConfigError(problems)
    beside = {name: str(values[name]) if name in values else None for name in ("env", "backend", "sim")}
    texts = {path: _text(path, value) for path, value in values.items() if path not in beside}
    return FormValues(**beside, texts=texts)


def _text(path: str, value: Any) -> str:
    from motrix_core.config.fields import known_fields
    from motrix_core.config.text import InvalidValue, format_option, format_value, read_value

    field = known_fields().get(path)
    if field is None:
        return format_option(value) if isinstance(value, bool | int | float | str) else str(value)
    try:
        return format_value(field, read_value(field, value), display=True)
    except InvalidValue:
        return format_value(field, value) if isinstance(value, list | tuple) else str(value)


def read_values(path: Path) -> FormValues:
    """What the configuration file `path` says. Raises UsageError or ConfigError."""
    from motrix_core.config.sources import file_values

    return form_values(file_values(path))


@dataclass(frozen=True)
class Preset:
    """A named configuration; `about` says what it is for in a few words, or why it cannot be read."""

    name: str
    path: Path
    about: str
    damaged: bool = False


class Presets:
    """The TOML files in `folder`; the file's name without its ending is the preset's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def list(self) -> list[Preset]:
        """Every preset by name, damaged ones too. Raises OSError if the folder cannot be read."""
        if not self.folder.exists():
            return []
        return [self._look_at(path) for path in sorted(self.folder.iterdir()) if path.suffix == _SUFFIX]

    def save(self, name: str, config: RunConfig) -> None:
        """Write `config` under `name`, in the place of what was there. Raises OSError."""
        from motrix_core.config.files import to_toml
        from motrix_core.runs.files import make_folder, replace_file

        make_folder(self.folder)
        replace_file(self.path(name), to_toml(config).encode())

    def delete(self, name: str) -> None:
        """Raises OSError."""
        self.path(name).unlink()

    @staticmethod
    def problem(name: str) -> str | None:
        """Why `name` cannot name a preset, None if it can."""
        if _NAME.fullmatch(name) and not name.endswith((".", " ")):
            return None
        return "a name has 1 to 63 letters, digits, spaces or . _ + -, and begins with a letter or a digit"

    def _look_at(self, path: Path) -> Preset:
        try:
            found = read_values(path)
        except MotrixError as error:
            return Preset(path.stem, path, plain(error.message if isinstance(error, UsageError) else error), True)
        return Preset(path.stem, path, plain(" · ".join(part for part in (found.env, found.backend) if part)))
