"""The named configurations: take one, save the form as one, delete one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_core.runs.text import plain
from motrix_tui.launch.values import Preset
from motrix_tui.text import shortened

Wish = tuple[Literal["take", "save", "delete"], str]
_NONE = "no preset yet; s saves the form under a name"


class PresetsDialog(ModalScreen["Wish | None"]):
    """Dismissed with what is wanted and the preset's name ("" to save), or None on Escape."""

    DEFAULT_CSS = """
    PresetsDialog { align: center middle; background: $background 60%; }
    PresetsDialog > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    PresetsDialog OptionList { height: auto; max-height: 20; background: $surface; border: none; padding: 0; }
    PresetsDialog Static { height: auto; color: $muted; margin-top: 1; }
    """

    def __init__(self, presets: Sequence[Preset], folder: str) -> None:
        super().__init__()
        self._presets, self._folder = presets, folder

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Presets"
            yield OptionList(*(Option(self._line(preset)) for preset in self._presets), markup=False)
            keys = "enter takes · s saves the form · d deletes · esc leaves"
            yield Static(f"{keys}\n{plain(self._folder)}" if self._presets else f"{_NONE} · esc leaves", markup=False)

    def on_mount(self) -> None:
        presets = self.query_one(OptionList)
        presets.highlighted = 0 if self._presets else None
        presets.focus()

    @staticmethod
    def _line(preset: Preset) -> Content:
        name = shortened(plain(preset.name), 30).ljust(32)
        return Content.assemble(name, (preset.about, "$error" if preset.damaged else "$muted"))

    def _here(self) -> Preset | None:
        at = self.query_one(OptionList).highlighted
        return self._presets[at] if at is not None and self._presets else None

    def on_key(self, event: events.Key) -> None:
        here = self._here()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "s":
            self.dismiss(("save", ""))
        elif event.key in ("d", "delete") and here is not None:
            self.dismiss(("delete", here.name))
        elif event.key in ("j", "k"):
            presets = self.query_one(OptionList)
            (presets.action_cursor_down if event.key == "j" else presets.action_cursor_up)()
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(("take", self._presets[event.option_index].name))
