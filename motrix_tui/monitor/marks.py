"""What happened during a run, as charts mark it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from motrix_core.runs.text import plain
from motrix_tui.charts.axes import short_number
from motrix_tui.charts.plot import Mark
from motrix_tui.text import BACKEND_TITLES

if TYPE_CHECKING:
    from motrix_core.runs.series import Axis
    from motrix_core.runs.series import Mark as RunMark


def chart_marks(run_marks: Iterable[RunMark], axis: Axis) -> list[Mark]:
    """Switches, resumes and edits as lines over the whole height, checkpoints, evaluations and the best as small ones.

    The best is the evaluation with the highest mean return.
    """
    found: list[Mark] = []
    before: str | None = None
    best: tuple[float, Mark] | None = None
    for mark in run_marks:
        x = float(getattr(mark, axis))
        if mark.kind == "segment_started":
            backend = str(mark.data.get("backend", ""))
            if before is not None:
                verb = "continued on" if backend == before else "switched to"
                found.append(Mark(x, f"{verb} {plain(BACKEND_TITLES.get(backend, backend), limit=20)}"))
            before = backend
        elif mark.kind == "checkpoint":
            found.append(Mark(x, "checkpoint", small=True))
        elif mark.kind == "evaluation":
            score = mark.data.get("return/mean")
            label = "evaluation"
            if isinstance(score, (int, float)) and math.isfinite(score):
                label = f"evaluation {short_number(score)}"
                if best is None or score > best[0]:
                    best = score, Mark(x, f"best so far: {label}", small=True, kind="best")
            found.append(Mark(x, label, small=True, kind="evaluation"))
        elif mark.kind == "control" and (label := edited(mark.data)):
            found.append(Mark(x, label))
    return [*found, best[1]] if best is not None else found


def edited(data: Mapping[str, Any]) -> str:
    """Which hyperparameters a `control` event changed, "" if none."""
    values = data.get("values")
    if data.get("type") != "set" or data.get("done") is not True or not isinstance(values, dict):
        return ""
    parts = [
        f"{plain(path, limit=40).removeprefix('ppo.')} {short_number(value)}"
        for path, value in values.items()
        if isinstance(value, (int, float))
    ]
    return "set " + ", ".join(parts) if parts else ""
