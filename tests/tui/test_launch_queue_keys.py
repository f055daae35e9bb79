from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fake_core import FakeCore, settle
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from motrix_core.runs.queue import folder, read_queue
from motrix_tui.app import MotrixApp
from motrix_tui.launch.queue_dialog import QueueDialog
from motrix_tui.settings import Settings
from motrix_tui.shell.top_bar import TopBar

Open = Callable[..., Any]


async def until(pilot: Pilot[Any], condition: Callable[[], Any]) -> None:
    """Wait for what a dialog's threads do; its opener waits for its end, so workers never complete meanwhile."""
    while not condition():
        await pilot.pause()


async def open_queue(pilot: Pilot[Any]) -> QueueDialog:
    await pilot.press("u")
    await until(pilot, lambda: isinstance(pilot.app.screen, QueueDialog))
    dialog: Any = pilot.app.screen
    await until(pilot, lambda: "reading" not in state(dialog))
    return dialog


def state(dialog: QueueDialog) -> str:
    return str(dialog.query_one("#state", Static).content)


def lines(dialog: QueueDialog) -> list[str]:
    options = dialog.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


async def test_a_queues_what_the_form_describes_and_starts_nothing_here(core: FakeCore, opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("a")
        await settle(pilot)
        (entry,) = read_queue(core.runs_dir).entries
        assert entry.config["env"] == "cartpole" and entry.config["sim"] == "motrixsim"
        assert core.workers_started == 1 and not core.launched
        assert pilot.app.query_one(TopBar).waiting == 1


async def test_the_queue_is_reordered_shortened_and_widened_on_the_disk(core: FakeCore, opened: Open) -> None:
    async with opened() as pilot:
        for keys in (("a",), ("b", "a")):
            await pilot.press(*keys)
            await settle(pilot)
        dialog = await open_queue(pilot)
        assert ["jax" in line for line in lines(dialog)] == [True, False]
        await pilot.press("J")
        await until(pilot, lambda: "torch" in lines(dialog)[0])
        await pilot.press("plus")
        await until(pilot, lambda: "2 runs at a time" in state(dialog))
        queue = read_queue(core.runs_dir)
        assert [entry.config["backend"] for entry in queue.entries] == ["torch", "jax"] and queue.at_once == 2
        await pilot.press("d")
        await until(pilot, lambda: len(lines(dialog)) == 1)
        assert [entry.config["backend"] for entry in read_queue(core.runs_dir).entries] == ["torch"]
        assert "stands still" in state(dialog)
        await pilot.press("r")
        await until(pilot, lambda: core.workers_started == 3)


async def test_a_queue_that_nobody_works_off_is_said_at_the_start(core: FakeCore, tmp_path: Path, opened: Open) -> None:
    async with opened() as pilot:
        await pilot.press("a")
        await settle(pilot)
    async with opened(MotrixApp(core, Settings.load(tmp_path / "settings.toml"))) as pilot:
        assert any("nothing starts" in note.message for note in pilot.app._notifications)


async def test_a_damaged_queue_is_named_in_place(core: FakeCore, opened: Open) -> None:
    async with opened() as pilot:
        folder(core.runs_dir).mkdir(parents=True)
        (folder(core.runs_dir) / "queue.json").write_text("{")
        dialog = await open_queue(pilot)
        assert "queue.json" in state(dialog)
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert (folder(core.runs_dir) / "queue.json").read_text() == "{"
