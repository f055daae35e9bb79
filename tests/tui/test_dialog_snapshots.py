"""Pictures of every dialog; accept new ones with --snapshot-update."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot
from textual.screen import ModalScreen

from motrix_tui.app import MotrixApp
from motrix_tui.monitor.choose_dialog import ChooseDialog
from motrix_tui.monitor.edit_dialog import EditDialog
from motrix_tui.runs_table.notes_dialog import NotesDialog
from motrix_tui.settings import Settings
from motrix_tui.shell.dialogs import Answer, Question
from motrix_tui.shell.prompt import Prompt

Compare = Callable[..., bool]
RUN = "20260101-120000-jax-3f2a"
PANELS = ("return", "episode length", "losses", "reward terms", "KL · clip fraction · lr", "explained variance")
LOOKS = [
    pytest.param((width, height), theme, id=f"{theme}-{width}x{height}")
    for theme in ("night", "paper")
    for width, height in ((120, 40), (80, 24))
]


def question(*answers: Answer, title: str, body: str) -> Question:
    return Question(title, body, answers)


def no_problem(text: str) -> str | None:
    return None if text else "the name must have at least one letter"


DIALOGS: dict[str, Callable[[FakeCore], ModalScreen[Any]]] = {
    "choose": lambda core: ChooseDialog(
        dict(zip(PANELS, PANELS, strict=True)), PANELS, frozenset({"losses", "explained variance"}), "episode length"
    ),
    "edit": lambda core: EditDialog({"ppo.learning_rate": 3e-4, "ppo.entropy_loss_scale": 0.0, "ppo.ratio_clip": 0.2}),
    "notes": lambda core: NotesDialog(RUN, "the one in the paper", "good lr"),
    "prompt": lambda core: Prompt(
        "Save preset", "a name for what the form says; it replaces a preset of that name", "cartpole", check=no_problem
    ),
    "delete": lambda core: question(
        Answer("d", "Delete", "delete", "error"),
        title="Delete this run?",
        body=f"/home/ada/walking/runs/cartpole/{RUN}\n\nIts events and checkpoints are gone for good.",
    ),
    "stop": lambda core: question(
        Answer("s", "Stop", "stop", "warning"),
        Answer("K", "Kill", "kill", "error"),
        title="Stop this run?",
        body=f"cartpole · {RUN}\n\nStop takes a final checkpoint first; Kill ends it at once and loses what came after "
        "the last checkpoint.",
    ),
    "quit": lambda core: question(
        Answer("d", "Detach", "detach", "primary"),
        Answer("s", "Stop", "stop", "warning"),
        title="Runs are training",
        body=f"  ● cartpole · {RUN}\n  ● dm-walker · {RUN}\n\nDetached, training goes on without this dashboard, which "
        "finds it when it is opened.",
    ),
}


async def empty_place(pilot: Pilot[Any]) -> None:
    """Go where there is nothing to see but the dialog."""
    await settle(pilot)
    await pilot.press("4")
    await settle(pilot)


@pytest.fixture
def make_app(core: FakeCore, tmp_path: Path) -> Callable[[str], MotrixApp]:
    return lambda theme: MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(
    make_app: Callable[[str], MotrixApp],
    core: FakeCore,
    snap_compare: Compare,
    name: str,
    size: tuple[int, int],
    theme: str,
) -> None:
    async def show(pilot: Pilot[Any]) -> None:
        await empty_place(pilot)
        pilot.app.push_screen(DIALOGS[name](core))
        await settle(pilot)

    assert snap_compare(make_app(theme), terminal_size=size, run_before=show)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
@pytest.mark.parametrize("key", ["question_mark", "ctrl+p", "ctrl+o"], ids=["help", "palette", "jump"])
def test_what_a_key_opens(
    make_app: Callable[[str], MotrixApp], snap_compare: Compare, key: str, size: tuple[int, int], theme: str
) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await (settle if key == "ctrl+o" else empty_place)(pilot)
        await pilot.press(key)
        await settle(pilot)

    assert snap_compare(make_app(theme), terminal_size=size, run_before=press)


@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_a_problem_with_what_was_typed(
    make_app: Callable[[str], MotrixApp], core: FakeCore, snap_compare: Compare, size: tuple[int, int], theme: str
) -> None:
    async def mistype(pilot: Pilot[Any]) -> None:
        await empty_place(pilot)
        pilot.app.push_screen(DIALOGS["edit"](core))
        await settle(pilot)
        await pilot.press("ctrl+u", "7", "enter")
        await settle(pilot)

    assert snap_compare(make_app(theme), terminal_size=size, run_before=mistype)
