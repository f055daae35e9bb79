"""`ctrl+p`: every action that works here, and the themes, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import App
from textual.command import DiscoveryHit, Hit, Hits, Provider

from motrix_tui.actions import Action, key_name
from motrix_tui.themes import THEME_NAMES


class ActionCommands(Provider):
    """The actions of the visible place and of everywhere; choosing one runs its handler."""

    async def discover(self) -> Hits:
        for title, help, run in self._commands():
            yield DiscoveryHit(title, run, help=help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, help, run in self._commands():
            score = max(matcher.match(title), matcher.match(help) * 0.6)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=help)

    def _commands(self) -> Iterator[tuple[str, str, Callable[[], object]]]:
        app = self._motrix
        for action in app.available_actions():
            keys = " ".join(key_name(key) for key in action.keys)
            yield f"{action.title[:1].upper()}{action.title[1:]}  ({keys})", action.help, partial(app.perform, action)
        for name in THEME_NAMES:
            yield f"Theme: {name}", f"Switch to the theme {name}; it is remembered.", partial(app.use_theme, name)

    @property
    def _motrix(self) -> MotrixLike:
        app = self.app
        assert isinstance(app, MotrixLike)
        return app


class MotrixLike(App[None]):
    """What the palette needs from the application."""

    def available_actions(self) -> tuple[Action, ...]:
        """The actions that work in the visible place."""
        raise NotImplementedError

    async def perform(self, action: Action) -> None:
        """Run the handler of `action`."""
        raise NotImplementedError

    def use_theme(self, name: str) -> None:
        """Switch to the theme `name` and remember it."""
        raise NotImplementedError
