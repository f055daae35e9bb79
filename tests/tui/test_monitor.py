"""Monitor on runs that are on disk, at the sizes that people have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from motrix_core.config.schema import RunConfig
from motrix_core.learn.evaluation import Scores
from motrix_core.runs.identity import own_identity
from motrix_core.runs.layout import Run, create_run
from motrix_core.runs.state import RunState, Segment, write_state
from motrix_tui.actions import conflicts
from motrix_tui.charts.chart import Chart
from motrix_tui.monitor import phases
from motrix_tui.monitor.actions import MONITOR_ACTIONS
from motrix_tui.monitor.choose_dialog import ChooseDialog
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.monitor.grid import ChartGrid, grid_shape
from motrix_tui.monitor.header import Header, header_lines, resources_line, trouble
from motrix_tui.monitor.layout import Layout, pages
from motrix_tui.monitor.log import LogPane, LogTail
from motrix_tui.monitor.pane import MonitorPane
from motrix_tui.monitor.panels import make_panels, why_empty
from motrix_tui.settings import Settings
from motrix_tui.shell.dialogs import Question
from motrix_tui.themes import DEFAULT_THEME, PALETTES

START = 1_700_000_000.0
STEPS = 65_536
LOOKS = 1500


class MonitorApp(App[None]):
    def __init__(self, now: float = START + 21) -> None:
        super().__init__()
        self.now = now
        self.detached: list[Run] = []
        self.settings: Settings | None = None
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = DEFAULT_THEME

    def compose(self) -> ComposeResult:
        yield MonitorPane(self.settings, id="monitor", clock=lambda: self.now)

    def on_monitor_pane_detached(self, message: MonitorPane.Detached) -> None:
        self.detached.append(message.run)

    @property
    def pane(self) -> MonitorPane:
        return self.query_one(MonitorPane)


def event(type: str, update: int, data: dict[str, Any], **changes: Any) -> str:
    value = {"type": type, "time": START + update, "env_steps": update * STEPS, "update": update, "data": data}
    return json.dumps({**value, **changes}) + "\n"


def metrics(update: int, **changes: Any) -> str:
    data = {
        **{f"return/{part}": 10.0 * update for part in ("mean", "min", "max")},
        "episode_length/mean": 10.0 * update,
        "loss/policy": -0.01,
        "loss/value": 1.0 / update,
        "policy/kl": 0.008,
        "optim/learning_rate": 1e-3,
        "reward/alive/mean": 1.0,
        "perf/env_steps_per_s": 96_400.0,
        "time/physics_ms": 300.0,
        "time/update_ms": 100.0,
        "metric/angle/mean": 0.1,
    }
    return event("metrics", update, {**data, **changes})


def append(run: Run, *lines: str) -> None:
    with run.paths.events.open("a") as file:
        file.writelines(lines)


def set_state(run: Run, **changes: Any) -> None:
    me = own_identity()
    segments = (Segment(0, "jax", START),)
    state = {"status": "running", "supervisor": me, "trainer": me, "segments": segments, **changes}
    write_state(run.paths.state, RunState(**state))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})
    set_state(made, resources={"cpu_percent": 187.0, "memory_bytes": 2**30, "gpus": []})
    append(made, event("segment_started", 0, {"backend": "jax", "max_env_steps": 100 * STEPS}))
    append(made, *(metrics(update) for update in range(1, 21)))
    return made


async def until(pilot: Pilot[Any], condition) -> None:
    for _ in range(LOOKS):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"it did not happen within {LOOKS} looks")


def take_all(feed: RunFeed) -> RunFeed:
    """`feed` with all of its events; one poll is as many as a few milliseconds of this machine allow."""
    while feed.poll() or not feed.at_end:
        pass
    return feed


async def opened(pilot: Pilot[Any], run: Run) -> MonitorPane:
    pane = pilot.app.pane  # type: ignore[attr-defined]
    pane.open_run(run)
    grid = pane.query_one(ChartGrid)

    def settled() -> bool:
        tiles = grid.visible_tiles
        focused = pilot.app.focused
        charts = [tile for tile in tiles if isinstance(tile, Chart)]
        fed = all(chart.labels or chart.title == "evaluation return" for chart in charts)
        return bool(tiles) and fed and focused is not None and pane in focused.ancestors and len(pane.query(Chart)) > 5

    await until(pilot, settled)
    await pilot.pause()
    return pane


def screen_text(app: App[Any]) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


# Pure parts.


def test_known_metrics_are_grouped_and_the_rest_follows_by_prefix() -> None:
    names = ["zeta", "loss/value", "return/mean", "reward/alive/mean", "metric/angle/max", "metric/angle/mean"]
    panels = make_panels(names)
    assert [panel.title for panel in panels] == ["return", "losses", "reward terms", "zeta", "angle"]
    assert [series.label for series in panels[-1].series] == ["max", "mean"]
    assert [series.quiet for series in panels[-1].series] == [True, False]


def test_a_chart_of_a_single_metric_names_it() -> None:
    names = ["policy/odd", "a/b", "a/c", "metric/angle/mean", "metric/speed/max", "evaluation/success/rate"]
    titles = ["policy · odd", "a", "angle", "speed · max", "evaluation · success · rate"]
    assert [panel.title for panel in make_panels(names)] == titles


def test_of_an_evaluation_only_what_makes_a_curve_gets_a_chart() -> None:
    returns, lengths, starts = np.array([1.0, 3.0]), np.array([10, 30]), np.zeros((2, 4))
    scores = Scores(returns, lengths, starts, success_return=2.0, seconds=0.5)
    panels = make_panels([f"evaluation/{name}" for name in scores.metrics()])
    assert {panel.title: len(panel.series) for panel in panels} == {
        "evaluation return": 3,
        "evaluation · episode length": 1,
        "evaluation · success · rate": 1,
    }


def test_every_metric_is_in_exactly_one_chart() -> None:
    names = [f"reward/term{number}/{part}" for number in range(19) for part in ("mean", "min", "max")]
    names += ["policy/kl", "policy/odd", "evaluation/return/mean", "a/b/c/d"]
    shown = [series.name for panel in make_panels(names) for series in panel.series]
    assert sorted(shown) == sorted(names)


@pytest.mark.parametrize(
    ("width", "height", "tiles", "shape"),
    [(120, 26, 12, (3, 2)), (80, 18, 12, (2, 2)), (60, 14, 12, (1, 1)), (20, 3, 12, (1, 1)), (200, 50, 2, (2, 1))],
)
def test_the_grid_takes_as_many_charts_as_stay_readable(width, height, tiles, shape) -> None:
    assert grid_shape(width, height, tiles) == shape


async def test_advice_has_the_lines_it_needs_before_a_line_stays_empty(run: Run) -> None:
    rest = {f"time/{phase}_ms": 1.0 for phase in ("task", "inference", "transfer")}
    append(run, *(metrics(update, **rest) for update in range(21, 32)))
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await until(pilot, lambda: "transfer" in screen_text(app))
        assert "simulator help" in screen_text(app)


def test_advice_names_the_phase_that_dominates() -> None:
    dominated = phases.shares({"physics": 300.0, "update": 100.0})
    assert phases.advice(dominated, 3).startswith("Physics dominates")
    assert phases.advice(dominated, 2) == ""
    assert phases.advice(phases.shares({"physics": 100.0, "task": 100.0, "update": 100.0}), 3) == ""
    assert phases.shares({"physics": float("nan")}) == {} == phases.shares({"physics": 0.0})


async def test_compiling_counts_neither_for_advice_nor_for_the_speed(tmp_path: Path) -> None:
    young = create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})
    set_state(young)
    compiling = {"time/update_ms": 9000.0, "perf/env_steps_per_s": 1000.0}
    append(young, event("segment_started", 0, {"backend": "jax"}), metrics(1, **compiling))
    app = MonitorApp(now=START + 2)
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, young)
        await until(pilot, lambda: "9.00 s" in screen_text(app))
        assert "dominates" not in screen_text(app)
        append(young, metrics(2), metrics(3))
        await until(pilot, lambda: "100 ms" in screen_text(app))
        assert "dominates" not in screen_text(app)
        append(young, metrics(4))
        await until(pilot, lambda: "Physics dominates" in screen_text(app))
        assert pane.feed is not None and pane.feed.steps_per_s == pytest.approx(96_400)
        # The next process compiles too, and may be of another backend.
        append(young, event("segment_started", 4, {"backend": "torch"}), metrics(5, **compiling))
        await until(pilot, lambda: "9.00 s" in screen_text(app) and "dominates" not in screen_text(app))


def test_log_text_cannot_reach_the_terminal_as_control_sequences(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(b"\x1b[31mred\x1b[0m\n\x1b]52;c;aGk=\x07\n\xff\xfe [bold]x[/]\n10%\r90%\r\nnext\ttab\x9b2J\n")
    tail = LogTail(path)
    assert tail.poll()
    text = "\n".join(tail.lines)
    assert "red" in tail.lines and tail.lines[3] == "90%" and "[bold]x[/]" in text
    assert all(character.isprintable() for line in tail.lines for character in line)


def test_a_torn_log_line_is_shown_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    tail = LogTail(path)
    assert not tail.poll()
    path.write_bytes(b"one\ntw")
    assert tail.poll() and list(tail.lines) == ["one"]
    with path.open("ab") as file:
        file.write(b"o\n")
    assert tail.poll() and list(tail.lines) == ["one", "two"]


def test_a_log_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(b"a long first line\n")
    tail = LogTail(path)
    tail.poll()
    path.write_bytes(b"new\n")
    assert tail.poll() and tail.lines[-1] == "new"


def test_the_feed_derives_progress_speed_and_remaining_time(run: Run) -> None:
    feed = take_all(RunFeed(run, clock=lambda: START + 21))
    assert feed.at_end
    assert feed.progress == pytest.approx(0.2) and feed.steps_per_s == pytest.approx(96_400)
    assert feed.eta_s == pytest.approx(80 * STEPS / 96_400) and feed.elapsed_s == pytest.approx(21)
    assert feed.status == "running" and feed.backends == "JAX"


def test_a_trainer_that_stops_talking_is_stalled(run: Run) -> None:
    set_state(run, resources={"cpu_percent": 0.3})
    feed = take_all(RunFeed(run, clock=lambda: START + 40))
    said = trouble(feed, [])
    assert feed.status == "stalled" and said is not None
    assert "no update for 20s" in said.plain and "x stops or kills it" in said.plain


def test_nobody_is_told_to_kill_a_trainer_that_computes(run: Run) -> None:
    feed = take_all(RunFeed(run, clock=lambda: START + 40))
    said = trouble(feed, [])
    assert feed.status == "stalled" and said is not None
    assert "its trainer is at work (cpu 187%)" in said.plain and "kill" not in said.plain


@pytest.mark.parametrize("status", ["starting", "running"])
def test_a_trainer_has_three_minutes_for_its_first_update(tmp_path: Path, status: str) -> None:
    young = create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})
    set_state(young, status=status)
    append(young, event("segment_started", 0, {"backend": "jax"}))
    now = START + 179
    feed = RunFeed(young, clock=lambda: now)
    take_all(feed)
    assert feed.status == status and trouble(feed, []) is None
    assert "starting: importing the backend and compiling" in resources_line(feed, 120, 1, 1).plain
    now = START + 181
    said = trouble(feed, [])
    assert feed.status == "stalled" and said is not None and "no update for 3:01" in said.plain
    append(young, metrics(1))
    set_state(young)
    take_all(feed)
    feed.refresh_state()
    now = START + 2
    assert feed.status == "running" and trouble(feed, []) is None


def test_a_trainer_that_goes_on_days_later_is_starting_again(run: Run) -> None:
    later = START + 200_000
    segments = (Segment(0, "jax", START, ended_at=START + 20), Segment(1, "torch", later))
    set_state(run, status="starting", segments=segments)
    feed = RunFeed(run, clock=lambda: later + 100)
    take_all(feed)
    assert feed.status == "starting" and feed.elapsed_s < 200
    append(run, event("segment_started", 20, {"backend": "torch"}, time=later))
    set_state(run, segments=segments)
    feed.refresh_state()
    take_all(feed)
    assert feed.status == "running" and "starting: importing" in resources_line(feed, 120, 1, 1).plain
    append(run, event("metrics", 21, {"perf/env_steps_per_s": 1.0}, time=later + 100))
    take_all(feed)
    assert "starting" not in resources_line(feed, 120, 1, 1).plain


def test_a_crash_shows_its_cause_and_the_last_log_lines(run: Run) -> None:
    set_state(run, status="crashed", cause="killed by signal 9\x1b[2J", exit_code=-9)
    said = trouble(RunFeed(run), ["last words"])
    assert said is not None and "killed by signal 9\\x1b[2J" in said.plain and "last words" in said.plain


def test_a_resume_that_goes_back_makes_charts_start_anew(run: Run) -> None:
    feed = RunFeed(run)
    take_all(feed)
    append(run, event("segment_started", 20, {"backend": "torch"}), metrics(11), metrics(12))
    assert take_all(feed).generation == 1
    assert [mark.label for mark in feed.marks("env_steps")] == ["switched to PyTorch"]


@pytest.mark.parametrize("width", [1, 20, 60, 80, 120, 200])
def test_the_header_never_exceeds_its_width(run: Run, width: int) -> None:
    feed = take_all(RunFeed(run, clock=lambda: START + 21))
    for rows in (1, 2):
        assert all(line.cell_length <= width for line in header_lines(feed, width, rows))


def test_no_key_of_monitor_means_two_things_and_each_has_a_handler() -> None:
    from motrix_tui.actions import APP_ACTIONS

    assert conflicts((*APP_ACTIONS, *MONITOR_ACTIONS)) == []
    assert all(hasattr(MonitorPane, f"action_{action.handler}") for action in MONITOR_ACTIONS)


def test_an_empty_chart_says_why_it_is_empty() -> None:
    names = ("return/mean", "episode_length/mean", "optim/grad_norm", "reward/alive/mean")

    def said(**changes: Any) -> list[str]:
        state: dict[str, Any] = {"updates": 1, "engine": "stock", "is_live": True, **changes}
        return [why_empty(panel, **state) for panel in make_panels(names)]

    assert set(said(updates=0)) == {"waiting for the first update…"}
    assert set(said(updates=0, is_live=False)) == {"the run ended before its first update"}
    episodes = ["no episode has ended yet"] * 2
    assert said() == [*episodes, "no value yet", "not reported by the stock engine"]
    assert said(engine="fused") == [*episodes, "no value yet", "no value yet"]
    assert said(is_live=False)[:3] == ["no episode ended", "no episode ended", "no value was reported"]


# The pane.


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 20), (20, 5), (5, 3)])
async def test_the_run_is_shown_at_every_size(run: Run, size: tuple[int, int]) -> None:
    app = MonitorApp()
    async with app.run_test(size=size) as pilot:
        pane = await opened(pilot, run)
        grid, least = pane.query_one(ChartGrid), {120: 6, 80: 4}.get(size[0], 1)
        await until(pilot, lambda: sum(bool(tile.size.height) for tile in grid.visible_tiles) >= least)
        if size[0] >= 60:
            await until(pilot, lambda: all(word in screen_text(app) for word in ("cartpole", "following")))


async def test_the_header_is_whole_before_it_was_ever_laid_out(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(60, 20)) as pilot:
        await until(pilot, lambda: app.pane.size.width == 60)
        app.pane.open_run(run)
        assert "cartpole · JAX · run" in str(app.pane.query_one(Header).content)


async def test_events_that_arrive_are_drawn(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        append(run, metrics(21, **{"return/mean": 4321.0}), metrics(22, **{"return/mean": None, "new/thing": 1.0}))
        await until(pilot, lambda: any(chart.title == "new · thing" for chart in pane.query(Chart)))
        await until(pilot, lambda: all(word in screen_text(app) for word in ("×", "1.44M")))
        append(run, metrics(23, **{"new/thing": 1.0, "new/other": 1.0}))
        await until(pilot, lambda: any(chart.title == "new" for chart in pane.query(Chart)))


async def test_a_run_whose_episodes_are_still_on_says_so_in_their_charts(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"env": "cartpole", "backend": "jax", "train": {"engine": "stock"}})
    young = create_run(config, tmp_path / "runs", extra={})
    set_state(young)
    append(young, event("segment_started", 0, {"backend": "jax", "max_env_steps": 100 * STEPS}))
    app = MonitorApp(now=START + 2)
    async with app.run_test(size=(200, 60)) as pilot:
        app.pane.open_run(young)
        await until(pilot, lambda: "waiting for the first update" in screen_text(app))
        silent = {f"return/{part}": None for part in ("mean", "min", "max")}
        append(young, metrics(1, **silent, **{"episode_length/mean": None, "optim/grad_norm": None}))
        await until(pilot, lambda: screen_text(app).count("no episode has ended yet") == 2)
        assert "not reported by the stock engine" in screen_text(app)
        await until(pilot, lambda: "waiting" not in screen_text(app))


async def test_a_new_chart_keeps_the_zoom_of_the_others(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        await pilot.press("plus")
        chart = pane.active_chart
        assert chart is not None and chart.view.width is not None and chart.view.following
        append(run, metrics(21, **{"policy/std": 1.0}))
        await until(pilot, lambda: any(other.title == "policy spread" for other in pane.query(Chart)))
        assert pane.active_chart is chart and chart.view.width is not None
        await pilot.press("left")
        assert not chart.view.following
        await pilot.press("end")
        assert chart.view.following
        await pilot.press("home")
        assert chart.view.width is None


async def test_the_crosshair_is_linked_and_shows_exact_values(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        await pilot.press("i", "left", "left")
        places = {chart.crosshair for chart in pane.query(Chart)}
        assert len(places) == 1 and None not in places
        await pilot.press("escape")
        assert {chart.crosshair for chart in pane.query(Chart)} == {None}


async def test_full_screen_gives_one_chart_all_the_room(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        before = len(pane.query_one(ChartGrid).visible_tiles)
        await pilot.press("f")
        assert len(pane.query_one(ChartGrid).visible_tiles) == 1 < before
        await pilot.press("f")
        assert len(pane.query_one(ChartGrid).visible_tiles) == before


async def test_the_filter_leaves_only_charts_that_match(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        await pilot.press("slash", *"loss", "enter")
        await pilot.pause()
        visible = pane.query_one(ChartGrid).visible_tiles
        assert [tile.title for tile in visible if isinstance(tile, Chart)] == ["losses"]
        await pilot.press("escape")
        await pilot.pause()
        assert len(pane.query_one(ChartGrid).visible_tiles) > 1 and not pane.query_one(Input).display


async def test_axis_scale_smoothing_and_glyphs_are_a_key_away(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press("a", "y", "s", "g", "g")
        # The other charts follow one by one.
        await until(pilot, lambda: not any(0x2800 < ord(character) < 0x2900 for character in screen_text(app)))
        text = screen_text(app)
        assert "updates" in text and "log" in text


async def test_a_key_for_all_charts_is_answered_by_the_active_one_first(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        shown = [tile for tile in pane.query_one(ChartGrid).visible_tiles if isinstance(tile, Chart)]
        shown[2].focus()
        await pilot.pause()
        smoothed = []
        for chart in shown:
            watched = chart.set_smoothing
            chart.set_smoothing = lambda weight, chart=chart, set=watched: (smoothed.append(chart), set(weight))[1]
        pane.action_smoothing()
        assert smoothed == [shown[2]]
        await until(pilot, lambda: len(smoothed) == len(shown))
        assert smoothed == [shown[2], *(chart for chart in shown if chart is not shown[2])]


async def test_pages_turn_and_stay_within_the_charts(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(60, 20)) as pilot:
        pane = await opened(pilot, run)
        grid = pane.query_one(ChartGrid)
        first = grid.visible_tiles
        await pilot.press("right_square_bracket")
        assert grid.visible_tiles != first
        for _ in range(30):
            await pilot.press("right_square_bracket")
        assert grid.page == grid.page_count
        for _ in range(30):
            await pilot.press("left_square_bracket")
        assert grid.visible_tiles == first


async def test_the_log_follows_until_it_is_scrolled(run: Run) -> None:
    run.paths.console.write_text("".join(f"line {number}\n" for number in range(100)))
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        log = pane.query_one(LogPane)
        await until(pilot, lambda: len(log.lines) == 100 and log.scroll_y == log.max_scroll_y > 0)
        log.scroll_to(y=3, animate=False)
        await until(pilot, lambda: not log.following)
        with run.paths.console.open("a") as file:
            file.write("more\n")
        await until(pilot, lambda: len(log.lines) == 101)
        assert log.scroll_y == 3
        log.scroll_end(animate=False)
        await until(pilot, lambda: log.following)


@pytest.mark.parametrize(("key", "kill"), [("s", [False]), ("K", [True]), ("escape", [])])
async def test_stop_asks_first(run: Run, monkeypatch: pytest.MonkeyPatch, key: str, kill: list[bool]) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("motrix_core.process.control.request_stop", lambda run, *, kill: asked.append(kill))
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, run)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert asked == []
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, Question))
        await until(pilot, lambda: asked == kill)


async def test_detaching_leaves_the_run_alone(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        await pilot.press("d")
        await until(pilot, lambda: app.detached == [run])
        assert pane.run is None
        await until(pilot, lambda: "no run is open" in screen_text(app))
        pane.open_run(run)
        await until(pilot, lambda: any(chart.labels for chart in pane.query(Chart)))


async def test_a_run_that_vanishes_is_named_and_survived(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        run.paths.state.unlink()
        assert pane.feed is not None
        pane.feed.refresh_state()
        await until(pilot, lambda: pane.query_one("#trouble").has_class("-wrong"))
        said = trouble(pane.feed, [])
        assert said is not None and "state.json is missing" in said.plain
        shutil.rmtree(run.path)
        pane.feed.refresh_state()
        said = trouble(pane.feed, [])
        assert said is not None and f"{run.path} is gone" in said.plain


# Arranging.


def test_tiles_fill_pages_row_by_row_and_a_wide_one_takes_its_columns() -> None:
    assert pages([1, 2, 1, 1, 1, 3], 3, 2) == [[0, 1, 2, 3, 4], [5]]
    assert pages([9], 2, 1) == [[0]] and pages([], 2, 1) == [[]]


def test_a_layout_from_a_settings_file_keeps_what_makes_sense() -> None:
    table = {"order": ["b", 3], "hidden": "x", "wide": {"a": 2, "b": 99, "c": "2"}, "row_height": 7, "x_axis": "moon"}
    layout = Layout.from_table({**table, "smoothing": 1.5}, x_axes=("env_steps", "time"), glyphs=("braille",))
    assert layout == Layout(order=("b",), wide={"a": 2})
    kept = Layout(("b", "a"), frozenset({"c"}), {"b": 3}, 13, "time", 0.9, "blocks")
    assert Layout.from_table(kept.to_table(), x_axes=("env_steps", "time"), glyphs=("braille", "blocks")) == kept


def test_a_chart_moves_past_the_hidden_ones() -> None:
    layout = Layout(hidden=frozenset({"b"}))
    assert layout.moved(["a", "b", "c"], "a", 1).sorted(["a", "b", "c"]) == ["b", "c", "a"]
    assert layout.moved(["a", "b", "c"], "a", -1).sorted(["a", "b", "c"]) == ["a", "b", "c"]


async def test_charts_are_hidden_and_reordered_in_a_dialog_and_the_layout_is_remembered(
    run: Run, tmp_path: Path
) -> None:
    app = MonitorApp()
    app.settings = Settings.load(tmp_path / "settings.toml")
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        titles = [chart.title for chart in pane.query_one(ChartGrid).charts]
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ChooseDialog))
        await pilot.press("space", "j", "J", "enter")
        await until(pilot, lambda: not isinstance(app.screen, ChooseDialog))
        await pilot.pause()
        shown = [tile.title for tile in pane.query_one(ChartGrid).visible_tiles if isinstance(tile, Chart)]
        assert titles[0] not in shown and shown[:2] == [titles[2], titles[1]]
        await pilot.press("greater_than_sign", "a")
        await pilot.pause()
    again = MonitorApp()
    again.settings = Settings.load(tmp_path / "settings.toml")
    async with again.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        grid = pane.query_one(ChartGrid)
        shown_now = [tile for tile in grid.visible_tiles if isinstance(tile, Chart)]
        assert [tile.title for tile in shown_now][:2] == shown[:2]
        assert max(tile.outer_size.width for tile in shown_now) > 60 and "updates" in str(shown_now[0].border_subtitle)


async def test_the_focused_chart_is_moved_and_keeps_the_focus(run: Run) -> None:
    app = MonitorApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = await opened(pilot, run)
        chart = pane.active_chart
        assert chart is not None
        await pilot.press("L")
        await pilot.pause()
        assert pane.query_one(ChartGrid).visible_tiles[1] is chart and app.focused is chart
        await pilot.press("right_curly_bracket", "H")
        await pilot.pause()
        assert pane.query_one(ChartGrid).visible_tiles[0] is chart


def test_edits_evaluations_and_the_best_are_marked(run: Run) -> None:
    append(
        run,
        event("evaluation", 21, {"return/mean": 5.0}),
        event("checkpoint", 21, {}),
        event("evaluation", 22, {"return/mean": 9.0}),
        event("evaluation", 23, {"return/mean": 7.0}),
        event("control", 23, {"type": "set", "done": True, "values": {"ppo.learning_rate": 3e-4}}),
        event("control", 23, {"type": "set", "done": False, "values": {"ppo.learning_rate": 1.0}}),
    )
    feed = RunFeed(run)
    take_all(feed)
    labels = {mark.label: mark.x for mark in feed.marks("update")}
    assert labels["best so far: evaluation 9"] == 22 and labels["set learning_rate 3e-4"] == 23
    assert feed.marks("update") is feed.marks("update")


async def test_charts_stay_where_they_are_when_the_first_metrics_come(tmp_path: Path) -> None:
    young = create_run(RunConfig(env="cartpole", backend="jax"), tmp_path / "runs", extra={})
    set_state(young)
    append(young, event("segment_started", 0, {"backend": "jax"}))
    app = MonitorApp(START + 5)
    async with app.run_test(size=(120, 40)) as pilot:
        grid = app.pane.query_one(ChartGrid)

        def places() -> dict[str, Region]:
            return {tile.title: tile.region for tile in grid.visible_tiles if isinstance(tile, Chart)}

        app.pane.open_run(young)
        await until(pilot, lambda: len(places()) > 3 and all(places().values()))
        await pilot.pause()
        before = places()
        append(young, metrics(1))
        await until(pilot, lambda: grid.charts[0].labels)
        await pilot.pause()
        after = places()
        assert "evaluation return" in after and "losses" in after
        assert {title: region for title, region in after.items() if title in before} == {
            title: region for title, region in before.items() if title in after
        }


async def test_another_run_leaves_the_keys_with_what_is_there(run: Run, tmp_path: Path) -> None:
    other = create_run(RunConfig(env="cartpole", backend="torch"), tmp_path / "runs", extra={})
    set_state(other)
    append(other, event("segment_started", 0, {"backend": "torch", "max_env_steps": 100 * STEPS}), metrics(1))
    app = MonitorApp()
    async with app.run_test(size=(80, 24)) as pilot:
        pane = await opened(pilot, run)
        pane.query_one(ChartGrid).visible_tiles[0].focus()
        await pilot.pause()
        await opened(pilot, other)
        await until(pilot, lambda: app.focused is None or app.focused.is_attached)
        assert app.focused is not None and app.focused.is_attached and app.focused.display
