"""The filter, the order and the bars of Runs, without a screen where none is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import settle
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input, Static

from motrix_core.runs.layout import Run, list_runs
from motrix_tui.runs_table import digest as digest_module
from motrix_tui.runs_table.digest import Digest, Digests, Trend
from motrix_tui.runs_table.filters import number_in, read_filter
from motrix_tui.runs_table.pane import RunsPane
from motrix_tui.runs_table.rows import COLUMNS, Row, Sorting, in_order, sparkline
from motrix_tui.runs_table.table import RunsTable

MakeRun = Callable[..., Run]


def rows_of(runs_dir: Path) -> list[Row]:
    summaries = list_runs(runs_dir)
    numbers = Digests().refresh(summaries)
    return [Row(item, numbers[item.run.path], item.created_at + 90.0) for item in summaries]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3e-4", 3e-4), ("10m", 10e6), ("2_048", 2048.0), ("-.5", -0.5), ("2h", 7200.0), ("5min", 300.0)],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert number_in(text) == pytest.approx(value)


@given(st.text(max_size=12))
def test_a_number_is_read_or_is_none_and_nothing_else_happens(text: str) -> None:
    assert number_in(text.lower()) is None or isinstance(number_in(text.lower()), float)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("best>900", 1),
        ("return<=5", 1),
        ("steps>=100k", 1),
        ("duration<2min age<1h", 2),
        ("best>", 2),
        ("best>900 pendulum", 0),
    ],
)
def test_columns_compare_as_numbers(make_run: MakeRun, runs_dir: Path, query: str, kept: int) -> None:
    make_run(returns=[10.0, 982.0])
    make_run(env="pendulum", returns=[5.0])
    wanted = read_filter(query)
    assert sum(wanted.keeps(row, {}, {}) for row in rows_of(runs_dir)) == kept


def test_a_run_without_a_value_fits_no_comparison(make_run: MakeRun, runs_dir: Path) -> None:
    make_run()
    (row,) = rows_of(runs_dir)
    assert not any(read_filter(query).keeps(row, {}, {}) for query in ("best>0", "best<=0", "best!=0", "lr=1"))


async def test_settings_are_found_by_every_name_that_they_have(make_run: MakeRun, opened: Callable[..., Any]) -> None:
    run = make_run()
    make_run(env="pendulum")
    rate = run.record()["config"]["ppo"]["learning_rate"]
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        pane = pilot.app.query_one(RunsPane)
        empty = pane.query_one("#empty", Static)
        for query, count in (
            (f"lr={rate} env:cart", 1),
            (f"ppo.learning_rate!={rate} env:cart", 0),
            ("num_envs>=1", 2),
            ("sim=none", 1),
        ):
            pane.query_one(Input).value = query
            await settle(pilot)
            assert len(pane.rows) == count, query
        pane.query_one(Input).value = "colour=red"
        await settle(pilot)
        assert "no setting is called colour" in str(empty.content)


async def test_the_order_follows_keys_and_clicks_on_headings(make_run: MakeRun, opened: Callable[..., Any]) -> None:
    for value in (5.0, 900.0, 20.0):
        make_run(returns=[value])
    make_run(env="pendulum")
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        pane = pilot.app.query_one(RunsPane)
        newest = [row.key for row in pane.rows]
        left = sum(column.width + 2 for column in COLUMNS[: [column.name for column in COLUMNS].index("best")])
        await pilot.click(RunsTable, offset=(left + 2, 0))
        await pilot.pause()
        assert [row.texts["best"] for row in pane.rows] == ["900", "20", "5", "–"]
        await pilot.press("S")
        assert [row.texts["best"] for row in pane.rows] == ["5", "20", "900", "–"]
        while pane.sorting is not None:
            await pilot.press("s")
        assert [row.key for row in pane.rows] == newest


async def test_a_click_moves_the_cursor_and_another_one_opens(make_run: MakeRun, opened: Callable[..., Any]) -> None:
    make_run()
    make_run(env="pendulum")
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        pane = pilot.app.query_one(RunsPane)
        await pilot.click(RunsTable, offset=(3, 2))
        await pilot.pause()
        assert pane.current is pane.rows[1] and pilot.app.place == "runs"
        await pilot.click(RunsTable, offset=(3, 2), times=1)
        await settle(pilot)
        assert pilot.app.place == "monitor"


async def test_only_rows_on_the_screen_are_made_into_text(make_run: MakeRun, opened: Callable[..., Any]) -> None:
    for _ in range(60):
        make_run()
    async with opened() as pilot:
        await pilot.press("3")
        await settle(pilot)
        pane = pilot.app.query_one(RunsPane)
        assert 0 < sum("texts" in row.__dict__ for row in pane.rows) < 45
        await pilot.press("end")
        await pilot.pause()
        assert pane.current is pane.rows[-1] and round(pane.query_one(RunsTable).scroll_y) > 0


def test_rows_without_a_value_come_last_in_both_directions(make_run: MakeRun, runs_dir: Path) -> None:
    make_run()
    make_run(returns=[3.0])
    for down in (True, False):
        assert [row.digest.best for row in in_order(rows_of(runs_dir), Sorting("best", down))] == [3.0, None]


def test_bars_show_the_shape_and_a_flat_line_is_flat() -> None:
    assert sparkline([0.0, 1.0], 10) == "▁█" and sparkline([2.0] * 5, 3) == "▁▁▁" and sparkline([1.0], 9) == ""
    assert len(sparkline([float(i) for i in range(32)], 10)) == 10


def test_a_trend_of_any_length_stays_small_and_keeps_its_shape() -> None:
    trend = Trend()
    for value in range(10_001):
        trend.add(float(value))
    seen = trend.seen()
    assert len(seen) <= 32 and list(seen) == sorted(seen) and seen[0] < 400 and seen[-1] > 9_500


def test_digests_of_runs_that_are_over_survive_a_restart(
    make_run: MakeRun, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motrix_core.runs.cache.WORTHWHILE_RUNS", 1)
    run = make_run(returns=[5.0, 7.0])
    summaries = list_runs(runs_dir)
    before = Digests(runs_dir).refresh(summaries)
    monkeypatch.setattr("motrix_core.runs.reader.EventReader.poll", lambda *_, **__: pytest.fail("was read again"))
    assert (
        Digests(runs_dir).refresh(summaries) == before == {run.path: Digest(131_072, 1_000_000, 7, 7, 96_400, (5, 7))}
    )
    monkeypatch.undo()
    for damaged in ("[", '{"format":1,"entries":{"x":1}}', f'{{"format":{digest_module._FORMAT + 1},"entries":{{}}}}'):
        (runs_dir / ".digests.json").write_text(damaged)
        assert Digests(runs_dir).refresh(summaries) == before
