"""One line of tabs: the places in the top bar, the groups of the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


@dataclass(frozen=True)
class Tab:
    """`badge` follows the label in `badge_style`, for example a count of changes or of errors."""

    name: str
    label: str
    badge: str = ""
    badge_style: str = "$accent"


class TabStrip(Widget):
    """Tabs side by side; the active one is always in sight, also where the strip is narrower than its tabs."""

    DEFAULT_CSS = """
    TabStrip { height: 1; width: auto; color: $muted; }
    """

    tabs: reactive[tuple[Tab, ...]] = reactive((), layout=True)
    active: reactive[str] = reactive("")

    @dataclass
    class Chosen(Message):
        """A tab was clicked."""

        strip: TabStrip
        name: str

        @property
        def control(self) -> TabStrip:
            return self.strip

    def __init__(self, tabs: Sequence[Tab] = (), active: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(TabStrip.tabs, tuple(tabs))
        self.set_reactive(TabStrip.active, active)

    def get_content_width(self, container: object, viewport: object) -> int:
        return sum(width for _, width in self._widths())

    def render(self) -> Content:
        first, more_left, more_right = self._window()
        parts = [Content.styled("‹", "$accent")] if more_left else []
        room = self.size.width - more_left - more_right
        for tab, width in self._widths()[first:]:
            if width > room:
                break
            room -= width
            parts.append(self._tab(tab))
        line = Content.assemble(*parts)
        if more_right:
            line = line.pad_right(max(0, self.size.width - 1 - line.cell_length)) + Content.styled("›", "$accent")
        return line

    def on_click(self, event: events.Click) -> None:
        first, more_left, _ = self._window()
        left = int(more_left)
        for tab, width in self._widths()[first:]:
            if left <= event.x < left + width:
                self.post_message(self.Chosen(self, tab.name))
                return
            left += width

    def step(self, by: int) -> str:
        """The name of the tab `by` places from the active one, around the ends."""
        names = [tab.name for tab in self.tabs]
        return names[(names.index(self.active) + by) % len(names)]

    def _widths(self) -> list[tuple[Tab, int]]:
        return [(tab, self._tab(tab).cell_length) for tab in self.tabs]

    def _tab(self, tab: Tab) -> Content:
        active = tab.name == self.active
        label = Content.styled(f" {tab.label} ", "bold $background on $primary" if active else "$muted")
        if not tab.badge:
            return label
        style = "bold $background on $primary" if active else tab.badge_style
        return Content.assemble(label, Content.styled(f"{tab.badge} ", style))

    def _window(self) -> tuple[int, bool, bool]:
        """The first visible tab, and whether there is more to the left and to the right of what fits."""
        widths = [width for _, width in self._widths()]
        if sum(widths) <= self.size.width:
            return 0, False, False
        active = next((index for index, tab in enumerate(self.tabs) if tab.name == self.active), 0)
        first = 0
        while first < active and sum(widths[first : active + 1]) > self.size.width - 2:
            first += 1
        return first, first > 0, sum(widths[first:]) > self.size.width - 1 - (first > 0)
