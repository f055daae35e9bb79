"""The convergence ledger: a table in a Markdown page, of which this module owns the lines between two marks.

Rows of other trainings stay as they are, so that the ledger grows over days and machines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from motrix_core.demos.outcome import HEAD, NOT_REACHED, STOPPED, Result
from motrix_core.demos.report import table
from motrix_core.envs.catalog import BUILTIN
from motrix_core.errors import RunsFolderError, UsageError
from motrix_core.runs.files import replace_file
from motrix_core.runs.layout import Run

BEGIN = "<!-- motrix demos: begin; written by the runner -->"
END = "<!-- motrix demos: end -->"
COLUMNS = (*HEAD, "measured")
_KEY = 4
_REACHED = HEAD.index("env steps to threshold")
_ENV_STEPS = HEAD.index("env steps")
_ENDED = HEAD.index("ended")
_BACKENDS = ("jax", "torch")


def check(path: Path, budget: str, sets: Sequence[str]) -> None:
    """Raises UsageError if nothing of such a training belongs into the ledger at `path`, or it cannot be updated."""
    if budget != "full":
        raise UsageError(f"--ledger {path} is for --budget full", mend="a quick training says nothing about learning")
    if sets:
        raise UsageError(f"--ledger {path} is about the shipped defaults", mend="leave out --set")
    _parts(path)


def update(path: Path, results: Iterable[Result]) -> None:
    """Put `results` into the ledger, each in the place of an earlier row of the same training.

    A training that was stopped before its end counts for how far it came: it has a row until one goes further or is
    whole. One that failed has none.

    Raises UsageError if the page has no marks or a line between them cannot be read, RunsFolderError if it cannot be
    written.
    """
    before, rows, after = _parts(path)
    merged = {tuple(row[:_KEY]): row for row in rows}
    for result in results:
        row = [*result.row(), _measured(result)]
        key = tuple(row[:_KEY])
        if result.is_whole or (result.status == STOPPED and _goes_further(row, merged.get(key))):
            merged[key] = row
    text = f"{before}{BEGIN}\n\n{_block(sorted(merged.values(), key=_place))}\n\n{END}{after}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A page of a project, which others read, and not a file of a run.
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666
        replace_file(path.resolve(), text.encode(), mode=mode)
    except OSError as error:
        raise RunsFolderError(f"{path} cannot be written: {error.strerror or error}") from error


def _parts(path: Path) -> tuple[str, list[list[str]], str]:
    """What is before the block, the rows in it, and what is after it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "# Results\n\n", [], "\n"
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    before, begin, rest = text.partition(BEGIN)
    block, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"{path} has no lines {BEGIN} and {END}", mend="add both where the table belongs")
    rows = []
    for line in block.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) != len(COLUMNS):
                raise UsageError(
                    f"{path}: {line!r:.120} has {len(cells)} cells instead of {len(COLUMNS)}", mend="mend that row"
                )
            rows.append(cells)
    return before, rows, after


def _place(row: Sequence[str]) -> tuple[Any, ...]:
    """The catalog's order; what is not in it comes last."""
    names = [spec.name for spec in BUILTIN]
    name = row[0].strip("`")
    return (names.index(name) if name in names else len(names), name, row[1], row[2], row[3].zfill(3))


def _block(rows: Sequence[Sequence[str]]) -> str:
    parts = ["- " + "\n- ".join(_standing(spec.name, spec.success, rows) for spec in BUILTIN), table(COLUMNS, rows)]
    return "\n\n".join(parts)


def _standing(name: str, success: str, rows: Sequence[Sequence[str]]) -> str:
    """Plainly: which backends have learned `name`, which have not, which were not trained to the end."""
    said = []
    for backend in _BACKENDS:
        own = [row for row in rows if (row[0], row[1]) == (f"`{name}`", backend)]
        # What was stopped before its threshold might have reached it; it is no run that failed to.
        cut = [row for row in own if _was_stopped(row) and row[_REACHED] == NOT_REACHED]
        reached = sum(row[_REACHED] != NOT_REACHED for row in own)
        parts = [f"{reached} of {len(own) - len(cut)} runs reached it"] if len(own) > len(cut) else []
        if cut:
            parts.append(f"**stopped after {max(map(_env_steps, cut)):,} env steps**")
        said.append(f"{backend} {' and '.join(parts) or '**never trained**'}")
    return f"`{name}`: {success}; {', '.join(said)}"


def _goes_further(row: Sequence[str], earlier: Sequence[str] | None) -> bool:
    """Whether `row`, of a training that was stopped, says more than the `earlier` row of the same training."""
    if earlier is None:
        return True
    return _was_stopped(earlier) and _env_steps(row) > _env_steps(earlier)


def _was_stopped(row: Sequence[str]) -> bool:
    # A cause may follow.
    return row[_ENDED].partition(":")[0] == STOPPED


def _env_steps(row: Sequence[str]) -> int:
    return int(row[_ENV_STEPS].replace(",", ""))


def _measured(result: Result) -> str:
    """Day and machine of a run."""
    day = time.strftime("%Y-%m-%d", time.localtime(result.ended_at))
    hardware = Run.open(result.run).record().get("hardware")
    found: dict[str, Any] = hardware if isinstance(hardware, dict) else {}
    gpus = [str(gpu.get("name")) for gpu in found.get("gpus") or ()]
    cores = (found.get("cpu") or {}).get("usable")
    usable = [f"{cores:g} core{'' if cores == 1 else 's'}"] if isinstance(cores, (int, float)) else []
    parts = [day, *usable, *gpus]
    return ", ".join(parts).replace("|", "/")
