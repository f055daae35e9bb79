"""A text as high as its lines, however fast it changes."""

from __future__ import annotations

from textual.visual import VisualType
from textual.widgets import Static


class Growing(Static):
    """A Static of automatic height that never keeps the height of a text that it does not show any longer.

    Textual keeps a widget's size by the number of its layout requests and of its style changes, and does not count a
    request while one waits. If the screen is laid out in between, a Static keeps the size of its first text for good.
    """

    DEFAULT_CSS = "Growing { height: auto; }"

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        if layout:
            # No rule at all, but counted as a change of style.
            self.styles.merge_rules({})
        super().update(content, layout=layout)
