"""Terminals without colours, and terminals without Unicode."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_core import FakeCore, settle
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from screens import segments, text
from textual.color import Color
from textual.pilot import Pilot

from motrix_core.runs.layout import Run
from motrix_core.terminal import Terminal
from motrix_tui.app import MotrixApp
from motrix_tui.charts.chart import Chart
from motrix_tui.monitor.header import progress_bar
from motrix_tui.play.child import PlayChild
from motrix_tui.settings import Settings
from motrix_tui.shell.plain import as_ascii, uncoloured
from motrix_tui.themes import PALETTES, Palette

Open = Callable[..., Any]
MakeRun = Callable[..., Run]
EVERYTHING = ("1", "2", "3", "4", "5", "question_mark", "ctrl+p", "ctrl+o", "q")
PALETTE_IDS = [palette.name for palette in PALETTES]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_becomes_ascii_of_the_same_width(written: str) -> None:
    assert as_ascii(written).isascii() and cell_len(as_ascii(written)) == sum(cell_len(one) for one in written)


def test_characters_become_what_resembles_them() -> None:
    assert as_ascii("● cartpole · JAX → PyTorch  ✖ 3 … ╭─╮") == "* cartpole - JAX > PyTorch  x 3 ~ +-+"
    assert as_ascii("Müller 走") == "Muller ??"
    assert as_ascii("🔎 ✔ finished ◆") == "/  v finished +"


def colours(palette: Palette) -> tuple[Color, Color]:
    return Color.parse(palette.background), Color.parse(palette.foreground)


def style_of(front: Color, behind: Color) -> Style:
    return Style(color=front.rich_color, bgcolor=behind.rich_color)


@pytest.mark.parametrize("palette", PALETTES, ids=PALETTE_IDS)
def test_what_is_selected_becomes_reverse_and_what_is_background_does_not(palette: Palette) -> None:
    base, ink = colours(palette)
    primary = Color.parse(palette.primary)
    for behind in (primary, base.blend(primary, 0.35)):
        assert uncoloured(style_of(ink, behind), base, ink) == Style(reverse=True)
    for behind in (palette.background, palette.surface, palette.panel):
        assert not uncoloured(style_of(ink, Color.parse(behind)), base, ink).reverse


@pytest.mark.parametrize("palette", PALETTES, ids=PALETTE_IDS)
def test_borders_at_rest_become_dim_and_words_do_not(palette: Palette) -> None:
    base, ink = colours(palette)
    assert uncoloured(style_of(Color.parse(palette.rule), base), base, ink) == Style(dim=True)
    for front in (palette.foreground, palette.primary, palette.error, palette.muted):
        assert not uncoloured(style_of(Color.parse(front), base), base, ink).dim


@pytest.fixture(autouse=True)
def nobody_plays(core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "play", lambda *where, **how: PlayChild({}, argv=("true",)))


@pytest.fixture
def open_plain(core: FakeCore, tmp_path: Path, opened: Open) -> Callable[..., Any]:
    """`open_plain(Terminal(…), theme="paper", size=…)`"""

    def open_app(terminal: Terminal, theme: str = "night", size: tuple[int, int] = (120, 40)) -> Any:
        app = MotrixApp(core, Settings.load(tmp_path / "settings.toml"), theme=theme, terminal=terminal)
        return opened(app, size=size)

    return open_app


async def show(pilot: Pilot[Any], key: str) -> None:
    """Go to a place, or open what `key` opens there in the stead of what is open."""
    if len(pilot.app.screen_stack) > 1:
        await pilot.press("escape")
        await pilot.pause()
    await pilot.press(key)
    await (settle if key.isdigit() else Pilot.pause)(pilot)


async def test_without_unicode_every_character_on_the_screen_is_ascii(open_plain: Open, make_run: MakeRun) -> None:
    make_run(returns=[1.0, 3.0, 2.0], status="running")
    async with open_plain(Terminal(unicode=False)) as pilot:
        for key in EVERYTHING:
            await show(pilot, key)
            assert "motrix" in text(pilot.app) and text(pilot.app).isascii(), key


@pytest.mark.parametrize("theme", ["night", "paper"])
async def test_without_colours_none_is_on_the_screen(open_plain: Open, make_run: MakeRun, theme: str) -> None:
    make_run(returns=[1.0, 3.0, 2.0], status="running")
    async with open_plain(Terminal(colours=False), theme) as pilot:
        for key in EVERYTHING:
            await show(pilot, key)
            styles = [segment.style for segment in segments(pilot.app) if segment.style is not None]
            assert {style.color for style in styles} | {style.bgcolor for style in styles} == {None}, key


async def test_without_colours_the_chosen_row_is_reverse_and_the_focused_panel_has_a_heavy_border(
    open_plain: Open,
) -> None:
    async with open_plain(Terminal(colours=False)) as pilot:
        await settle(pilot)
        reverse = "".join(item.text for item in segments(pilot.app) if item.style is not None and item.style.reverse)
        assert "cartpole" in reverse and "1 Launch" in reverse and "2 Monitor" not in reverse
        assert text(pilot.app).count("┏") == 1


async def test_lines_of_a_chart_are_numbered_where_colours_cannot_tell_them_apart(
    open_plain: Open, make_run: MakeRun
) -> None:
    make_run(returns=[1.0, 3.0], status="running")
    for terminal, numbered in ((Terminal(), False), (Terminal(colours=False), True)):
        async with open_plain(terminal) as pilot:
            await pilot.press("2")
            await settle(pilot)
            chart = pilot.app.query(Chart).first()
            for height, label in enumerate(("mean", "max", "min")):
                chart.set_series(label, [0.0, 65_536.0, 131_072.0], [height + rise for rise in (0.0, 0.5, 0.1)])
            await pilot.pause()
            head, *plot = [chart.render_line(y).text for y in range(chart.size.height)]
            assert (head.startswith("1 mean") and "3 max" in head and "4 min" in head) is numbered
            assert all(any(digit in line[8:] for line in plot[:-1]) for digit in "134") is numbered


async def test_charts_and_play_are_drawn_in_ascii_where_there_is_nothing_else(
    open_plain: Open, make_run: MakeRun, core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(returns=[1.0, 3.0, 2.0], status="running")
    asked: list[Any] = []

    class Nobody:
        async def messages(self) -> Any:
            for message in ():
                yield message

        async def stop(self) -> None:
            pass

    monkeypatch.setattr(core, "play", lambda *where, **how: asked.append(how) or Nobody())
    async with open_plain(Terminal(unicode=False)) as pilot:
        await pilot.press("2")
        await settle(pilot)
        chart = pilot.app.query(Chart).first()
        for _ in range(3):
            assert all(ord(one) < 128 for one in chart.render_line(3).text)
            await pilot.press("g")
        await pilot.press("5")
        await settle(pilot)
    assert asked == [{"ascii": True}]


def test_progress_shows_where_it_is_without_colours() -> None:
    plain = progress_bar(0.5, 10).plain
    assert plain[0] != plain[-1] and unicodedata.category(plain[0]) == unicodedata.category(plain[-1]) == "So"


async def test_without_colours_the_field_under_the_cursor_is_reverse(open_plain: Open) -> None:
    async with open_plain(Terminal(colours=False)) as pilot:
        for keys, there in (("f", True), ("e", False)):
            await pilot.press(keys)
            await pilot.pause()
            shown = segments(pilot.app)
            reverse = "".join(item.text for item in shown if item.style is not None and item.style.reverse)
            assert ("Seed" in reverse) is there
