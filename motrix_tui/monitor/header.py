"""The lines above the charts: what runs, how far it is, how fast; and what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

from textual.content import Content

from motrix_core.runs.text import plain
from motrix_tui.charts.axes import duration, short_number
from motrix_tui.monitor.feed import RunFeed
from motrix_tui.monitor.opening import status_line
from motrix_tui.shell.growing import Growing
from motrix_tui.text import gibibytes

_GAP = "   "
_MOSTLY_READ = 0.98
_AT_WORK_PERCENT = 30.0


def progress_bar(share: float | None, width: int) -> Content:
    """A bar of `width` cells; empty while the budget is unknown."""
    if width <= 0:
        return Content("")
    halves = round(2 * width * (share or 0.0))
    full, half = divmod(halves, 2)
    bar = "━" * full + "╸" * half
    # A thin line for the rest, which must be another one without colours too.
    return Content.assemble((bar, "$primary"), ("─" * (width - len(bar)), "$rule"))


def figures(feed: RunFeed) -> list[Content]:
    """Progress, speed, remaining and elapsed time, the most important first."""
    progress = feed.progress
    steps = f"{short_number(feed.series.env_steps)} / {short_number(feed.target) if feed.target else '?'}"
    parts = [Content(steps)]
    if progress is not None:
        parts[0] = Content.assemble(f"{steps}  ", (f"{progress:.0%}", "bold"))
    if feed.is_live and math.isfinite(feed.steps_per_s):
        parts.append(Content.assemble(short_number(feed.steps_per_s), (" steps/s", "$muted")))
    if math.isfinite(feed.eta_s):
        parts.append(Content.assemble(("ETA ", "$muted"), duration(feed.eta_s)))
    parts.append(Content.assemble(("elapsed ", "$muted"), duration(feed.elapsed_s)))
    return parts


def header_lines(feed: RunFeed, width: int, rows: int) -> list[Content]:
    """The header for `width` cells: everything in one line if it fits, else two; what does not fit is left out."""
    status, parts = status_line(feed.run, feed.backends, feed.status), figures(feed)
    together = status.cell_length + sum(part.cell_length + len(_GAP) for part in parts)
    if together + len(_GAP) + 8 <= width:
        bar = progress_bar(feed.progress, min(width - together - len(_GAP), 40))
        right = Content(_GAP).join([parts[0], bar, *parts[1:]])
        return [Content.assemble(status, " " * (width - status.cell_length - right.cell_length), right)]
    if rows < 2:
        return [_fit([status, parts[0]], width)]
    figures_line = _fit(parts, width)
    room = width - figures_line.cell_length - len(_GAP)
    bar = progress_bar(feed.progress, min(room, 40)) if room >= 6 else Content("")
    return [_fit([status], width), Content(_GAP).join([figures_line, bar]) if bar.cell_length else figures_line]


def _fit(parts: Sequence[Content], width: int) -> Content:
    kept = list(parts)
    while len(kept) > 1 and sum(part.cell_length + len(_GAP) for part in kept) - len(_GAP) > width:
        kept.pop()
    return Content(_GAP).join(kept).truncate(max(width, 0), ellipsis=True)


def resources_line(feed: RunFeed, width: int, page: int, page_count: int) -> Content:
    """Update, CPU, memory and GPUs of the run's processes; at the right which page of charts is shown."""
    left = _fit(_resources(feed), width)
    right = Content(f"charts {page}/{page_count}  [ ]").stylize("$muted") if page_count > 1 else Content("")
    room = width - left.cell_length - right.cell_length
    return Content.assemble(left, " " * room, right) if room >= len(_GAP) else left


def _resources(feed: RunFeed) -> list[Content]:
    sample = feed.state.resources if feed.state else {}
    parts = [Content.assemble(("update ", "$muted"), f"{feed.series.update:,}")]
    if feed.is_starting:
        # Here and not above the charts, which would move when it goes.
        parts.append(Content("starting: importing the backend and compiling").stylize("$accent"))
    if not feed.at_end and feed.read_share < _MOSTLY_READ:
        parts.append(Content(f"reading the events, {feed.read_share:.0%}").stylize("$accent"))
    if feed.corrupt:
        parts.append(Content(f"{feed.corrupt:,} damaged lines skipped").stylize("$warning"))
    if not feed.is_live:
        return parts
    cpu, memory = sample.get("cpu_percent"), sample.get("memory_bytes")
    if _is_number(cpu):
        parts.append(Content.assemble(("cpu ", "$muted"), f"{cpu:.0f}%"))
    if _is_number(memory):
        parts.append(Content.assemble(("memory ", "$muted"), f"{gibibytes(memory)} GiB"))
    gpus = sample.get("gpus")
    for gpu in gpus if isinstance(gpus, list) else ():
        busy, taken = (
            (gpu.get("utilisation_percent"), gpu.get("memory_bytes")) if isinstance(gpu, dict) else (None, None)
        )
        if _is_number(busy):
            used = f" · {gibibytes(taken)} GiB" if _is_number(taken) else ""
            parts.append(
                Content.assemble((f"gpu {plain(gpu.get('index', '?'), limit=4)} ", "$muted"), f"{busy:.0f}%{used}")
            )
    return parts


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def trouble(feed: RunFeed, last_lines: Sequence[str]) -> Content | None:
    """What is wrong with the run and what to do; None while all is well."""
    status = feed.status
    if feed.problem:
        return Content(plain(feed.problem, limit=400)).stylize("$error")
    if status == "stalled":
        return Content.assemble((f"no update for {duration(feed.silence_s)}", "bold $warning"), f" · {_why(feed)}")
    if status in ("failed", "crashed", "lost"):
        exit_code = feed.state.exit_code if feed.state else None
        cause = feed.cause or ("nothing supervises it any more" if status == "lost" else "no cause was recorded")
        code = f" · exit code {exit_code}" if exit_code is not None else ""
        lines = [Content.assemble((f"{status}: ", "bold $error"), cause, (code, "$muted"))]
        lines.extend(Content(f"  {line}").stylize("$muted") for line in last_lines)
        return Content("\n").join(lines)
    return None


def _why(feed: RunFeed) -> str:
    """What a silent trainer may be at. One that computes may only be slow: nobody should be told to kill it."""
    if feed.state is None or not feed.state.is_process_alive(feed.state.trainer):
        return "its trainer is gone"
    cpu = feed.state.resources.get("cpu_percent")
    if _is_number(cpu) and cpu >= _AT_WORK_PERCENT:
        return f"its trainer is at work (cpu {cpu:.0f}%), and may only be slow"
    return "the trainer's process lives, but does not compute; x stops or kills it"


class Header(Growing):
    """The header lines of the open run."""

    DEFAULT_CSS = "Header { padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)

    _lines = 0

    def show(self, feed: RunFeed, width: int, rows: int) -> None:
        lines = header_lines(feed, max(width, 1), rows)
        # Laying out the screen again costs as much as drawing half of it.
        self.update(Content("\n").join(lines), layout=len(lines) != self._lines)
        self._lines = len(lines)
