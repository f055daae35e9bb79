"""One field of the form: its name, value, mark and errors, and the editor that its kind asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from motrix_core.runs.text import plain
from motrix_tui.shell.line_input import LineInput
from motrix_tui.text import shortened

if TYPE_CHECKING:
    from motrix_core.config.form import FormField

LABEL_WIDTH = 26
NARROW_LABEL_WIDTH = 24
VALUE_WIDTH = 16
_LIST = "≡"


class FieldRow(Widget):
    """Shows `text`; a number or a list of sizes is typed, a switch toggled, a choice stepped through."""

    DEFAULT_CSS = """
    FieldRow { height: auto; layout: horizontal; }
    FieldRow:hover { background: $panel 60%; }
    FieldRow.-cursor { background: $panel; }
    FieldRow Input { width: 1fr; height: 1; margin-right: 1; background: $background; }
    FieldRow Input:focus { background: $background; }
    """

    text: reactive[str] = reactive("")
    default: reactive[str] = reactive("")
    changed: reactive[bool] = reactive(False)
    errors: reactive[tuple[str, ...]] = reactive((), layout=True)

    @dataclass
    class Edited(Message):
        """The person gave `path` the value `text`; `new_step` is False while one edit goes on."""

        path: str
        text: str
        new_step: bool

    @dataclass
    class Cancelled(Message):
        """The edit that began with `Edited(new_step=True)` was abandoned."""

        path: str

    @dataclass
    class Left(Message):
        """Editing is over; `step` is how many rows the person wants to go on, with `edit_next` to edit there too."""

        path: str
        step: int
        edit_next: bool = False

    @dataclass
    class Clicked(Message):
        path: str

    @dataclass
    class ListWanted(Message):
        """The person wants the layer sizes of `path` as a list."""

        path: str

    def __init__(self, field: FormField) -> None:
        super().__init__(id=field.path.replace(".", "-"))
        self.field = field
        self._touched = False
        # There from the start: one that was mounted by Enter would miss what is typed right after Enter.
        self._editor = None if field.kind in ("bool", "choice") else FieldEditor(compact=True, select_on_focus=True)

    @property
    def is_editing(self) -> bool:
        return self._editor is not None and self._editor.display

    @property
    def _label_width(self) -> int:
        return LABEL_WIDTH if self.size.width >= LABEL_WIDTH + VALUE_WIDTH + 6 else NARROW_LABEL_WIDTH

    def compose(self) -> ComposeResult:
        if self._editor is not None:
            self._editor.display = False
            yield self._editor

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 + sum(len(self._error_lines(error, width)) for error in self.errors)

    def render(self) -> Content:
        lines = [self._head()]
        for error in self.errors:
            lines.extend(Content.styled(line, "$error") for line in self._error_lines(error, self.size.width))
        return Content("\n").join(lines)

    def _head(self) -> Content:
        mark = ("✖", "bold $error") if self.errors else ("●", "$accent") if self.changed else (" ", "")
        label_width = self._label_width
        label = shortened(self.field.title, label_width - 1).ljust(label_width)
        strong = "$foreground" if not self.field.only else "$muted"
        parts: list[tuple[str, str]] = [(f" {mark[0]} ", mark[1]), (label, strong if self.changed else "$muted")]
        if not self.is_editing:
            parts += self._value(max(4, self.size.width - 4 - label_width))
        return Content.assemble(*parts)

    def _value(self, room: int) -> list[tuple[str, str]]:
        """The value, what it is by default, and at the end the mark that opens a list, as far as there is room."""
        mark = _LIST if self.field.kind == "sizes" else ""
        value, note = shortened(self._shown(), room - len(mark)), self._note()
        if len(value) + 1 + len(note) > room - len(mark):
            note = ""
        width = max(len(value) + bool(note), min(VALUE_WIDTH, room - len(note) - len(mark)))
        parts = [(value.ljust(width), "bold $accent" if self.changed else "$foreground"), (note, "$muted")]
        return [*parts, (mark.rjust(room - width - len(note)), "$accent")] if mark else parts

    def _shown(self) -> str:
        if self.field.kind == "bool":
            return "● on" if self.text == "true" else "○ off"
        if self.field.kind == "choice" and len(self.field.choices) > 1:
            return f"‹ {plain(self.text)} ›"
        # A file that was imported may say anything.
        return plain(self.text)

    def _note(self) -> str:
        if not self.changed:
            return ""
        default = self.default
        if self.field.kind == "bool":
            default = "on" if default == "true" else "off"
        return f"(default {default})"

    def _error_lines(self, error: str, width: int) -> list[str]:
        import textwrap

        return textwrap.wrap(error, max(16, width - 6), initial_indent="     ", subsequent_indent="     ")

    def activate(self) -> None:
        """Enter: begin typing, or take the next value where there are only a few."""
        if self.field.kind in ("bool", "choice"):
            self.step_value(1)
        else:
            self.edit()

    def step_value(self, by: int) -> bool:
        """The next or previous value of a switch or a choice; False for what must be typed."""
        values = ("false", "true") if self.field.kind == "bool" else self.field.choices
        if not values:
            return False
        index = values.index(self.text) if self.text in values else 0
        self.post_message(self.Edited(self.field.path, values[(index + by) % len(values)], True))
        return True

    def edit(self) -> None:
        """Put an editor where the value is."""
        editor = self._editor
        if editor is None or self.is_editing:
            return
        self._touched = False
        with editor.prevent(Input.Changed):
            editor.value = self.text
        editor.styles.margin = (0, 1, 0, 3 + self._label_width)
        editor.display = True
        self.screen.set_focus(editor)
        self.refresh()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self.text or not self.is_editing:
            return
        self.post_message(self.Edited(self.field.path, event.value, not self._touched))
        self._touched = True

    def finish(self, step: int, edit_next: bool) -> None:
        """Take what was typed; the model has it already."""
        self.close()
        self.post_message(self.Left(self.field.path, step, edit_next))

    def cancel(self) -> None:
        """Leave the value as it was before the edit."""
        if self._touched:
            self.post_message(self.Cancelled(self.field.path))
        self.close()
        self.post_message(self.Left(self.field.path, 0))

    def close(self) -> None:
        """Show the value again instead of the editor."""
        if self._editor is not None and self._editor.display:
            if self._editor.has_focus and isinstance(self.parent, Widget):
                # Before it is hidden, or the screen would give the focus to whatever comes next.
                self.screen.set_focus(self.parent)
            self._editor.display = False
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        on_list = self.field.kind == "sizes" and event.y == 0 and event.x >= self.size.width - 3
        wanted = self.ListWanted if on_list and not self.is_editing else self.Clicked
        self.post_message(wanted(self.field.path))


class FieldEditor(LineInput):
    BINDINGS = [
        Binding("enter", "finish(0)", "take"),
        Binding("down", "finish(1)", "next", show=False),
        Binding("up", "finish(-1)", "previous", show=False),
        Binding("tab", "finish(1, True)", "next", show=False),
        Binding("shift+tab", "finish(-1, True)", "previous", show=False),
        Binding("escape", "cancel", "leave as it was"),
    ]
    # The row must have heard of every change first.
    LEAVING = ("finish", "cancel")

    @property
    def _row(self) -> FieldRow:
        row = self.parent
        assert isinstance(row, FieldRow)
        return row

    def action_finish(self, step: int, edit_next: bool = False) -> None:
        self._row.finish(step, edit_next)

    def action_cancel(self) -> None:
        self._row.cancel()

    def on_focus(self) -> None:
        # The terminal window may give the focus back to an editor that was left meanwhile.
        if not self._row.is_editing and isinstance(self._row.parent, Widget):
            self.screen.set_focus(self._row.parent)

    def on_blur(self) -> None:
        # An old Blur may come after the next edit of this field has begun (Enter, Enter), and it also comes when the
        # terminal's window loses the focus: in both cases what is typed next belongs here.
        if self.screen.focused is not self and self.app.app_focus:
            self._row.close()
