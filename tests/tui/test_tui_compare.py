"""Compare on runs that are on disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from fake_core import FakeCore, settle
from textual.pilot import Pilot
from textual.widgets import Input, Static

from motrix_core.errors import RunsFolderError
from motrix_core.runs.layout import Run
from motrix_core.runs.notes import MAX_TAGS, Notes, read_notes, tags_in, write_notes
from motrix_tui.charts.chart import Chart
from motrix_tui.compare import data
from motrix_tui.compare.export import as_svg, thinned
from motrix_tui.compare.pane import ComparePane
from motrix_tui.runs_table.pane import RunsPane

MakeRun = Callable[..., Run]
Open = Callable[..., Any]


async def compare_all(pilot: Pilot[Any], runs: int) -> ComparePane:
    await pilot.press("3")
    await settle(pilot)
    for _ in range(runs):
        await pilot.press("space", "j")
    await pilot.press("c")
    await settle(pilot)
    await settle(pilot)
    return pilot.app.query_one(ComparePane)


async def test_4_shows_the_marked_runs_and_leaves_them_alone_when_nothing_changed(
    make_run: MakeRun, opened: Open
) -> None:
    for number in range(3):
        make_run(returns=[1.0, float(number)])
    async with opened() as pilot:
        await pilot.press("4")
        await settle(pilot)
        pane = pilot.app.query_one(ComparePane)
        assert not pane.has_class("-some")
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("space", "j", "space", "4")
        await settle(pilot)
        await settle(pilot)
        first = pane.query(Chart).first()
        assert pane.has_class("-some") and len(pane.runs) == 2
        await pilot.press("3", "4")
        await settle(pilot)
        assert pane.query(Chart).first() is first
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("j", "space", "4")
        await settle(pilot)
        await settle(pilot)
        assert len(pane.runs) == 3


def test_only_the_settings_that_differ_are_shown(make_run: MakeRun) -> None:
    compared = [data.load(make_run(backend=backend, returns=[1.0, 2.0])) for backend in ("jax", "torch")]
    rows = dict(data.differences(compared))
    assert rows["backend"] == ["jax", "torch"] and "env" not in rows


def test_what_is_told_of_an_evaluation_beside_its_result_gets_no_chart(make_run: MakeRun) -> None:
    run = make_run(returns=[1.0])
    figures = {"return/mean": 1.0, "return/std_error": 0.1, "success_rate": 0.5, "episodes": 64, "seconds": 0.7}
    with run.paths.events.open("a") as out:
        event = {"v": 1, "run": run.id, "seq": 99, "time": 1.0, "env_steps": 1, "update": 1}
        out.write(json.dumps({**event, "type": "evaluation", "data": figures}) + "\n")
    named = data.metrics([data.load(run)])
    assert "evaluation/return/mean" in named
    assert not any(name.endswith(("std_error", "episodes", "seconds")) for name in named)


def test_seeds_are_one_mean_with_a_band_as_far_as_all_of_them_go(make_run: MakeRun) -> None:
    compared = [data.load(make_run(returns=returns)) for returns in ([1.0, 3.0, 5.0], [3.0, 5.0])]
    low, high, mean = data.lines(compared, data.RETURN, "update", grouped=True)
    assert low.border_of == high.border_of == mean.label and not mean.border_of and "2 seeds" in mean.label
    np.testing.assert_allclose(mean.x, [1, 2])
    np.testing.assert_allclose([low.y, mean.y, high.y], [[1, 3], [2, 4], [3, 5]])
    assert len(data.lines(compared, data.RETURN, "update", grouped=False)) == 2


def test_the_threshold_is_reached_at_the_first_update_beyond_it(make_run: MakeRun) -> None:
    first, second = data.figures([data.load(make_run(returns=values)) for values in ([0.0, 50.0, 100.0], [0.0, 10.0])])
    assert first.reached_steps == 3 * 65_536 and second.reached_steps is None and second.best == 10


def test_a_run_that_cannot_be_read_is_named_and_compared_without_numbers(make_run: MakeRun) -> None:
    run = make_run(returns=[1.0])
    run.paths.config.write_text("{")
    compared = data.load(run)
    assert "config.json cannot be used" in compared.problem and data.differences([compared]) == []
    empty = data.figures([data.load(make_run())])[0]
    assert np.isnan(empty.best) and empty.reached_s is None


def test_names_in_an_svg_are_text(make_run: MakeRun) -> None:
    line = data.Line("<script>&", np.arange(3.0), np.array([1.0, np.nan, 2.0]))
    root = ElementTree.fromstring(as_svg("a <b>", [line], "env steps", x_is_time=False))
    assert "<script>&" in [node.text for node in root.iter()] and ElementTree.fromstring(
        as_svg("nothing", [], "time", x_is_time=True)
    ).tag.endswith("svg")


def paths_of(svg: str, kind: str) -> list[str]:
    """What the `fill` or `stroke` paths in colour draw."""
    paths = [node for node in ElementTree.fromstring(svg).iter() if node.tag.endswith("path")]
    return [node.get("d", "") for node in paths if (node.get("fill-opacity") if kind == "fill" else node.get("fill"))]


def test_a_spike_among_many_points_is_in_the_svg() -> None:
    x = np.arange(50_000.0)
    y = np.zeros(50_000)
    y[31_337] = 9.0
    kept_x, kept_y = thinned(x, y, 0.0, 50_000.0)
    assert len(kept_x) < 5_000 and kept_y.max() == 9.0 and kept_x[kept_y.argmax()] == 31_337
    assert kept_x[0] == 0 and kept_x[-1] == 49_999 and (np.diff(kept_x) > 0).all()


def test_a_gap_stays_a_gap_and_a_lone_value_a_dot_in_the_svg() -> None:
    line = data.Line("a", np.arange(6.0), np.array([1.0, 2.0, np.nan, 3.0, np.nan, 4.0]))
    (path,) = paths_of(as_svg("t", [line], "x", x_is_time=False), "stroke")
    assert path.count("M") == 3 and path.count("h0") == 2


def test_seeds_are_a_filled_band_in_the_svg_with_one_entry_in_the_legend(make_run: MakeRun) -> None:
    compared = [data.load(make_run(returns=returns)) for returns in ([1.0, 3.0, 5.0], [3.0, 5.0, 9.0])]
    svg = as_svg("t", data.lines(compared, data.RETURN, "update", grouped=True), "updates", x_is_time=False)
    (area,) = paths_of(svg, "fill")
    assert area.endswith("Z") and svg.count("2 seeds") == 1


async def test_marked_runs_are_overlaid_grouped_and_exported(
    make_run: MakeRun, opened: Callable[..., Any], runs_dir: Path
) -> None:
    make_run(returns=[1.0, 2.0])
    make_run(returns=[2.0, 4.0])
    make_run(backend="torch", returns=[5.0, 6.0])
    async with opened() as pilot:
        pane = await compare_all(pilot, 3)
        chart = pane.active_chart
        assert pilot.app.place == "compare" and chart is not None and len(chart.labels) == 3
        assert "backend" in str(pane.query_one("#compared-text", Static).content)
        await pilot.press("a", "a")
        await pilot.pause()
        assert "time" in str(chart.border_subtitle)
        await pilot.press("a", "m")
        await settle(pilot)
        grouped = pane.active_chart
        assert grouped is not None and any("seeds" in label for label in grouped.labels)
        await pilot.press("e", "E")
        await settle(pilot)
        (table,) = (runs_dir / "exports").glob("*.csv")
        (picture,) = (runs_dir / "exports").glob("*.svg")
        rows = list(csv.reader(table.read_text().splitlines()))
        assert rows[0] == ["metric", "curve", "env steps", "value"] and len(rows) > 6
        assert ElementTree.parse(picture).getroot().tag.endswith("svg")


async def test_compare_without_runs_says_what_to_do(opened: Callable[..., Any]) -> None:
    async with opened() as pilot:
        await pilot.press("4")
        await settle(pilot)
        assert "space marks runs" in str(pilot.app.query_one("#nothing-compared", Static).content)


async def test_resume_asks_first_and_only_for_a_run_that_is_over(
    core: FakeCore, make_run: MakeRun, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed: list[Run] = []
    monkeypatch.setattr(core, "resume", lambda run: resumed.append(run) or "goes on from step_5")
    run = make_run(status="stopped")
    make_run(status="running")
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert not resumed and any("only a run that is over" in note.message for note in pilot.app._notifications)
        await pilot.press("j", "u")
        await pilot.pause()
        assert not resumed
        await pilot.press("u")
        await settle(pilot)
        assert [item.path for item in resumed] == [run.path]


async def test_tags_are_written_and_found_by_the_filter(make_run: MakeRun, opened: Callable[..., Any]) -> None:
    make_run()
    run = make_run()
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        pane = pilot.app.query_one(RunsPane)
        await pilot.press("t")
        await pilot.pause()
        await pilot.press(*"good", "space", *"lr", "enter")
        await settle(pilot)
        assert read_notes(run).tags == ("good", "lr")
        pane.query_one(Input).value = "tag:good"
        await pilot.pause()
        assert [row.summary.run.path for row in pane.rows] == [run.path]


def test_notes_are_harmless_text_within_bounds(make_run: MakeRun) -> None:
    run = make_run()
    assert read_notes(run) == Notes()
    write_notes(run, Notes("\x1b[31mred\x07", tags_in("a, \x1b[2Jb a " + " ".join(map(str, range(99))))))
    found = read_notes(run)
    assert "\x1b" not in found.note + "".join(found.tags) and len(found.tags) == MAX_TAGS and found.tags[0] == "a"
    (run.path / "notes.json").write_text("[1]")
    with pytest.raises(RunsFolderError, match="cannot be used"):
        read_notes(run)
