"""Configurations with a name: take one, save the form as one, delete one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_core.runs.text import plain
from motrix_tui.launch.values import Preset
from motrix_tui.shell.dialogs import ListDialog
from motrix_tui.shell.key_buttons import KeyButtons
from motrix_tui.text import shortened

Wish = tuple[Literal["take", "save", "delete"], str]
_NONE = "no preset yet; s saves what the form describes under a name"
_BUTTONS = {"enter": "take", "s": "save", "d": "delete", "escape": "leave"}


class PresetsDialog(ListDialog["Wish | None"]):
    """Dismissed with what is wanted and the preset's name ("" to save), or None on Escape."""

    DEFAULT_CSS = """
    PresetsDialog > .box { width: 72; }
    PresetsDialog OptionList { margin-bottom: 1; }
    PresetsDialog #none { color: $muted; margin-bottom: 1; }
    """

    def __init__(self, presets: Sequence[Preset], folder: str) -> None:
        super().__init__("Presets")
        self._presets, self._folder = presets, folder

    def parts(self) -> ComposeResult:
        if not self._presets:
            yield Static(_NONE, id="none", markup=False)
        presets = OptionList(*(Option(self._line(preset)) for preset in self._presets), markup=False, compact=True)
        presets.display = bool(self._presets)
        yield presets
        yield KeyButtons(_BUTTONS if self._presets else {key: _BUTTONS[key] for key in ("s", "escape")})
        yield Static(plain(self._folder), classes="hint", markup=False)

    def on_mount(self) -> None:
        self.options.highlighted = 0 if self._presets else None
        self.options.focus()

    @staticmethod
    def _line(preset: Preset) -> Content:
        name = shortened(plain(preset.name), 30).ljust(32)
        return Content.assemble(name, (preset.about, "$error" if preset.damaged else "$muted"))

    def _here(self) -> Preset | None:
        at = self.options.highlighted
        return self._presets[at] if at is not None and self._presets else None

    def on_key(self, event: events.Key) -> None:
        here = self._here()
        if event.key == "s":
            self.dismiss(("save", ""))
        elif event.key in ("d", "delete") and here is not None:
            self.dismiss(("delete", here.name))
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(("take", self._presets[event.option_index].name))
