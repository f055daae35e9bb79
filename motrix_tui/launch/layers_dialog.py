"""The hidden layers of a network as a list: add, remove, reorder, resize, with what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from motrix_tui.launch import layers
from motrix_tui.launch.layers import Sizes
from motrix_tui.shell.dialogs import ListDialog
from motrix_tui.shell.key_buttons import KeyButtons
from motrix_tui.text import grouped

_BAR = 40
_BUTTONS = {"a": "add", "d": "remove", "K": "up", "J": "down", "h": "less", "l": "more"}
_KEYS = "digits resize · enter takes it · esc leaves it"


@dataclass(frozen=True)
class Look:
    """What there is to say about a list of layers: its `parameters` (None while that cannot be told) and `problems`."""

    parameters: int | None
    problems: Sequence[str]


class LayersDialog(ListDialog["str | None"]):
    """Dismissed with the sizes as the form writes them, 256-128-64, or with None on Escape.

    `bounds` are the least and the most units of a layer; `look` is asked at every change.
    """

    DEFAULT_CSS = """
    LayersDialog > .box { width: 72; height: 20; padding: 0 2; }
    LayersDialog #about-layers { color: $muted; margin-bottom: 1; }
    LayersDialog OptionList { height: 1fr; min-height: 2; max-height: 100%; scrollbar-size-vertical: 1; }
    LayersDialog #look { height: 3; margin-top: 1; }
    """

    def __init__(
        self, title: str, about: str, sizes: Sizes, bounds: tuple[int, int], look: Callable[[str], Look]
    ) -> None:
        super().__init__(title)
        self._about = about
        self._sizes = sizes
        self._bounds = bounds
        self._look = look
        self._typing_at: int | None = None

    def parts(self) -> ComposeResult:
        yield Static(self._about, id="about-layers", markup=False)
        yield OptionList(markup=False, compact=True)
        yield Static("", id="look", markup=False)
        yield KeyButtons(_BUTTONS)
        yield Static(_KEYS, classes="hint", markup=False)

    def on_mount(self) -> None:
        self._show(0)
        self.options.focus()

    def on_resize(self) -> None:
        # The list has another width once it is laid out.
        self.call_after_refresh(lambda: self._show(self._at))

    @property
    def _at(self) -> int:
        return self.options.highlighted or 0

    def _show(self, at: int) -> None:
        options = self.options
        if options.option_count == len(self._sizes):
            for index in range(len(self._sizes)):
                options.replace_option_prompt_at_index(index, self._line(index))
        else:
            options.clear_options()
            options.add_options([Option(self._line(index)) for index in range(len(self._sizes))])
        options.highlighted = at
        look = self._look(layers.text_of(self._sizes))
        count = f"{len(self._sizes)} layer{'s' if len(self._sizes) > 1 else ''}"
        facts = count if look.parameters is None else f"{count} · {grouped(look.parameters)} parameters"
        lines = [Content(facts), *(Content.styled(f"✖ {problem}", "$error") for problem in look.problems)]
        self.query_one("#look", Static).update(Content("\n").join(lines))

    def _line(self, index: int) -> Content:
        size = self._sizes[index]
        width = self.options.scrollable_content_region.width
        room = max(1, min(_BAR, width - layers.LONGEST - 5)) if width else _BAR
        return Content.assemble(
            (f"{index + 1:>2} ", "$muted"),
            (f"{size or '_':>{layers.LONGEST}} ", "$foreground"),
            (f" {layers.bar(size, self._sizes, room)}", "$accent"),
        )

    def on_key(self, event: events.Key) -> None:
        act = _ACTS.get(event.key)
        if act is not None:
            # What is typed next begins a new number.
            self._typing_at = None
            act(self)
        elif len(event.key) == 1 and event.key.isascii() and event.key.isdigit():
            self._type(event.key)
        elif event.key == "backspace":
            self._typing_at = self._at
            self._resize(self._sizes[self._at][:-1])
        else:
            return
        event.stop()
        event.prevent_default()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        # A click chooses a layer, and no more.
        event.stop()

    def _type(self, digit: str) -> None:
        at = self._at
        goes_on, self._typing_at = self._typing_at == at, at
        self._resize(layers.typed(self._sizes[at], digit, goes_on=goes_on))

    def _resize(self, size: str) -> None:
        at = self._at
        self._sizes = layers.replaced(self._sizes, at, size)
        self._show(at)

    def take(self) -> None:
        self.dismiss(layers.text_of(self._sizes))

    def step(self, by: int) -> None:
        """The layer under the cursor has the next power of two, above or below."""
        least, most = self._bounds
        self._resize(layers.stepped(self._sizes[self._at], by, least=least, most=most))

    def move(self, by: int) -> None:
        self._sizes, at = layers.moved(self._sizes, self._at, by)
        self._show(at)

    def add(self) -> None:
        at = self._at
        self._sizes = layers.added(self._sizes, at)
        self._show(at + 1)

    def drop(self) -> None:
        at = self._at
        self._sizes = layers.removed(self._sizes, at)
        self._show(min(at, len(self._sizes) - 1))

    def go(self, by: int) -> None:
        """Put the cursor on another layer; the ends hold it."""
        self.options.highlighted = max(0, min(len(self._sizes) - 1, self._at + by))


_ACTS: dict[str, Callable[[LayersDialog], None]] = {
    "enter": LayersDialog.take,
    "a": LayersDialog.add,
    "plus": LayersDialog.add,
    "d": LayersDialog.drop,
    "delete": LayersDialog.drop,
    "K": lambda dialog: dialog.move(-1),
    "J": lambda dialog: dialog.move(1),
    "h": lambda dialog: dialog.step(-1),
    "left": lambda dialog: dialog.step(-1),
    "l": lambda dialog: dialog.step(1),
    "right": lambda dialog: dialog.step(1),
    "k": lambda dialog: dialog.go(-1),
    "up": lambda dialog: dialog.go(-1),
    "j": lambda dialog: dialog.go(1),
    "down": lambda dialog: dialog.go(1),
}
