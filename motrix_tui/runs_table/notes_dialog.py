"""Asks for a note and tags of a run."""

from __future__ import annotations

from collections.abc import Mapping

from motrix_tui.shell.prompt import Line, TextDialog


class NotesDialog(TextDialog["tuple[str, str] | None"]):
    """Dismissed with the note and the tags, or None on Escape."""

    def __init__(self, name: str, note: str, tags: str) -> None:
        lines = (
            Line("tags", "tags, apart by spaces; tag:word in the filter finds them", tags),
            Line("note", "note", note),
        )
        super().__init__(name, lines, "enter keeps both · esc leaves them as they were")

    def accept(self, texts: Mapping[str, str]) -> tuple[str, str]:
        return texts["note"], texts["tags"]
