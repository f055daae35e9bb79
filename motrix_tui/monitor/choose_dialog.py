"""Asks which charts are shown, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_tui.shell.dialogs import ListDialog


class ChooseDialog(ListDialog["tuple[list[str], frozenset[str]] | None"]):
    """Dismissed with the ids of all charts in their new order and those that are hidden, or None on Escape."""

    DEFAULT_CSS = """
    ChooseDialog > .box { width: 56; }
    """

    def __init__(self, titles: Mapping[str, str], ids: Sequence[str], hidden: frozenset[str], current: str) -> None:
        super().__init__("Charts")
        self._titles, self._ids, self._hidden = dict(titles), list(ids), set(hidden)
        self._current = current

    def parts(self) -> ComposeResult:
        yield OptionList(*self._options(), compact=True)
        hint = "space shows or hides · a shows all · J K move\nenter takes it · esc leaves it as it was"
        yield Static(hint, classes="hint", markup=False)

    def on_mount(self) -> None:
        self.options.highlighted = self._ids.index(self._current) if self._current in self._ids else 0
        self.options.focus()

    def _options(self) -> list[Option]:
        return [Option(self._line(id), id=f"chart-{index}") for index, id in enumerate(self._ids)]

    def _line(self, id: str) -> Content:
        shown = id not in self._hidden
        return Content.assemble(("● " if shown else "○ ", "$accent"), (self._titles[id], "" if shown else "$muted"))

    def _show(self, at: int) -> None:
        self.options.clear_options()
        self.options.add_options(self._options())
        self.options.highlighted = at

    def on_key(self, event: events.Key) -> None:
        at = self.options.highlighted or 0
        if event.key == "space":
            self._hidden ^= {self._ids[at]}
            self._show(at)
        elif event.key == "a":
            self._hidden.clear()
            self._show(at)
        elif event.key in ("J", "K"):
            to = min(max(at + (1 if event.key == "J" else -1), 0), len(self._ids) - 1)
            self._ids.insert(to, self._ids.pop(at))
            self._show(to)
        else:
            return
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss((self._ids, frozenset(self._hidden)))
