"""Runs as CSV: the metrics of those that are marked, and the list."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

import pytest
from fake_core import settle
from textual.pilot import Pilot
from textual.widgets import Input

from motrix_core.runs.layout import Run
from motrix_core.runs.notes import Notes, write_notes
from motrix_tui.app import MotrixApp
from motrix_tui.runs_table.export import LIST_COLUMNS
from motrix_tui.runs_table.pane import RunsPane
from motrix_tui.runs_table.table import RunsTable
from motrix_tui.shell.exporting import _write_file

Open = Callable[..., Any]
MakeRun = Callable[..., Run]
Table = list[dict[str, str]]


async def press(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def said(pilot: Pilot[Any]) -> str:
    assert isinstance(pilot.app, MotrixApp)
    return "\n".join(f"{item.title} {item.text}" for item in pilot.app.said)


def written(runs_dir: Path, stem: str) -> Table:
    (path,) = (runs_dir / "exports").glob(f"{stem}-*.csv")
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


async def test_the_metrics_of_marked_runs_are_written_in_the_form_of_compare(
    make_run: MakeRun, opened: Open, runs_dir: Path
) -> None:
    make_run(returns=[9.0])
    second = make_run(env="pendulum", backend="torch", returns=[3.0])
    first = make_run(returns=[1.0, float("nan")])
    async with opened() as pilot:
        await press(pilot, "3", "space", "j", "space", "e")
        (path,) = (runs_dir / "exports").iterdir()
        assert pilot.app.clipboard == str(path) and f"Written {path}\nits path is copied" in said(pilot)
    rows = written(runs_dir, "runs")
    assert list(rows[0]) == ["metric", "curve", "env steps", "value"]
    names = {run: f"{run.env}/{run.id}" for run in (first, second)}
    assert {row["curve"] for row in rows} == set(names.values())
    returns = [row for row in rows if row["metric"] == "return/mean"]
    assert [(row["curve"], row["env steps"], row["value"]) for row in returns] == [
        (names[first], "65536", "1"),
        (names[first], "131072", ""),
        (names[second], "65536", "3"),
    ]
    assert sum(row["metric"] == "perf/env_steps_per_s" for row in rows) == 3


async def test_without_a_mark_it_is_the_run_under_the_cursor(make_run: MakeRun, opened: Open, runs_dir: Path) -> None:
    older = make_run(returns=[4.0])
    make_run(returns=[5.0])
    async with opened() as pilot:
        await press(pilot, "3", "j", "e")
    assert {row["curve"] for row in written(runs_dir, "runs")} == {f"{older.env}/{older.id}"}


async def test_the_list_is_written_as_it_is_filtered_and_ordered_with_numbers_in_full(
    make_run: MakeRun, opened: Open, runs_dir: Path
) -> None:
    make_run(env="pendulum")
    best = make_run(returns=[1234.5678, 1000.25])
    write_notes(best, Notes('a note, with "quotes"', ("good", "lr")))
    other = make_run(backend="torch", status="stopped", returns=[2.0])
    damaged = make_run()
    record = json.loads(damaged.paths.config.read_text(encoding="utf-8"))
    damaged.paths.config.write_text(json.dumps({**record, "created_at": 1e300}), encoding="utf-8")
    async with opened(size=(160, 40)) as pilot:
        await press(pilot, "3")
        pane = pilot.app.query_one(RunsPane)
        pane.query_one(Input).value = "cartpole"
        await settle(pilot)
        pane.on_runs_table_sort_wanted(RunsTable.SortWanted("best"))
        await press(pilot, "E")
    rows = written(runs_dir, "list")
    assert tuple(rows[0]) == LIST_COLUMNS
    assert [row["run"] for row in rows] == [best.id, other.id, damaged.id]
    assert [row["status"] for row in rows] == ["finished", "stopped", "finished"]
    first = rows[0]
    assert (first["best_return"], first["last_return"], first["env_steps"]) == ("1234.5678", "1000.25", "131072")
    assert (first["steps_per_s"], first["duration_s"], first["max_env_steps"]) == ("96400", "100", "1000000")
    assert (first["tags"], first["note"]) == ("good lr", 'a note, with "quotes"')
    assert first["created"].endswith("+00:00") and rows[2]["created"] == rows[2]["best_return"] == ""
    assert first["folder"] == str(best.path)


@pytest.mark.parametrize("key", ["e", "E"])
async def test_a_folder_that_takes_no_file_is_named(make_run: MakeRun, opened: Open, runs_dir: Path, key: str) -> None:
    make_run(returns=[1.0])
    (runs_dir / "exports").write_text("in the way", encoding="utf-8")
    async with opened() as pilot:
        await press(pilot, "3", key)
        assert f"{runs_dir / 'exports'}" in said(pilot) and "cannot be written: File exists" in said(pilot)
        assert pilot.app.clipboard == ""


async def test_runs_without_metrics_leave_no_file(make_run: MakeRun, opened: Open, runs_dir: Path) -> None:
    make_run()
    async with opened() as pilot:
        await press(pilot, "3", "e")
        assert "nothing was written: these runs have no metrics yet" in said(pilot)
    assert list((runs_dir / "exports").iterdir()) == []


async def test_a_run_that_cannot_be_read_is_named_beside_what_was_written(
    make_run: MakeRun, opened: Open, runs_dir: Path
) -> None:
    whole = make_run(returns=[1.0])
    broken = make_run(returns=[2.0])
    async with opened() as pilot:
        await press(pilot, "3", "space", "j", "space")
        broken.paths.config.write_text("{", encoding="utf-8")
        await press(pilot, "e")
        assert f"Not whole {broken.id}: " in said(pilot) and "config.json cannot be used" in said(pilot)
    assert {row["curve"] for row in written(runs_dir, "runs")} == {f"{whole.env}/{whole.id}"}


async def test_nothing_is_exported_from_an_empty_list(opened: Open, runs_dir: Path) -> None:
    async with opened() as pilot:
        await press(pilot, "3", "e", "E")
    assert not (runs_dir / "exports").exists()


async def test_marked_runs_can_be_exported_where_the_filter_hides_them(make_run: MakeRun, opened: Open) -> None:
    make_run(returns=[1.0])
    async with opened() as pilot:
        await press(pilot, "3", "space")
        pane = pilot.app.query_one(RunsPane)
        pane.query_one(Input).value = "no-such-run"
        await settle(pilot)
        assert pane.current is None and pane.why_not("open") == "there is no run in the list"
        assert pane.why_not("export_csv") is pane.why_not("compare") is None


def test_two_exports_of_one_second_are_two_files(tmp_path: Path) -> None:
    path = tmp_path / "exports" / "runs.csv"

    def write(out: TextIO) -> None:
        out.write("whole \ud800\n")
        other = Thread(target=_write_file, args=(path, lambda out: print("other", file=out)))
        other.start()
        other.join()

    second = path.with_name("runs-2.csv")
    assert _write_file(path, write) == (second, ())
    assert sorted(path.parent.iterdir()) == [second, path]
    assert path.read_text(encoding="utf-8") == "other\n"
    assert second.read_text(encoding="utf-8") == "whole \\ud800\n"
