"""What every dialog has in common, and the commonest of them: a question with a few answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, OptionList, Static

from motrix_tui.shell.overlay import Overlay

T = TypeVar("T")


class Dialog(Overlay[T]):
    """A box with a title in the middle of the screen. Escape leaves it; what that means is `leave`.

    What is in it comes from `parts`. A terminal that is too low for all of it scrolls.
    """

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .box {
        width: 64; max-width: 96%; height: auto; max-height: 96%; background: $surface; padding: 1 2;
        border: round $primary; border-title-style: bold; border-subtitle-color: $muted; scrollbar-size-vertical: 1;
    }
    Dialog Static { height: auto; }
    Dialog .hint { color: $muted; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box", can_focus=False) as box:
            box.border_title = Content(self._title)
            yield from self.parts()

    def parts(self) -> ComposeResult:
        """The widgets in the box."""
        raise NotImplementedError

    def leave(self) -> None:
        """Dismissed without an answer."""
        self.dismiss(None)

    def key_escape(self, event: events.Key) -> None:
        event.stop()
        self.leave()


class ListDialog(Dialog[T]):
    """A dialog about a list of options, through which j and k go as well as the arrows."""

    DEFAULT_CSS = """
    ListDialog OptionList {
        height: auto; max-height: 20; background: $surface; background-tint: transparent; border: none; padding: 0;
    }
    ListDialog OptionList:focus > .option-list--option-highlighted {
        background: $primary 35%; color: $foreground; text-style: bold;
    }
    ListDialog .hint { margin-top: 1; }
    """

    @property
    def options(self) -> OptionList:
        return self.query_one(OptionList)

    def key_j(self) -> None:
        self.options.action_cursor_down()

    def key_k(self) -> None:
        self.options.action_cursor_up()


@dataclass(frozen=True)
class Answer:
    """`key` and a click give `value`; `tone` is "default", "primary", "warning" or "error"."""

    key: str
    label: str
    value: str
    tone: str = "default"


CANCEL = Answer("escape", "Cancel", "cancel")


class Question(Dialog[str]):
    """Asks `title` with the details `body`; dismissed with the value of the answer, "cancel" on Escape."""

    DEFAULT_CSS = """
    Question #body { max-height: 14; margin-bottom: 1; }
    Question Horizontal { height: auto; align-horizontal: right; }
    Question Button { margin-left: 1; min-width: 8; }
    """

    def __init__(self, title: str, body: str, answers: Sequence[Answer]) -> None:
        super().__init__(title)
        self._body = body
        self._answers = (*answers, CANCEL)

    def parts(self) -> ComposeResult:
        yield Static(self._body, id="body", markup=False)
        with Horizontal():
            for answer in self._answers:
                label = f"{answer.label} ({'esc' if answer is CANCEL else answer.key})"
                button = Button(label, id=f"answer-{answer.value}", compact=True)
                button.variant = answer.tone  # type: ignore[assignment]
                yield button

    def on_mount(self) -> None:
        # Enter must never do the dangerous thing by habit, so the focus starts on Cancel.
        self.query_one(f"#answer-{CANCEL.value}").focus()

    def leave(self) -> None:
        self.dismiss(CANCEL.value)

    def on_key(self, event: events.Key) -> None:
        for answer in self._answers:
            if event.key == answer.key and answer is not CANCEL:
                event.stop()
                self.dismiss(answer.value)
        if event.key in ("left", "right"):
            event.stop()
            (self.focus_previous if event.key == "left" else self.focus_next)()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss((event.button.id or "").removeprefix("answer-"))
