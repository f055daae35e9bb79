"""`ctrl+p`: every action of every place, the runs there are, and the themes, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING

from textual.app import App
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape

from motrix_core.runs.text import plain
from motrix_tui.actions import PLACE_TITLES, Action, key_name
from motrix_tui.shell.place import NOTHING_OPEN, sentence
from motrix_tui.text import BACKEND_TITLES
from motrix_tui.themes import THEME_NAMES

if TYPE_CHECKING:
    from motrix_core.runs.layout import Run, RunSummary

MOST_RUNS, MOST_RUNS_UNASKED = 50, 10
_HERE, _ELSEWHERE, _IMPOSSIBLE = 1.0, 0.8, 0.5


@dataclass(frozen=True)
class Entry:
    """Choosing it calls `run`. Of equal matches, those with the greater `weight` come first."""

    title: str
    help: str
    run: Callable[[], object]
    weight: float = _HERE


class ActionCommands(Provider):
    """What can be done here comes first, what has no run that it could be done with last.

    What cannot be done with the run that is open is left out.
    """

    async def discover(self) -> Hits:
        actions = sorted(self._actions, key=lambda entry: -entry.weight)
        possible = [entry for entry in actions if entry.weight > _IMPOSSIBLE]
        runs = islice(self._runs(), MOST_RUNS_UNASKED)
        for entry in (*possible, *runs, *self._themes(), *actions[len(possible) :]):
            yield DiscoveryHit(Content(entry.title), entry.run, help=escape(entry.help))

    async def search(self, query: str) -> Hits:
        matcher, words = self.matcher(query), query.lower().split()
        for entry in (*self._actions, *self._themes()):
            # Only titles fuzzily: in whole sentences that finds everything, and takes its time.
            score = max(matcher.match(entry.title), len(query) if _holds(words, entry.help) else 0) * entry.weight
            if score > 0:
                yield Hit(score, matcher.highlight(entry.title), entry.run, help=escape(entry.help))
        found = (entry for entry in self._runs() if _holds(words, f"{entry.title} {entry.help}"))
        for entry in islice(found, MOST_RUNS):
            yield Hit(len(query), Content(entry.title), entry.run, help=escape(entry.help))

    @cached_property
    def _actions(self) -> Sequence[Entry]:
        """As things are when the palette is opened; what has changed since is told by the action that is chosen."""
        app = self._motrix
        entries: list[Entry] = []
        for action in app.available_actions():
            entries += self._entry(action, f"{action.title[:1].upper()}{action.title[1:]}", "", _HERE)
        for action in app.actions_elsewhere():
            title, way = f"{PLACE_TITLES[action.place]}: {action.title}", app.key_of_place(action.place)
            entries += self._entry(action, title, f"{key_name(way)} ", _ELSEWHERE)
        return entries

    def _entry(self, action: Action, title: str, way: str, weight: float) -> Iterator[Entry]:
        app = self._motrix
        obstacle = app.why_not(action)
        if obstacle is None or obstacle == NOTHING_OPEN.get(action.place):
            keys = " ".join(key_name(key) for key in action.keys)
            weight = weight if obstacle is None else _IMPOSSIBLE
            yield Entry(f"{title}  ({way}{keys})", sentence(action, obstacle), partial(app.perform, action), weight)

    def _runs(self) -> Iterator[Entry]:
        app = self._motrix
        for item in app.runs or ():
            # One whose state cannot be read cannot be shown; Runs says what is wrong with it.
            if item.state is not None:
                backend = BACKEND_TITLES.get(item.run.backend, plain(item.run.backend, limit=20))
                help = f"{item.status} on {backend}; shows it in Monitor."
                yield Entry(
                    f"Open run {plain(item.run.env)} · {plain(item.run.id)}", help, partial(app.open_run, item.run)
                )

    def _themes(self) -> Iterator[Entry]:
        for name in THEME_NAMES:
            help = f"Switch to the theme {name}; it is remembered."
            yield Entry(f"Theme: {name}", help, partial(self._motrix.use_theme, name))

    @property
    def _motrix(self) -> MotrixLike:
        app = self.app
        assert isinstance(app, MotrixLike)
        return app


def _holds(words: Sequence[str], text: str) -> bool:
    """Whether all of `words`, in small letters, are in `text`."""
    text = text.lower()
    return all(word in text for word in words)


class MotrixLike(App[None]):
    """What the palette needs from the application."""

    runs: list[RunSummary] | None = None
    """Newest first; None until the runs folder has been read."""

    def available_actions(self) -> tuple[Action, ...]:
        """The actions of the visible place and of everywhere, with the keys that they have here."""
        raise NotImplementedError

    def actions_elsewhere(self) -> tuple[Action, ...]:
        """The actions of the places that are not visible."""
        raise NotImplementedError

    def key_of_place(self, place: str) -> str:
        """The key that goes to `place`."""
        raise NotImplementedError

    def why_not(self, action: Action) -> str | None:
        """Why `action` cannot be done now; None if it can."""
        raise NotImplementedError

    async def perform(self, action: Action) -> None:
        """Run the handler of `action`, in its place, to which it goes first; says why if it cannot be done."""
        raise NotImplementedError

    async def open_run(self, run: Run) -> None:
        """Show `run` in Monitor."""
        raise NotImplementedError

    def use_theme(self, name: str) -> None:
        """Switch to the theme `name` and remember it."""
        raise NotImplementedError
