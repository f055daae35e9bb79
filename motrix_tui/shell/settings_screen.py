"""`,`: what the dashboard remembers, where, and what of it has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content

from motrix_core.runs.text import plain
from motrix_tui.actions import APP_ACTIONS, key_name
from motrix_tui.settings import Settings
from motrix_tui.shell.reader import Reader, hanging

_HEAD = 10


class SettingsScreen(Reader):
    """`settings` as they are in force; `keys` are those of the person's own by action, `problems` what was refused."""

    DEFAULT_CSS = """
    SettingsScreen > .box { width: 90; }
    """
    BINDINGS = [("comma", "leave", "close"), ("y", "copy_path", "copy path")]

    def __init__(
        self, settings: Settings, theme: str, keys: Mapping[str, Sequence[str]], problems: Sequence[str]
    ) -> None:
        super().__init__("Settings")
        self._settings, self._theme, self._keys = settings, theme, keys
        self._problems = [text for text in (settings.problem, *problems) if text]

    def text(self, width: int) -> Content:
        return Content("\n").join(self._lines(width))

    def _lines(self, width: int) -> Iterator[Content]:
        def line(name: str, body: str, style: str = "") -> Content:
            return hanging(Content.styled(f"{name:<{_HEAD}}", "$muted"), Content.styled(plain(body), style), width)

        yield line("file", f"{self._settings.path}; y copies this path")
        for problem in self._problems:
            yield line("", f"✖ {problem}", "$error")
        following, listed = self._key("app.next_theme"), self._key("app.palette")
        yield line("theme", f"{self._theme}; {following} takes the next one, {listed} lists them")
        keys = ", ".join(f"{id} {' '.join(map(key_name, keys))}" for id, keys in sorted(self._keys.items()))
        yield line("keys", keys or "none of your own; [keys] in the file, by the ids of docs/keys.md")
        charts = ", ".join(sorted(self._settings.layouts))
        yield line(
            "charts", f"arranged for {charts}" if charts else "as they come; Monitor remembers how you arrange them"
        )

    def _key(self, id: str) -> str:
        (action,) = (action for action in APP_ACTIONS if action.id == id)
        return key_name(self._keys.get(id, action.keys)[0])

    def action_copy_path(self) -> None:
        self.app.copy_to_clipboard(str(self._settings.path))
        self.notify("path copied", timeout=2, markup=False)
