"""Asks for hyperparameters of a live run: what can change while it trains, and what it is now."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from motrix_core.errors import ConfigError


class EditDialog(ModalScreen["dict[str, float] | None"]):
    """One input for every path of `current` (path → value, None where it is not known).

    Dismissed with the values that were changed, or None; nothing that the trainer would refuse is let through.
    """

    DEFAULT_CSS = """
    EditDialog { align: center middle; background: $background 60%; }
    EditDialog > Vertical {
        width: 64; max-width: 96%; height: auto; max-height: 96%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    EditDialog Static { height: auto; }
    EditDialog #problems { color: $error; display: none; }
    EditDialog #problems.-wrong { display: block; }
    EditDialog Input { margin-bottom: 1; }
    EditDialog Horizontal { height: auto; align-horizontal: right; }
    EditDialog Button { margin-left: 1; min-width: 8; }
    """

    def __init__(self, current: Mapping[str, float | None]) -> None:
        super().__init__()
        from motrix_core.config.fields import field_at
        from motrix_core.config.text import format_value

        self._fields = {path: field_at(path) for path in current}
        self._before = {
            path: "" if value is None else format_value(self._fields[path], value) for path, value in current.items()
        }

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Change while it trains"
            for path, field in self._fields.items():
                yield Static(f"{field.title}, {field.rule.removeprefix('must be ')}", markup=False)
                yield Input(self._before[path], compact=True, id=_input_id(path))
            yield Static("", id="problems", markup=False)
            with Horizontal():
                yield Button("Change (enter)", id="change", compact=True, variant="primary")
                yield Button("Cancel (esc)", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("up", "down"):
            event.stop()
            (self.focus_previous if event.key == "up" else self.focus_next)()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._submit()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "change":
            self._submit()
        else:
            self.dismiss(None)

    def _submit(self) -> None:
        from motrix_core.process.asking import read_settings

        texts = {path: self.query_one(f"#{_input_id(path)}", Input).value for path in self._fields}
        changed = {path: text for path, text in texts.items() if text.strip() != self._before[path]}
        try:
            values = read_settings(changed.items())
        except ConfigError as error:
            problems = self.query_one("#problems", Static)
            problems.update(str(error))
            problems.add_class("-wrong")
            return
        self.dismiss(values or None)


def _input_id(path: str) -> str:
    return path.replace(".", "-")
