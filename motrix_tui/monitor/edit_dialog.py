"""Asks for hyperparameters of a live run: what can change while it trains, and what it is now."""

from __future__ import annotations

from collections.abc import Mapping

from motrix_tui.shell.prompt import Line, TextDialog


class EditDialog(TextDialog["dict[str, float] | None"]):
    """One line for every path of `current` (path → value, None where it is not known).

    Dismissed with the values that were changed, or None; nothing that the trainer would refuse is let through.
    """

    def __init__(self, current: Mapping[str, float | None]) -> None:
        from motrix_core.config.fields import field_at
        from motrix_core.config.text import format_value

        self._before: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        lines = []
        for path, value in current.items():
            field, name = field_at(path), path.replace(".", "-")
            self._paths[name] = path
            self._before[name] = "" if value is None else format_value(field, value)
            lines.append(Line(name, f"{field.title}, {field.rule.removeprefix('must be ')}", self._before[name]))
        super().__init__("Change while it trains", lines, "enter changes · esc leaves all as it was")

    def accept(self, texts: Mapping[str, str]) -> dict[str, float] | None:
        from motrix_core.process.asking import read_settings

        changed = {self._paths[name]: text for name, text in texts.items() if text != self._before[name]}
        return read_settings(changed.items()) or None
