"""Asks which charts are shown, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option


class ChooseDialog(ModalScreen["tuple[list[str], frozenset[str]] | None"]):
    """Dismissed with the ids of all charts in their new order and those that are hidden, or None on Escape."""

    DEFAULT_CSS = """
    ChooseDialog { align: center middle; background: $background 60%; }
    ChooseDialog > Vertical {
        width: 56; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    ChooseDialog OptionList { height: auto; max-height: 20; background: $surface; border: none; padding: 0; }
    ChooseDialog Static { height: auto; color: $muted; margin-top: 1; }
    """

    def __init__(self, titles: Mapping[str, str], ids: Sequence[str], hidden: frozenset[str], current: str) -> None:
        super().__init__()
        self._titles, self._ids, self._hidden = dict(titles), list(ids), set(hidden)
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Charts"
            yield OptionList(*self._options())
            yield Static("space shows or hides · J K move · a all · enter takes it · esc leaves it", markup=False)

    def on_mount(self) -> None:
        chooser = self.query_one(OptionList)
        chooser.highlighted = self._ids.index(self._current) if self._current in self._ids else 0
        chooser.focus()

    def _options(self) -> list[Option]:
        return [Option(self._line(id), id=f"chart-{index}") for index, id in enumerate(self._ids)]

    def _line(self, id: str) -> Content:
        shown = id not in self._hidden
        return Content.assemble(("● " if shown else "○ ", "$accent"), (self._titles[id], "" if shown else "$muted"))

    def _show(self, at: int) -> None:
        chooser = self.query_one(OptionList)
        chooser.clear_options()
        chooser.add_options(self._options())
        chooser.highlighted = at

    def on_key(self, event: events.Key) -> None:
        at = self.query_one(OptionList).highlighted or 0
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "space":
            self._hidden ^= {self._ids[at]}
            self._show(at)
        elif event.key == "a":
            self._hidden.clear()
            self._show(at)
        elif event.key in ("J", "K"):
            to = min(max(at + (1 if event.key == "J" else -1), 0), len(self._ids) - 1)
            self._ids.insert(to, self._ids.pop(at))
            self._show(to)
        elif event.key in ("j", "k"):
            chooser = self.query_one(OptionList)
            (chooser.action_cursor_down if event.key == "j" else chooser.action_cursor_up)()
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss((self._ids, frozenset(self._hidden)))
