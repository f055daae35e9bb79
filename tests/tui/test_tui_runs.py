from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot
from textual.widgets import Input, Static

from motrix_core.errors import RunStateError
from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import identity_of
from motrix_core.runs.layout import Run, list_runs
from motrix_core.runs.state import write_state
from motrix_tui.app import MotrixApp
from motrix_tui.runs_table.digest import Digest, Digesting, Digests
from motrix_tui.runs_table.pane import RunsPane
from motrix_tui.runs_table.rows import COLUMNS, Row, columns_for

Open = Callable[..., Any]
MakeRun = Callable[..., Run]


async def go_to_runs(pilot: Pilot[Any]) -> RunsPane:
    await pilot.press("3")
    await settle(pilot)
    return pilot.app.query_one(RunsPane)


def shown(pane: RunsPane) -> list[dict[str, str]]:
    return [row.texts for row in pane.rows]


async def test_an_empty_folder_shows_the_next_step(opened: Open) -> None:
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        text = str(pane.query_one("#empty", Static).content)
        assert pane.query_one("#empty").display
        assert "no runs in" in text and "1 goes to Launch" in text


async def test_a_run_is_a_row_with_its_numbers(make_run: MakeRun, opened: Open) -> None:
    run = make_run(returns=[10.0, 982.4, 500.0])
    async with opened() as pilot:
        (row,) = shown(await go_to_runs(pilot))
        assert (row["env"], row["backend"], row["status"]) == ("cartpole", "JAX", "✔ finished")
        assert (row["best"], row["last"], row["speed"]) == ("982", "500", "96.4k")
        assert row["steps"] == "196.6k" and row["duration"] == "1:40" and row["age"] == "now"
        assert row["id"] == run.id[-4:]


async def test_the_newest_run_is_first_and_new_runs_appear(make_run: MakeRun, opened: Open) -> None:
    make_run()
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        make_run(env="pendulum", backend="torch", status="running", returns=[1.0])
        await pilot.press("r")
        await settle(pilot)
        assert [row["env"] for row in shown(pane)] == ["pendulum", "cartpole"]
        assert shown(pane)[0]["steps"].endswith("6%")
        assert "2 runs · 1 live" in str(pane.border_subtitle)


async def test_a_damaged_run_is_listed_with_its_problem(make_run: MakeRun, opened: Open) -> None:
    run = make_run()
    run.paths.state.write_text('{"status": "\x1b[31mevil[/]"')
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        assert shown(pane)[0]["status"] == "✖ unreadable"
        explanation = str(pane.query_one("#explanation", Static).content)
        assert "state.json cannot be used" in explanation and "\x1b" not in explanation
        await pilot.press("enter")
        await settle(pilot)
        assert pilot.app.place == "runs"
        assert any("cannot be opened" in note.message for note in pilot.app._notifications)


async def test_enter_opens_the_run_in_monitor(make_run: MakeRun, opened: Open) -> None:
    run = make_run(returns=[1.0])
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert pilot.app.place == "monitor" and pilot.app.query_one("#monitor").run == run


async def test_the_filter_takes_words_and_columns(make_run: MakeRun, opened: Open) -> None:
    make_run(env="cartpole", status="failed")
    make_run(env="cartpole", status="finished")
    make_run(env="pendulum", status="failed")
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        for query, count in (("cart", 2), ("env:cartpole status:failed", 1), ("nothing", 0), ("", 3)):
            pane.query_one(Input).value = query
            await pilot.pause()
            assert len(shown(pane)) == count, query
            assert pane.query_one("#empty").display == (count == 0)


async def test_the_filter_is_reached_left_and_cleared_by_keys(make_run: MakeRun, opened: Open) -> None:
    make_run(env="cartpole")
    make_run(env="pendulum")
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        await pilot.press("slash", *"pend", "enter")
        await pilot.pause()
        assert [row["env"] for row in shown(pane)] == ["pendulum"]
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert len(shown(pane)) == 2


async def test_the_cursor_stays_on_its_run_when_others_appear(make_run: MakeRun, opened: Open) -> None:
    make_run(env="pendulum")
    make_run(env="cartpole")
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        await pilot.press("j")
        assert pane.current is not None and pane.current.texts["env"] == "pendulum"
        make_run(env="dm-walker")
        await pilot.press("r")
        await settle(pilot)
        assert pane.current is not None and pane.current.texts["env"] == "pendulum"


async def test_stop_asks_first(core: FakeCore, make_run: MakeRun, opened: Open) -> None:
    run = make_run(status="running")
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("escape")
        await settle(pilot)
        assert core.stopped == []
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("s")
        await settle(pilot)
        assert [item.path for item in core.stopped] == [run.path]


async def test_a_finished_run_cannot_be_stopped_and_says_so(core: FakeCore, make_run: MakeRun, opened: Open) -> None:
    make_run()
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("x")
        await settle(pilot)
        assert core.stopped == [] and any("only a live run" in note.message for note in pilot.app._notifications)


async def test_a_stop_that_fails_is_said(
    core: FakeCore, make_run: MakeRun, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: Run) -> None:
        raise RunStateError("it has just ended")

    make_run(status="running")
    monkeypatch.setattr(core, "request_stop", fail)
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("s")
        await settle(pilot)
        assert any("it has just ended" in note.message for note in pilot.app._notifications)


async def test_delete_asks_first_and_then_removes_the_folder(make_run: MakeRun, opened: Open) -> None:
    run = make_run()
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        await pilot.press("d")
        await pilot.pause()
        await pilot.press("enter")
        await settle(pilot)
        assert run.path.exists()
        await pilot.press("d")
        await pilot.pause()
        await pilot.press("d")
        await settle(pilot)
        assert not run.path.exists()
        assert shown(pane) == []


async def test_a_live_run_is_not_deleted(make_run: MakeRun, opened: Open) -> None:
    run = make_run(status="running")
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("d")
        await settle(pilot)
        assert run.path.exists()
        assert any("stop it first" in note.message for note in pilot.app._notifications)


def test_deleting_looks_again_whether_the_run_is_live(core: FakeCore, make_run: MakeRun) -> None:
    with pytest.raises(RunStateError, match="is live"):
        core.delete_run(make_run(status="running"))


def test_a_run_that_nobody_supervises_but_that_still_trains_is_not_deleted(core: FakeCore, make_run: MakeRun) -> None:
    run = make_run(status="running")
    lost = replace(run.state(), supervisor=None, trainer=identity_of(os.getpid()), updated_at=1.0)
    write_state(run.paths.state, lost)
    assert run.state().shown_status == "lost"
    with pytest.raises(RunStateError, match="is live"):
        core.delete_run(run)
    assert run.path.exists()


async def test_y_copies_the_folder(make_run: MakeRun, opened: Open) -> None:
    run = make_run()
    async with opened() as pilot:
        await go_to_runs(pilot)
        await pilot.press("y")
        assert pilot.app.clipboard == str(run.path)


async def test_a_vanishing_runs_folder_is_survived(make_run: MakeRun, app: MotrixApp, opened: Open) -> None:
    run = make_run()
    async with opened() as pilot:
        pane = await go_to_runs(pilot)
        app.core.delete_run(run)
        run.path.parent.rmdir()
        run.path.parent.parent.rmdir()
        await pilot.press("r")
        await settle(pilot)
        assert shown(pane) == [] and pane.query_one("#empty").display


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_columns_fit_and_the_most_telling_stay(width: int) -> None:
    columns = columns_for(width)
    assert sum(column.width + 2 for column in columns) <= width
    assert {"env", "status"} <= {column.name for column in columns}
    names = [column.name for column in columns]
    assert names == [column.name for column in COLUMNS if column.name in names]


def test_a_digest_costs_the_new_bytes_and_forgets_a_replaced_file(make_run: MakeRun, runs_dir: Path) -> None:
    run = make_run(status="running", returns=[5.0, 7.0])
    digests = Digests()
    assert digests.refresh(list_runs(runs_dir))[run.path] == Digest(131_072, 1_000_000, 7.0, 7.0, 96_400.0, (5.0, 7.0))
    with EventWriter(run.paths.events) as writer:
        writer.write("metrics", env_steps=200_000, update=3, data={"return/mean": 6.0})
    assert digests.refresh(list_runs(runs_dir))[run.path] == Digest(
        200_000, 1_000_000, 7.0, 6.0, 96_400.0, (5.0, 7.0, 6.0)
    )
    event = {"type": "metrics", "time": 0.0, "env_steps": 10, "update": 1, "data": {"return/mean": 1.0}}
    run.paths.events.write_text(json.dumps(event) + "\n")
    assert digests.refresh(list_runs(runs_dir))[run.path] == Digest(10, None, 1.0, 1.0, None, (1.0,))


def test_a_finished_run_is_read_once(make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(returns=[5.0])
    digests = Digests()
    digests.refresh(list_runs(runs_dir))
    monkeypatch.setattr("motrix_core.runs.reader.EventReader.poll", lambda *_, **__: pytest.fail("was read again"))
    assert digests.refresh(list_runs(runs_dir))[run.path].last == 5.0


def test_numbers_that_are_no_numbers_leave_the_digest_alone() -> None:
    event = {"type": "metrics", "env_steps": 5, "data": {"return/mean": None, "perf/env_steps_per_s": "fast"}}
    digesting = Digesting()
    digesting.add([event])
    assert digesting.digest == Digest(5)


def test_names_from_the_disk_are_harmless_text(make_run: MakeRun, runs_dir: Path) -> None:
    run = make_run()
    run.path.rename(run.path.with_name("\x1b[2J[red]x-aaaa"))
    (summary,) = list_runs(runs_dir)
    row = Row(summary, Digest(), 0.0)
    assert "\x1b" not in row.name and all("\x1b" not in text for text in row.texts.values())
    assert "[red]" in row.name
