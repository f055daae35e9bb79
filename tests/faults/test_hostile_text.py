"""Text that is not what it seems, wherever a run can hold text: inert on the screen and in --json."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shutil
import tempfile
import unicodedata
from pathlib import Path

from fake_core import FakeCore, settle
from faults_support import FULL, times
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motrix_core.cli import main
from motrix_core.config.schema import RunConfig
from motrix_core.runs.events import EventWriter, encode
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.app import MotrixApp
from motrix_tui.settings import Settings

SEQUENCES = ["\x1b[2J", "\x1b]52;c;aGk=\x07", "\x9b31m", "\x90q", "\u202e", "\u2066", "\u200f", "\x7f", "\x00", "\r"]
MARKUP = ["[red]", "[/]", "[@click=app.quit]x[/]", "[link=file:///etc]", "\\[", "${x}", "\t", "\n"]
hostile = st.lists(
    st.one_of(st.sampled_from(SEQUENCES), st.sampled_from(MARKUP), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=8,
).map("".join)
UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def repeated(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=not FULL,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def hostile_run(runs_dir: Path, texts: list[str]) -> Run:
    """A run that failed, with `texts` in all its places for text."""
    name, cause, metric, log, note, value = texts
    config = RunConfig(env="cartpole", backend="jax")
    run = create_run(config, runs_dir, extra={"selection": {"backend": value, "sim": value}})
    record = json.loads(run.paths.config.read_text())
    # Validation would refuse both; a file that somebody changed holds them all the same.
    record["config"].update(env=name, env_options={"title": value})
    run.paths.config.write_text(json.dumps(record))
    with EventWriter(run.paths.events) as writer:
        writer.write("segment_started", env_steps=0, update=0, data={"backend": name, "max_env_steps": 1000})
        for update in (1, 2):
            data = {"return/mean": float(update), f"metric/{metric}/mean": 1.0, metric: 2.0}
            writer.write("metrics", env_steps=100 * update, update=update, data=data)
        writer.write("warning", env_steps=200, update=2, data={"level": "error", "error": name, "message": cause})
        ended = {"segment": 0, "backend": name, "status": "failed", "cause": cause, "console": [log]}
        writer.write("segment_ended", env_steps=200, update=2, data=ended)
    run.paths.console.write_text(f"{log}\n", errors="replace")
    (run.path / "notes.json").write_text(json.dumps({"note": note, "tags": [note]}))
    segment = Segment(0, name, 1.0, elapsed_s=10.0, status="failed", cause=cause, exit_code=3)
    write_state(run.paths.state, RunState(status="failed", cause=cause, segments=(segment,), exit_code=3))
    folder = "".join(char for char in name if char not in "/\x00")[:40]
    return Run(run.path.rename(run.path.with_name(f"x{folder}")))


async def frames(folder: Path) -> list[str]:
    """The screens that show what runs say about themselves."""
    app = MotrixApp(FakeCore(folder / "runs"), Settings.load(folder / "settings.toml"))
    found = []

    def look() -> None:
        found.extend(strip.text for strip in app.screen._compositor.render_strips())

    async with app.run_test(size=(140, 45), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        look()
        await pilot.press("enter")
        await settle(pilot)
        look()
    return found


def unsafe_in(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) in UNSAFE}


@repeated(times(3, 100))
@given(texts=st.lists(hostile, min_size=6, max_size=6))
def test_no_frame_holds_a_character_that_a_terminal_would_obey(texts: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        run = hostile_run(folder / "runs", texts)
        shown = asyncio.run(frames(folder))
        assert any("cartpole" in line for line in shown), run
        assert [line for line in shown if unsafe_in(line)] == []
    finally:
        shutil.rmtree(folder)


@repeated(times(15, 500))
@given(texts=st.lists(hostile, min_size=6, max_size=6))
def test_no_command_prints_a_character_that_a_terminal_would_obey(texts: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        run = hostile_run(folder / "runs", texts)
        for words in (["list"], ["list", "--json"], ["show", "last"], ["show", "last", "--json"]):
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main(["runs", *words, "--runs-dir", str(run.path.parents[1])])
            printed = out.getvalue() + err.getvalue()
            assert unsafe_in(printed) <= {"\n"}
            if "--json" in words:
                for line in out.getvalue().splitlines():
                    json.loads(line)
    finally:
        shutil.rmtree(folder)


@repeated(times(50, 2000))
@given(text=hostile)
def test_no_event_holds_a_control_character(text: str) -> None:
    line = encode({"type": "warning", "data": {text: text}})
    assert all(0x20 <= byte < 0x7F for byte in line[:-1]) and line.endswith(b"\n")
    assert json.loads(line)["data"] == {text: text}
