"""The figures beside the picture: episode, returns, reward terms, actions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content
from textual.widget import Widget

from motrix_core.runs.text import plain
from motrix_tui.text import BARS, shortened, significant

_NAME = 14
_NUMBER = 8


class Figures(Widget):
    """What the newest `frame` of the player says in numbers."""

    DEFAULT_CSS = """
    Figures { width: 36; padding: 0 1; border: round $rule; border-title-color: $foreground; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.border_title = "episode"
        self._frame: Mapping[str, Any] = {}

    def show(self, frame: Mapping[str, Any]) -> None:
        """`frame` as `motrix_core.play.stream` writes it; empty for none."""
        self._frame = frame
        self.refresh()

    def render(self) -> Content:
        frame = self._frame
        if not frame:
            return Content("")
        width = self.size.width
        lines = [
            _pair("return", significant(frame["total"]), width),
            _pair("step", str(frame["steps"]), width),
            _pair("episodes", str(frame["episodes"]), width),
        ]
        lines += _returns(frame["returns"], width)
        terms: Mapping[str, float] = frame["terms"]
        if terms:
            lines += [Content(""), Content.styled("reward terms of the step", "bold")]
            largest = max((abs(value) for value in terms.values() if math.isfinite(value)), default=0.0)
            lines += [_bar(plain(name), value, largest, width) for name, value in terms.items()]
        actions: Sequence[float] = frame["actions"]
        if actions:
            lines += [Content(""), Content.styled("actions", "bold")]
            largest = max((abs(value) for value in actions if math.isfinite(value)), default=0.0)
            lines += [_bar(f"{index}", value, largest, width) for index, value in enumerate(actions)]
        return Content("\n").join(_cut(lines, self.size.height))


def _cut(lines: list[Content], height: int) -> list[Content]:
    if len(lines) <= height or height < 1:
        return lines
    left = len(lines) - height + 1
    return [*lines[: height - 1], Content.styled(f"… {left} more", "$muted")]


def _pair(name: str, value: str, width: int) -> Content:
    return Content.assemble((f"{name:<{_NAME}}", "$muted"), f"{value:>{max(width - _NAME, len(value))}}")


def _returns(returns: Sequence[float], width: int) -> list[Content]:
    finite = [value for value in returns if math.isfinite(value)]
    if not finite:
        return []
    low, high = min(finite), max(finite)
    span = high - low or 1.0
    shown = finite[-max(width - _NAME, 1) :]
    spark = "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in shown)
    mean = significant(sum(finite) / len(finite))
    return [_pair(f"mean of {len(finite)}", mean, width), _pair("last returns", spark, width)]


def _bar(name: str, value: float, largest: float, width: int) -> Content:
    """A bar to the left of the middle for a negative `value`, to the right for a positive one."""
    label = f"{shortened(name, _NAME - 1):<{_NAME}}"
    figures = f"{significant(value):>{_NUMBER}}"
    room = (width - _NAME - _NUMBER - 2) // 2
    if room < 1:
        return Content.assemble((label, "$muted"), figures)
    share = min(abs(value) / largest, 1.0) if largest > 0 and math.isfinite(value) else 0.0
    cells = "█" * round(share * room)
    left, right = (f"{cells:>{room}}", " " * room) if value < 0 else (" " * room, f"{cells:<{room}}")
    return Content.assemble((label, "$muted"), figures, " ", (left, "$warning"), "│", (right, "$accent"))
