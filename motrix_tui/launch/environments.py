"""The environments: a filter, the list, and what the chosen one is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.fuzzy import Matcher
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from motrix_core.commands.own_env import OURS
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.launch.preview import Preview
from motrix_tui.shell.line_input import FilterInput
from motrix_tui.text import shortened

if TYPE_CHECKING:
    from motrix_core.envs.spec import EnvSpec


TALL, LOW = 30, 22
"""Lines from which on there is room for a picture, and below which there is little for words."""


class EnvironmentPanel(Vertical):
    DEFAULT_CSS = """
    EnvironmentPanel #environment-filter { height: 1; background: $surface; }
    EnvironmentPanel #environment-list {
        height: 1fr; min-height: 3; background: $background; background-tint: transparent; border: none; padding: 0;
        scrollbar-size-vertical: 1;
    }
    EnvironmentPanel #environment-list > .option-list--option-highlighted { background: $panel; color: $foreground; }
    EnvironmentPanel #environment-list:focus > .option-list--option-highlighted {
        background: $primary 35%; color: $foreground; text-style: bold;
    }
    EnvironmentPanel #about { height: 10; border-top: solid $rule; scrollbar-size-vertical: 1; }
    EnvironmentPanel Preview { display: none; }
    EnvironmentPanel.-low #about { height: 6; }
    EnvironmentPanel.-tall Preview { display: block; }
    """
    HELP = (
        "The environments, with the sizes of observation and action. Press / and type some letters of a name or of a "
        "description to narrow the list; the form follows the highlighted environment and remembers each one's changes."
    )

    @dataclass
    class Chosen(Message):
        """The environment `name` is highlighted."""

        name: str

    def __init__(self, core: Core, *, id: str) -> None:
        super().__init__(id=id)
        self._core = core
        self._specs: Mapping[str, EnvSpec] = {}
        self._chosen: str | None = None
        self.border_title = "Environment"

    def compose(self) -> ComposeResult:
        yield EnvironmentFilter(id="environment-filter")
        yield EnvironmentList(id="environment-list", compact=True, markup=False)
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", markup=False)
        yield Preview(self._core, id="preview")

    def show_specs(self, specs: Mapping[str, EnvSpec], chosen: str | None = None) -> None:
        self._specs = specs
        self._fill("", chosen)

    def choose(self, name: str) -> None:
        """Highlight `name`, whatever the filter says."""
        with self.prevent(Input.Changed):
            self.query_one(Input).value = ""
        self._fill("", name)

    def start_filter(self) -> None:
        self.screen.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.set_focus(self.query_one(OptionList))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        name = event.option.id
        # One of a list that has been filled anew meanwhile says what was highlighted, not what is.
        if name is None or name not in self._specs or event.option is not event.option_list.highlighted_option:
            return
        self._about(self._specs[name])
        self.query_one(Preview).env = name if self._specs[name].origin == OURS else None
        if name != self._chosen:
            self._chosen = name
            self.post_message(self.Chosen(name))

    def _fill(self, query: str, chosen: str | None = None) -> None:
        names = self._matching(query)
        options = self.query_one(OptionList)
        # What is highlighted is told in a message that may still be on its way.
        shown = options.highlighted_option
        chosen = chosen or (shown and shown.id) or self._chosen
        options.clear_options()
        if names:
            options.add_options([Option(self._line(self._specs[name]), id=name) for name in names])
            options.highlighted = names.index(chosen) if chosen in names else 0
        elif self._specs:
            options.add_option(Option(f"nothing matches {shortened(query, 20)!r}; esc clears", disabled=True))
        self.border_subtitle = f"{len(names)} of {len(self._specs)}" if query else ""

    def _matching(self, query: str) -> list[str]:
        """Names that match `query`, best first; matches in a name count more than in its description."""
        if not query.strip():
            return list(self._specs)
        matcher = Matcher(query.strip())
        scores = {name: max(2 * matcher.match(name), matcher.match(spec.title)) for name, spec in self._specs.items()}
        words = query.lower().split()
        for name, spec in self._specs.items():
            if not scores[name] and all(word in spec.description.lower() for word in words):
                scores[name] = 0.01
        return sorted((name for name in scores if scores[name]), key=lambda name: -scores[name])

    def _line(self, spec: EnvSpec) -> Content:
        width = max(16, self.content_size.width - 3)
        sizes = f"{spec.obs_dim} → {spec.act_dim if spec.n_actions is None else spec.actions}"
        if spec.error is not None:
            sizes = "✖"
        name = shortened(plain(spec.name), width - len(sizes) - 1)
        return Content.assemble(name.ljust(width - len(sizes)), (sizes, "$muted"))

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= TALL, "-tall")
        self.set_class(event.size.height < LOW, "-low")
        if self._specs:
            self._fill(self.query_one(Input).value)

    def _about(self, spec: EnvSpec) -> None:
        words = _description(spec)
        self.query_one("#about Static", Static).update(words)
        self.query_one(EnvironmentList).help_here = words.plain


def _description(spec: EnvSpec) -> Content:
    if spec.error is not None:
        return Content.assemble((plain(spec.name), "bold"), "\n", plain(spec.description, limit=600))
    runs_on = ", ".join(spec.sims) or "NumPy, no simulator needed"
    actions = f"{spec.act_dim} action{'' if spec.act_dim == 1 else 's'}"
    if spec.n_actions is not None:
        actions = f"{spec.actions} actions"
    facts = [f"{spec.obs_dim} observations → {actions}", f"runs on {runs_on}"]
    if spec.episode_s:
        facts.insert(1, f"episode {spec.episode_s:g} s · step {spec.ctrl_dt_s:g} s")
    return Content.assemble(
        (plain(spec.title), "bold"), "\n", plain(spec.description), "\n\n", ("\n".join(facts), "$muted")
    )


class EnvironmentList(OptionList):
    HELP = EnvironmentPanel.HELP
    help_here = ""
    """For `?`, which has room for all of it on every terminal."""
    BINDINGS = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
        Binding("escape", "clear_filter", "clear filter", show=False),
    ]

    def action_clear_filter(self) -> None:
        self.screen.query_one(EnvironmentFilter).value = ""

    def on_key(self, event: events.Key) -> None:
        # Up on the first line goes to the filter above it, as the eye expects.
        if event.key == "up" and not self.highlighted:
            event.prevent_default()
            self.screen.set_focus(self.screen.query_one(EnvironmentFilter))


class EnvironmentFilter(FilterInput):
    HELP = EnvironmentPanel.HELP
    LEADS_TO = EnvironmentList
