"""The bottom line: the keys of what can be done now, as many as fit, help and quit always."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from motrix_tui.actions import key_name
from motrix_tui.shell.place import Place


class KeyBar(Widget):
    DEFAULT_CSS = """
    KeyBar { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        return iter(())

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, _: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        return Content.assemble(*(content for content, _ in self._items()))

    def on_click(self, event: events.Click) -> None:
        left = 0
        for content, key in self._items():
            if key is not None and left <= event.x < left + content.cell_length:
                self.app.simulate_key(key)
                return
            left += content.cell_length

    def _is_typed(self, key: str) -> bool:
        """Whether the focused widget takes `key` as a character of its text."""
        focused, name = self.screen.focused, key_name(key)
        return focused is not None and len(name) == 1 and focused.check_consume_key(key, name)

    def _is_shown(self, binding: Binding) -> bool:
        # A key of the person's own stands for all the keys that the action had, shown and not.
        own: dict[str, str] = getattr(self.app, "shown_own_keys", {})
        return own[binding.id] == binding.key if binding.id in own else binding.show

    def _items(self) -> list[tuple[Content, str | None]]:
        """What is drawn, from left to right, each with the key that a click on it stands for."""
        own: list[tuple[Content, str | None]] = []
        everywhere: list[tuple[Content, str | None]] = []
        for active in self.screen.active_bindings.values():
            if not self._is_shown(active.binding) or self._is_typed(active.binding.key):
                continue
            if isinstance(active.node, Place) and active.node.why_not(active.binding.action) is not None:
                continue
            style = ("bold $accent", "$foreground") if active.enabled else ("$muted dim", "$muted dim")
            item = Content.assemble(
                (key_name(active.binding.key), style[0]), (f" {active.binding.description}  ", style[1])
            )
            (everywhere if isinstance(active.node, App) else own).append((item, active.binding.key))
        room = self.size.width - 2 - sum(content.cell_length for content, _ in everywhere)
        fitting: list[tuple[Content, str | None]] = []
        for content, key in own:
            if content.cell_length > room:
                break
            room -= content.cell_length
            fitting.append((content, key))
        return [*fitting, (Content(" " * max(0, room)), None), *everywhere]
