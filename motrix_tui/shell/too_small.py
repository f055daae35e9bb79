"""What a terminal shows that is too small for any place."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

LEAST = Size(40, 12)


def too_small(size: Size) -> bool:
    return size.width < LEAST.width or size.height < LEAST.height


class TooSmall(ModalScreen[None]):
    """Covers everything until the app takes it away; what is beneath keeps its state."""

    DEFAULT_CSS = """
    TooSmall { align: center middle; background: $background; }
    TooSmall Static { width: 100%; text-align: center; color: $warning; }
    """
    BINDINGS = [("q", "app.quit", "quit")]

    def compose(self) -> ComposeResult:
        yield Static(self._line(self.app.size), markup=False)

    def on_screen_resume(self) -> None:
        # A question that was asked meanwhile lay above, and was answered once there was room.
        if not too_small(self.app.size):
            self.dismiss()

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Static).update(self._line(event.size))

    @staticmethod
    def _line(size: Size) -> str:
        return f"terminal too small: {size.width}×{size.height}, need {LEAST.width}×{LEAST.height}"
