"""Launch, its queue and presets, Compare, Play and the dialogs, with text in them that a terminal would obey."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from fake_core import FakeCore, make_probe, settle
from faults_support import FULL
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from test_hostile_text import hostile, hostile_run, repeated, unsafe_in
from textual.pilot import Pilot

from motrix_core.envs.spec import EnvSpec
from motrix_core.hardware import Inventory, Probe
from motrix_core.runs.layout import Run
from motrix_core.runs.queue import Queue, change_queue
from motrix_tui.app import MotrixApp
from motrix_tui.launch.field_row import FieldRow
from motrix_tui.launch.pane import LaunchPane
from motrix_tui.settings import Settings

SIZE = (140, 45)
Look = Callable[[str], None]


class HostilePlayer:
    """Says a picture, a score and an error, and ends."""

    def __init__(self, texts: list[str]) -> None:
        name, cause, metric, line, _, value = texts
        checkpoint = {"name": name, "env_steps": 100, "best": True}
        ready = {"title": value, "checkpoint": name, "checkpoints": [checkpoint], "drawable": True}
        figures = {"total": 1.0, "steps": 1, "episodes": 1, "returns": [1.0], "actions": [0.5], "paused": False}
        frame = {**figures, "lines": [line, value], "terms": {metric: 1.0}, "speed": 1.0, "view": name}
        self.messages_said = asyncio.Event()
        self._messages = [{"type": "ready", **ready}, {"type": "frame", **frame}]
        self._error = {"type": "error", "message": cause}
        self.failing = asyncio.Event()

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        for message in self._messages:
            yield message
        self.messages_said.set()
        await self.failing.wait()
        yield self._error

    def tell(self, **command: Any) -> None:
        pass

    async def stop(self) -> None:
        pass


class HostileCore(FakeCore):
    """A machine, plugins and players whose names and messages are `texts`."""

    def __init__(self, runs_dir: Path, texts: list[str]) -> None:
        name, cause, _, log, note, value = texts
        broken = make_probe(
            "torch", status="import-failed", usable=False, devices=(), version=None, cause=cause, mend=log
        )
        odd = make_probe("motrixsim", version=value, devices=(name, note))
        super().__init__(runs_dir, probes={"torch": replace(broken, title=note), "motrixsim": odd})
        self._texts = texts
        self.players: list[HostilePlayer] = []

    def inventory(self) -> Inventory:
        found = super().inventory()
        name, cause, _, log, _, value = self._texts
        cpu = replace(found.cpu, model=name)
        return replace(found, cpu=cpu, gpu_reason=cause, packages={**found.packages, "jax": value}, platform=log)

    def probe_all(self, on_result: Callable[[Probe], None]) -> Mapping[str, Probe]:
        return super().probe_all(on_result)

    def catalog(self) -> Mapping[str, EnvSpec]:
        known = dict(super().catalog())
        name, cause, _, log, note, value = self._texts
        first = next(iter(known.values()))
        texts = {"title": note, "description": log, "success": value, "origin": cause}
        # No environment that can be trained has such a name, but one that is broken has the name of its entry point.
        known[name] = replace(first, name=name, **texts, error=cause)
        known[first.name] = replace(first, **texts)
        return known

    def play(self, run: Run, width: int, height: int, *, ascii: bool = False) -> Any:
        self.players.append(HostilePlayer(self._texts))
        return self.players[-1]


def with_hostile_entries(queue: Queue, texts: list[str]) -> Queue:
    name, cause, _, _, note, value = texts
    queue = queue.with_entry({"env": name, "backend": value, "sim": note, "ppo": {"seed": value}}, {})
    queue = queue.with_entry({"env": value, "backend": name}, {"note": note})
    return queue.marked(queue.entries[0].id, cause)


async def look_at_dialogs(pilot: Pilot[Any], look: Look, *keys: str) -> None:
    """Every dialog that one of `keys` opens, as it stands when it has read what it shows."""
    for key in keys:
        await pilot.press(key)
        for _ in range(20):
            await pilot.pause(0.01)
        assert len(pilot.app.screen_stack) > 1, f"{key} opens nothing"
        look(key)
        while len(pilot.app.screen_stack) > 1:
            await pilot.press("escape")
            await pilot.pause()
        await settle(pilot)


async def tour(app: MotrixApp, core: HostileCore, texts: list[str]) -> dict[str, list[str]]:
    """The lines of every frame by what it shows."""
    shown: dict[str, list[str]] = {}

    def look(what: str) -> None:
        shown[what] = [strip.text for strip in app.screen._compositor.render_strips()]

    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        look("launch")
        for path in ("ppo.learning_rate", "ppo.num_envs", "env_options.title"):
            app.query_one(LaunchPane).on_field_row_edited(FieldRow.Edited(path, texts[5], True))
        await pilot.pause()
        look("launch, edited")
        for key in ("m", "e", "down", "end"):
            await pilot.press(key)
            await settle(pilot)
            look(f"launch, {key}")
        await look_at_dialogs(pilot, look, "p", "u", "question_mark", "ctrl+p")
        await pilot.press("3")
        await settle(pilot)
        look("runs")
        await look_at_dialogs(pilot, look, "t", "d")
        await pilot.press("space", "j", "space", "c")
        await settle(pilot)
        await settle(pilot)
        look("compare")
        await pilot.press("d", "m")
        await settle(pilot)
        look("compare, changed")
        await pilot.press("5")
        while not core.players:
            await pilot.pause()
        player = core.players[-1]
        await player.messages_said.wait()
        await pilot.pause()
        look("play")
        player.failing.set()
        await pilot.pause()
        await pilot.pause()
        look("play, failed")
    return shown


# What the dashboard repeats every two seconds would never let it come to rest.
@mock.patch("motrix_tui.app.LOAD_PERIOD_S", 3600)
@mock.patch("motrix_tui.app.RUNS_PERIOD_S", 3600)
@settings(repeated(40), phases=tuple(Phase) if FULL else (Phase.explicit,))
@example(texts=["\x1b[2J", "\u202e\x9b31m", "[red]\x00", "\r\u2066", "\x1b]52;c;aGk=\x07", "\x7f[@click=app.quit]x[/]"])
@given(texts=st.lists(hostile, min_size=6, max_size=6))
def test_no_screen_and_no_dialog_holds_a_character_that_a_terminal_would_obey(texts: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        first = hostile_run(folder / "runs", texts)
        first.path.rename(first.path.with_name(f"{first.path.name}-first"))
        hostile_run(folder / "runs", texts)
        change_queue(folder / "runs", lambda queue: with_hostile_entries(queue, texts))
        presets = folder / "presets"
        presets.mkdir()
        name = "".join(char for char in texts[0] if char not in "/\x00")[:40]
        (presets / f"x{name}.toml").write_text(f"env = {texts[1]!r}", errors="replace")
        core = HostileCore(folder / "runs", texts)
        shown = asyncio.run(tour(MotrixApp(core, Settings.load(folder / "settings.toml")), core, texts))
        assert any("presets" in line.lower() for line in shown["p"])
        assert any("CPU" in line for line in shown["launch"])
        unsafe = {what: [line for line in lines if unsafe_in(line)] for what, lines in shown.items()}
        assert {what: lines for what, lines in unsafe.items() if lines} == {}
    finally:
        shutil.rmtree(folder)
