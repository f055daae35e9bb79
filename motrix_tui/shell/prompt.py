"""Dialogs with lines of text that say at once what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.suggester import Suggester
from textual.widgets import Input, Static

from motrix_core.errors import ConfigError
from motrix_tui.shell.dialogs import Dialog
from motrix_tui.shell.line_input import LineInput

T = TypeVar("T")
Check = Callable[[str], "str | None"]


@dataclass(frozen=True)
class Line:
    """One line of text: what stands above it, and what is in it at first."""

    name: str
    caption: str
    value: str = ""
    suggester: Suggester | None = None


class TextDialog(Dialog[T]):
    """`lines` under each other. Enter in any of them takes all of them, unless `accept` refuses."""

    BINDINGS = [
        # Before any line hears of them: what is typed right after would still go to the line that had the focus.
        Binding("down,tab", "go(1)", "next", show=False, priority=True),
        Binding("up,shift+tab", "go(-1)", "previous", show=False, priority=True),
    ]
    DEFAULT_CSS = """
    TextDialog Input { margin-bottom: 1; background: $panel; }
    TextDialog #problem { color: $error; margin-bottom: 1; display: none; }
    TextDialog #problem.-wrong { display: block; }
    """

    def __init__(self, title: str, lines: Sequence[Line], hint: str) -> None:
        super().__init__(title)
        self._lines, self._hint = lines, hint

    def parts(self) -> ComposeResult:
        for line in self._lines:
            yield Static(line.caption, markup=False)
            yield LineInput(line.value, compact=True, suggester=line.suggester, id=f"line-{line.name}")
        yield Static("", id="problem", markup=False)
        yield Static(self._hint, classes="hint", markup=False)

    def accept(self, texts: Mapping[str, str]) -> T:
        """What the dialog is dismissed with, given the text of each line by its name.

        Raises ValueError or ConfigError with what is wrong, which is then shown.
        """
        raise NotImplementedError

    def on_mount(self) -> None:
        self.set_focus(self.query(Input).first())

    def action_go(self, by: int) -> None:
        """To the next line or the one before, round the ends."""
        boxes = list(self.query(Input))
        at = boxes.index(self.focused) if isinstance(self.focused, Input) else -1
        self.set_focus(boxes[(at + by) % len(boxes)])

    def on_input_changed(self) -> None:
        self.query_one("#problem").remove_class("-wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        texts = {line.name: self.query_one(f"#line-{line.name}", Input).value.strip() for line in self._lines}
        try:
            accepted = self.accept(texts)
        except (ValueError, ConfigError) as error:
            problem = self.query_one("#problem", Static)
            problem.update(f"✖ {error}")
            problem.add_class("-wrong")
        else:
            self.dismiss(accepted)


class Prompt(TextDialog["str | None"]):
    """Dismissed with the text, for which `check` found no problem, or with None on Escape."""

    DEFAULT_CSS = """
    Prompt > .box { width: 72; }
    """

    def __init__(
        self, title: str, hint: str, value: str = "", *, check: Check, suggester: Suggester | None = None
    ) -> None:
        super().__init__(title, (Line("text", hint, value, suggester),), "enter takes it · esc leaves it")
        self._check = check

    def accept(self, texts: Mapping[str, str]) -> str:
        problem = self._check(texts["text"])
        if problem is not None:
            raise ValueError(problem)
        return texts["text"]
