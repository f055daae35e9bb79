"""How `motrix runs` shows runs: tables for people, objects for scripts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from motrix_core.runs.checkpoints import list_checkpoints
from motrix_core.runs.layout import Run, RunSummary, summarise
from motrix_core.runs.reader import newest_events, newest_number
from motrix_core.runs.text import plain

_RETURN = "return/mean"
_STYLES = {"running": "green", "failed": "red", "crashed": "red", "lost": "yellow", "unreadable": "yellow"}
# Where nobody looks at it, nothing should be folded to fit.
_WIDTH_OF_PIPES = 250


def row_json(summary: RunSummary) -> dict[str, Any]:
    """One run of the list. `env_steps` and `return_mean` are the newest known, null if there is none."""
    run, state = summary.run, summary.state
    newest = _newest(run)
    last = next(reversed(newest.values()), None)
    return {
        "id": run.id,
        "env": run.env,
        "backend": state.segments[-1].backend if state and state.segments else run.backend,
        "status": summary.status,
        "cause": state.cause if state else None,
        "env_steps": last["env_steps"] if last else None,
        "return_mean": _return_mean(run, newest),
        "created_at": summary.created_at,
        "elapsed_s": round(state.elapsed_s, 3) if state else None,
        "path": str(run.path),
        "problem": summary.problem,
    }


def details_json(run: Run) -> dict[str, Any]:
    """Everything about one run: the list's fields and record, state, newest metrics and checkpoints."""
    summary = summarise(run)
    newest = _newest(run)
    checkpoints = [
        {
            "path": str(info.path),
            "env_steps": info.env_steps,
            "bytes": info.bytes,
            "pinned": info.pinned,
            "best": info.best,
        }
        for info in list_checkpoints(run)
    ]
    return {
        **row_json(summary),
        "state": summary.state.to_json() if summary.state else None,
        "record": run.record() if summary.problem is None else None,
        "metrics": newest.get("metrics", {}).get("data"),
        "checkpoints": checkpoints,
    }


def print_table(summaries: list[RunSummary]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, right in (("id", 0), ("env", 0), ("backend", 0), ("status", 0), ("env steps", 1), ("return", 1)):
        table.add_column(title, justify="right" if right else "left", no_wrap=title == "id")
    table.add_column("time", justify="right")
    table.add_column("age", justify="right")
    table.add_column("note", overflow="fold")
    for summary in summaries:
        row = row_json(summary)
        table.add_row(
            _text(row["id"]),
            _text(row["env"]),
            _text(row["backend"]),
            _text(row["status"], _STYLES.get(row["status"], "")),
            _text(_count(row["env_steps"])),
            _text(_number(row["return_mean"])),
            _text(_duration(row["elapsed_s"])),
            _text(_duration(max(0.0, time.time() - row["created_at"]))),
            _text(row["problem"] or row["cause"] or ""),
        )
    _console().print(table)


def print_details(run: Run) -> None:
    details = details_json(run)
    grid = Table.grid(padding=(0, 2))
    for name in ("id", "path", "env", "backend", "status", "cause", "problem"):
        if details[name] is not None:
            grid.add_row(_text(name, "bold"), _text(details[name], _STYLES.get(details[name], "")))
    grid.add_row(_text("env steps", "bold"), _text(_count(details["env_steps"])))
    grid.add_row(_text("return", "bold"), _text(_number(details["return_mean"])))
    grid.add_row(_text("trained for", "bold"), _text(_duration(details["elapsed_s"])))
    for segment in (details["state"] or {}).get("segments", []):
        ended = f"{segment['status']} after {_duration(segment['elapsed_s'])}"
        grid.add_row(_text(f"segment {segment['index']}", "bold"), _text(f"{segment['backend']}, {ended}"))
    for info in details["checkpoints"]:
        marks = "".join(f", {mark}" for mark in ("best", "pinned") if info[mark])
        grid.add_row(_text("checkpoint", "bold"), _text(f"{info['path']} ({info['bytes'] / 1e6:.1f} MB{marks})"))
    for name, value in sorted((details["metrics"] or {}).items()):
        grid.add_row(_text(name, "bold"), _text(_number(value)))
    for path, text in _settings((details["record"] or {}).get("config", {})):
        drawn = " (drawn)" if path == "ppo.seed" and run.has_drawn_seed else ""
        grid.add_row(_text(path, "dim"), _text(text + drawn))
    _console().print(grid)


def _newest(run: Run) -> dict[str, dict[str, Any]]:
    try:
        return newest_events(run.paths.events)
    except OSError:
        # The list goes on without the numbers of a run that cannot be read; its `problem` says why.
        return {}


def _return_mean(run: Run, newest: dict[str, dict[str, Any]]) -> float | None:
    if "metrics" not in newest:
        return None
    value = newest["metrics"]["data"].get(_RETURN)
    if isinstance(value, int | float):
        return value
    try:
        return newest_number(run.paths.events, _RETURN)
    except OSError:
        # It could be read a moment ago, so it is being deleted.
        return None


def _settings(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Path and text of every setting, as it would be typed; another version's settings too."""
    from motrix_core.config.fields import known_fields
    from motrix_core.config.keys import flatten
    from motrix_core.config.text import format_option, format_value

    for path, value in flatten(config).items():
        field = known_fields().get(path)
        if field is not None:
            yield path, format_value(field, value, display=True)
        else:
            yield path, format_option(value) if isinstance(value, str | int | float) else json.dumps(value)


def _console() -> Console:
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH_OF_PIPES, highlight=False)


def _text(value: object, style: str = "") -> Text:
    # Text is never parsed as markup, and plain keeps control characters out of the terminal.
    return Text(plain(value, limit=2000), style)


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", " ")


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else "–" if value is None else str(value)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    return f"{hours}:{minute:02d}:{second:02d}"
