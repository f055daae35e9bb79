"""A question with a few answers, each with a key of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


@dataclass(frozen=True)
class Answer:
    """`key` and a click give `value`; `tone` is "default", "primary", "warning" or "error"."""

    key: str
    label: str
    value: str
    tone: str = "default"


CANCEL = Answer("escape", "Cancel", "cancel")


class Question(ModalScreen[str]):
    """Asks `title` with the details `body`; dismissed with the value of the answer, "cancel" on Escape."""

    DEFAULT_CSS = """
    Question { align: center middle; background: $background 60%; }
    Question > Vertical {
        width: 64; max-width: 96%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; border-title-style: bold; padding: 1 2;
    }
    Question #body { height: auto; max-height: 14; margin-bottom: 1; }
    Question Horizontal { height: auto; align-horizontal: right; }
    Question Button { margin-left: 1; min-width: 8; }
    """

    def __init__(self, title: str, body: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._answers = (*answers, CANCEL)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title.replace("[", r"\[")
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

    def on_key(self, event: events.Key) -> None:
        for answer in self._answers:
            if event.key == answer.key:
                event.stop()
                self.dismiss(answer.value)
        if event.key in ("left", "right"):
            event.stop()
            (self.focus_previous if event.key == "left" else self.focus_next)()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss((event.button.id or "").removeprefix("answer-"))
