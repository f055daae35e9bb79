"""The dashboard: a top line, five places of which one is visible, and a line of keys."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.color import Color
from textual.command import CommandPalette
from textual.filter import LineFilter, Monochrome
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from motrix_core.runs.text import plain
from motrix_core.terminal import Terminal
from motrix_tui.actions import APP_ACTIONS, all_actions, bindings
from motrix_tui.core import Core
from motrix_tui.settings import Settings
from motrix_tui.shell.key_bar import KeyBar
from motrix_tui.shell.leaving import Leaving
from motrix_tui.shell.messages import Remembering
from motrix_tui.shell.palette import ActionCommands
from motrix_tui.shell.performing import Performing
from motrix_tui.shell.tab_strip import TabStrip
from motrix_tui.shell.too_small import TooSmall, too_small
from motrix_tui.shell.top_bar import TopBar
from motrix_tui.themes import PALETTES, THEME_NAMES

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run
    from motrix_tui.compare.pane import ComparePane
    from motrix_tui.launch.pane import LaunchPane
    from motrix_tui.monitor.pane import MonitorPane
    from motrix_tui.play.pane import PlayPane
    from motrix_tui.runs_table.pane import RunsPane

LOAD_PERIOD_S = 2.0
RUNS_PERIOD_S = 2.0


class Places(Screen[None]):
    """What lies under all dialogs."""

    # `show_place` says what has the focus. Textual would look for something even in places that are not shown, and
    # keys would then be for a place that nobody sees.
    AUTO_FOCUS = ""


class MotrixApp(Leaving, Performing, Remembering):
    """The application. `core` gives it the machine and the runs folder, `settings` what it remembers.

    With `opened`, it begins with that run in Monitor instead of with Launch. `terminal` says what can be shown.
    """

    TITLE = "motrix"
    # Ours opens it, so that the registry knows the key.
    ENABLE_COMMAND_PALETTE = False
    COMMANDS = {ActionCommands}
    BINDINGS: list[Binding] = bindings(APP_ACTIONS)  # type: ignore[assignment]
    DEFAULT_CSS = """
    MotrixApp { background: $background; color: $foreground; }
    #places-switcher { height: 1fr; }
    #places-switcher > * { height: 100%; }
    Toast { max-width: 80%; }
    ToastRack { margin-bottom: 3; }
    """
    place = "launch"
    """The name of the visible place."""

    def __init__(
        self,
        core: Core,
        settings: Settings,
        *,
        theme: str | None = None,
        opened: Run | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        super().__init__()
        self.terminal = terminal or Terminal(colours=not self.no_color)
        self._plain_filters = self._filters_for(self.terminal)
        self.core = core
        self.settings = settings
        self._opened = opened
        if opened is not None:
            self.place = "monitor"
        self._chose_place = False
        self._mounting = asyncio.Lock()
        self._last_focus: dict[str, Widget] = {}
        for palette in PALETTES:
            self.register_theme(palette.theme())
        self.theme = theme or settings.theme
        self._keymap_problems: list[str] = []
        self._own_keys: dict[str, tuple[str, ...]] = {}
        self.shown_own_keys: dict[str, str] = {}
        """For the line of keys: the first of an action's own keys, "" for an action that it leaves out."""
        if settings.keys:
            from motrix_tui.shell.keymap import read_keymap

            self._own_keys, self._keymap_problems = read_keymap(settings.keys, all_actions())
            self.set_keymap({id: ",".join(keys) for id, keys in self._own_keys.items()})
            shown = {action.id for action in all_actions() if action.show}
            self.shown_own_keys = {id: keys[0] if id in shown else "" for id, keys in self._own_keys.items()}

    def _filters_for(self, terminal: Terminal) -> list[LineFilter]:
        """What translates the screen for a terminal that cannot show all of it."""
        self.no_color = not terminal.colours
        filters: list[LineFilter] = []
        if not terminal.colours:
            from motrix_tui.shell.plain import NO_COLOUR_CSS, NoColours

            self.CSS = NO_COLOUR_CSS  # type: ignore[misc]
            filters.append(NoColours(self._theme_colours))
        if not terminal.unicode:
            from motrix_tui.shell.plain import Ascii

            filters.append(Ascii())
        return filters

    def _theme_colours(self) -> tuple[Color, Color]:
        variables = self.theme_variables
        return Color.parse(variables["background"]), Color.parse(variables["foreground"])

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        if not self._plain_filters:
            return filters
        # Textual's own answer to NO_COLOR are shades of grey, which tell no more than the colours that they replace.
        return [*(item for item in filters if not isinstance(item, Monochrome)), *self._plain_filters]

    def get_default_screen(self) -> Screen[None]:
        return Places(id="_default")

    def compose(self) -> ComposeResult:
        yield TopBar(self.place)
        if self._opened is None:
            yield ContentSwitcher(id="places-switcher")
        else:
            from motrix_tui.monitor.opening import Opening

            with ContentSwitcher(id="places-switcher", initial="opening"):
                yield Opening(self._opened, id="opening")
        yield KeyBar()

    def on_mount(self) -> None:
        self.draw_all_when_resumed()
        self.call_after_refresh(self._start)

    async def _start(self) -> None:
        """What may wait until the first frame is on the screen."""
        # Modules and style sheets stay for good: without them a full collection stops the screen for a third as long.
        gc.freeze()
        if self._opened is not None:
            await self.open_run(self._opened)
            await self._main.query("#opening").remove()
        elif not self._chose_place:
            await self.show_place("launch")
        if self.settings.problem is not None:
            self.notify(self.settings.problem, title="Settings", severity="warning", timeout=15, markup=False)
        for problem in self._keymap_problems:
            self.notify(problem, title="Settings", severity="warning", timeout=15, markup=False)
        # Not before the place is on the screen: what the threads import would keep its first picture waiting.
        self.call_after_refresh(self._watch)

    def _watch(self) -> None:
        gc.enable()
        self.list_runs()
        self.measure_load()
        self.set_interval(LOAD_PERIOD_S, self.measure_load)
        self.set_interval(RUNS_PERIOD_S, self.list_runs)

    # Places.

    async def show_place(self, name: str) -> Widget:
        """Make the place `name` visible, mounting it at its first visit, and focus what had the focus there last."""
        self._chose_place = True
        if self.focused is not None:
            self._last_focus[self.place] = self.focused
        switcher = self._main.query_one("#places-switcher", ContentSwitcher)
        async with self._mounting:
            if not switcher.query(f"#{name}"):
                await switcher.mount(self._new_pane(name))
        switcher.current = self.place = name
        self._main.query_one(TopBar).place = name
        pane = switcher.query_one(f"#{name}")
        if self.focused is None or pane not in self.focused.ancestors_with_self:
            # Not into a filter, where the keys that the footer offers would be typed as text.
            inside = [
                widget
                for widget in self.screen.focus_chain
                if pane in widget.ancestors_with_self and not isinstance(widget, Input)
            ]
            left = self._last_focus.get(name)
            self.screen.set_focus(left if left in inside else next(iter(inside), None))
        self.screen.refresh_bindings()
        return pane

    def _new_pane(self, name: str) -> Widget:
        if name == "launch":
            from motrix_tui.launch.pane import LaunchPane

            launch = LaunchPane(self.core, self.settings.path.parent, id="launch")
            launch.show_runs(self.runs or ())
            return launch
        if name == "monitor":
            from motrix_tui.monitor.pane import MonitorPane

            return MonitorPane(self.settings, id="monitor")
        if name == "compare":
            from motrix_tui.compare.pane import ComparePane

            return ComparePane(self.core, id="compare")
        if name == "play":
            from motrix_tui.play.pane import PlayPane

            return PlayPane(self.core, id="play")
        from motrix_tui.runs_table.pane import RunsPane

        pane = RunsPane(self.core, id="runs")
        if self._runs_problem is not None:
            pane.show_problem(self._runs_problem)
        elif self.runs is not None:
            pane.show_runs(self.runs)
        return pane

    async def open_run(self, run: Run) -> None:
        """Show `run` in Monitor."""
        pane: MonitorPane = await self.show_place("monitor")  # type: ignore[assignment]
        pane.open_run(run)

    async def play_run(self, run: Run) -> None:
        """Show the policy of `run` in Play."""
        pane: PlayPane = await self.show_place("play")  # type: ignore[assignment]
        pane.open_run(run)

    def open_newest(self) -> None:
        """In Monitor and Play, without a run as yet: the newest one there is to watch, or to play."""
        wanted = {"monitor": self.live_runs(), "play": self.runs}.get(self.place)
        panes: list[MonitorPane | PlayPane] = list(self._main.query(f"#{self.place}"))  # type: ignore[arg-type]
        for pane in panes:
            if wanted and pane.run is None:
                pane.open_run(wanted[0].run)

    async def action_play(self) -> None:
        pane: PlayPane = await self.show_place("play")  # type: ignore[assignment]
        pane.try_again()
        self.open_newest()

    async def action_compare(self) -> None:
        pane: ComparePane = await self.show_place("compare")  # type: ignore[assignment]
        marked = [run for runs in self._runs_panes() for run in runs.marked]
        if marked and {run.path for run in marked} != {run.path for run in pane.runs}:
            pane.show(marked)

    async def on_runs_pane_compare_wanted(self, event: RunsPane.CompareWanted) -> None:
        pane: ComparePane = await self.show_place("compare")  # type: ignore[assignment]
        pane.show(event.runs)

    async def on_runs_pane_clone_wanted(self, event: RunsPane.CloneWanted) -> None:
        pane: LaunchPane = await self.show_place("launch")  # type: ignore[assignment]
        pane.clone(event.run)

    async def action_launch(self) -> None:
        await self.show_place("launch")

    async def action_monitor(self) -> None:
        await self.show_place("monitor")
        self.open_newest()

    async def action_runs(self) -> None:
        await self.show_place("runs")

    async def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        await self.run_action(f"app.{event.name}")

    async def on_launch_pane_launched(self, event: LaunchPane.Launched) -> None:
        self.list_runs()
        await self.open_run(event.run)

    def on_queue_actions_queued(self) -> None:
        self.list_runs()

    async def on_runs_pane_opened(self, event: RunsPane.Opened) -> None:
        await self.open_run(event.run)

    async def on_runs_pane_play_wanted(self, event: RunsPane.PlayWanted) -> None:
        await self.play_run(event.run)

    async def on_monitor_pane_play_wanted(self, event: MonitorPane.PlayWanted) -> None:
        await self.play_run(event.run)

    async def on_play_pane_opened(self, event: PlayPane.Opened) -> None:
        await self.open_run(event.run)

    async def on_monitor_pane_detached(self) -> None:
        await self.show_place("runs")

    def on_runs_pane_wanted(self) -> None:
        self.list_runs()

    # Help, palette, themes, leaving.

    def action_help(self) -> None:
        from motrix_tui.shell.help_screen import HelpScreen

        # Before its first visit there is no pane, only its place.
        chain = self.focused.ancestors_with_self if self.focused else self._main.query(f"#{self.place}")
        part = next((node for node in chain if getattr(node, "HELP", None)), None)
        about = [text for name in ("help_here", "HELP") if (text := getattr(part, name, None))]
        self.push_screen(HelpScreen("\n\n".join(about), self.available_actions()))

    def action_jump(self) -> None:
        from motrix_tui.shell.jump import toggle_jump

        toggle_jump(self)

    def action_palette(self) -> None:
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder="Search actions…"))

    def action_settings(self) -> None:
        from motrix_tui.shell.settings_screen import SettingsScreen

        self.push_screen(SettingsScreen(self.settings, self.theme, self._own_keys, self._keymap_problems))

    def use_theme(self, name: str) -> None:
        self.theme = name
        self.settings.theme = name
        try:
            self.settings.save()
        except OSError as error:
            self.notify(f"the theme cannot be remembered: {plain(error)}", severity="warning", markup=False)

    def action_next_theme(self) -> None:
        self.use_theme(THEME_NAMES[(THEME_NAMES.index(self.theme) + 1) % len(THEME_NAMES)])
        self.notify(f"theme {self.theme}", timeout=2, markup=False)

    def on_resize(self, event: events.Resize) -> None:
        covered = isinstance(self.screen, TooSmall)
        if too_small(event.size) and not covered:
            self.push_screen(TooSmall())
        elif covered and not too_small(event.size):
            self.pop_screen()
