"""The command line that would do the same, and the button that does it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Button, Static

from motrix_tui.shell.growing import Growing
from motrix_tui.text import SPINNER

_BESIDE_TEXT = 17
"""Cells of the button and what keeps it from the text."""
_MOST_LINES = 4
_GOES_ON, _INDENT = " \\", "    "


class CommandBar(Horizontal):
    """`command` is the argv to show, None while the form has errors; `message` takes its place when there is one."""

    HELP = "The command that starts the same training without the dashboard. y copies it, also over SSH (OSC 52)."
    DEFAULT_CSS = f"""
    CommandBar {{ height: auto; max-height: {_MOST_LINES}; padding: 0 1; background: $surface; }}
    CommandBar Growing {{ width: 1fr; }}
    CommandBar Vertical {{ width: {_BESIDE_TEXT}; height: 100%; align: right bottom; }}
    CommandBar Button {{ width: 15; min-width: 12; }}
    """

    command: reactive[tuple[str, ...] | None] = reactive(None)
    problem: reactive[str] = reactive("")
    busy: reactive[bool] = reactive(False)

    def compose(self) -> ComposeResult:
        yield Growing("", markup=False, id="command")
        # At the end of the last line, or a long command would seem to go on behind it.
        with Vertical():
            yield Button("Launch ▶ ^r", id="launch-button", variant="success", compact=True)

    def on_mount(self) -> None:
        self._phase = 0
        self._spinner = self.set_interval(0.1, self._spin, pause=True)

    @property
    def text(self) -> str:
        """The command line as a shell reads it, "" while there is none."""
        return shlex.join(self.command or ())

    def show_command(self, command: Sequence[str] | None) -> None:
        self.command = None if command is None else tuple(command)

    def on_resize(self) -> None:
        self._draw()

    def watch_command(self) -> None:
        self._draw()

    def watch_problem(self) -> None:
        self._draw()

    def watch_busy(self, busy: bool) -> None:
        if self.is_mounted:
            (self._spinner.resume if busy else self._spinner.pause)()
            self._draw()

    def _spin(self) -> None:
        self._phase = (self._phase + 1) % len(SPINNER)
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#command", Static).update(self._line())
        self.query_one(Button).disabled = self.command is None or self.busy

    def _line(self) -> Content:
        if self.busy:
            return Content.styled(f"{SPINNER[self._phase]} starting the training …", "$primary")
        if self.problem:
            return Content.styled(f"✖ {self.problem}", "$error")
        if self.command is None:
            return Content.styled("no command while the form has errors", "$muted")
        text = "\n".join(command_lines(self.command, self.size.width - _BESIDE_TEXT - 2))
        return Content.assemble(("$ ", "$accent"), (text, "$foreground"))


def command_lines(command: Sequence[str], width: int) -> list[str]:
    """`command` as a shell reads it, in lines of `width` if it is longer; a flag stays with its value.

    Lines go on as they do in a shell, which also takes what somebody marked on the screen. Where that makes too many
    of them, it is one line for the terminal to break.
    """
    whole = shlex.join(command)
    if len(whole) <= width:
        return [whole]
    parts: list[str] = []
    for before, word in pairwise(("", *command)):
        is_value = before.startswith("--") and not word.startswith("--")
        parts[-1:] = [f"{parts[-1]} {shlex.quote(word)}"] if is_value else [*parts[-1:], shlex.quote(word)]
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) + len(_GOES_ON) <= width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += _GOES_ON
            lines.append(f"{_INDENT}{part}")
    return lines if len(lines) <= _MOST_LINES else [whole]
