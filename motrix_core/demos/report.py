"""The table of one call of the demos, in the runs folder beside the runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from motrix_core.demos.outcome import HEAD, Result
from motrix_core.demos.plan import Demo
from motrix_core.errors import RunsFolderError
from motrix_core.runs.files import replace_file


def path(folder: Path, budget: str) -> Path:
    """The Markdown file; the same with .json has one object per line."""
    return folder / f"demos-{budget}.md"


def save(folder: Path, budget: str, demos: Sequence[Demo], results: Sequence[Result]) -> None:
    """Replace both files. Raises RunsFolderError if the folder cannot be written."""
    file = path(folder, budget)
    lines = "".join(json.dumps(result.to_json(), allow_nan=False) + "\n" for result in results)
    try:
        replace_file(file, f"# Demos, {budget} budget\n\n{page(demos, results)}\n".encode(), sync=False)
        replace_file(file.with_suffix(".json"), lines.encode(), sync=False)
    except OSError as error:
        raise RunsFolderError(f"{file} cannot be written: {error.strerror or error}") from error


def page(demos: Sequence[Demo], results: Sequence[Result]) -> str:
    """The table, and what is missing in it."""
    parts = [table(HEAD, [result.row() for result in results])]
    rest = [demo.title for demo in demos[len(results) :]]
    if rest:
        parts.append("Not trained yet: " + "; ".join(rest) + ".")
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned, so that it can be read in a terminal too."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
