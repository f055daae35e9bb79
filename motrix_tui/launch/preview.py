"""The highlighted environment in motion: a clip that was drawn beforehand, played while somebody can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual import work
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.text import shortened
from motrix_tui.threads import in_thread

if TYPE_CHECKING:
    from motrix_core.view.clips import Clip

PERIOD_S = 0.16
ROUNDS = 3
"""How often a clip is played before it rests: a dashboard that is left open must not cost a share of a core."""
# As in motrix_core.view.clips, which imports NumPy: Launch is there before that.
WIDTH, HEIGHT = 30, 9


class Preview(Widget):
    """Plays the clip of `env` a few times; blank where there is none.

    It plays again for another environment, and when Launch comes into sight again. It stands still while the terminal's
    window or another screen is in front, and always where Textual is told to leave animations out
    (TEXTUAL_ANIMATIONS=none).
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = f"""
    Preview {{ height: {HEIGHT}; width: 1fr; color: $accent; }}
    """

    env: reactive[str | None] = reactive(None)

    def __init__(self, core: Core, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._core = core
        self._clip: Clip | None = None
        self._lines: list[str] = []
        self._index = 0
        self._pictures_left = 0

    def on_mount(self) -> None:
        self._clock = self.set_interval(PERIOD_S, self._next, pause=True)

    def on_show(self) -> None:
        self._play()

    def on_hide(self) -> None:
        """Nobody looks: nothing is drawn."""
        self._clock.pause()

    def _play(self) -> None:
        if self._clip is not None and self.is_on_screen:
            self._pictures_left = ROUNDS * len(self._clip)
            self._clock.resume()

    def watch_env(self, env: str | None) -> None:
        self._put(None, [])
        if env is not None:
            self._load(env)

    @work(exclusive=True)
    async def _load(self, env: str) -> None:
        try:
            clip = await in_thread(self._core.clip, env)
        except (OSError, ValueError) as error:
            self._put(None, [shortened(plain(f"no picture: {error}"), WIDTH)])
            return
        if env == self.env:
            self._put(clip, clip.lines(0) if clip is not None else [])

    def _put(self, clip: Clip | None, lines: list[str]) -> None:
        self._clip, self._index, self._lines = clip, 0, lines
        self.refresh()
        self._play()

    def _next(self) -> None:
        clip, app = self._clip, self.app
        if clip is None or app.screen is not self.screen or not app.app_focus or app.animation_level == "none":
            return
        before, self._index = self._index, (self._index + 1) % len(clip)
        self._lines = clip.lines(self._index)
        changed = clip.changes(self._index, before)
        if changed:
            self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))
        self._pictures_left -= 1
        if self._pictures_left <= 0:
            self._clock.pause()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        line = self._lines[y] if y < len(self._lines) else ""
        return Strip([Segment(f"{line:^{width}}"[:width], self.rich_style)], width)
