"""Asks for a note and tags of a run."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class NotesDialog(ModalScreen["tuple[str, str] | None"]):
    """Dismissed with the note and the tags as they were typed, or None on Escape."""

    DEFAULT_CSS = """
    NotesDialog { align: center middle; background: $background 60%; }
    NotesDialog > Vertical {
        width: 64; max-width: 96%; height: auto; max-height: 96%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    NotesDialog Static { height: auto; color: $muted; }
    NotesDialog Input { margin-bottom: 1; }
    """

    def __init__(self, name: str, note: str, tags: str) -> None:
        super().__init__()
        self._name, self._note, self._tags = name, note, tags

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._name.replace("[", r"\[")
            yield Static("tags, apart by spaces; tag:word in the filter finds them", markup=False)
            yield Input(self._tags, compact=True, id="tags")
            yield Static("note", markup=False)
            yield Input(self._note, compact=True, id="note")
            yield Static("enter keeps both · esc leaves them", markup=False)

    def on_mount(self) -> None:
        self.query_one("#tags").focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("up", "down"):
            event.stop()
            (self.focus_previous if event.key == "up" else self.focus_next)()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss((self.query_one("#note", Input).value, self.query_one("#tags", Input).value))
