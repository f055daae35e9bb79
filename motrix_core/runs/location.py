"""Where the runs folder is. Apart from the configuration, whose models take longer to make than a run to be found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from motrix_core.errors import RunsFolderError
from motrix_core.runs.text import plain

RUNS_DIR_VARIABLE = "MOTRIX_RUNS_DIR"
_SHOWN = 200


def runs_dir(flag: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The runs folder, absolute: the flag's, else `MOTRIX_RUNS_DIR`'s, else `runs` where the command runs.

    Nothing is created. Raises `RunsFolderError` for what cannot be a folder's path.
    """
    text = str(flag) if flag is not None else environ.get(RUNS_DIR_VARIABLE) or "runs"
    said_by = "--runs-dir" if flag is not None else RUNS_DIR_VARIABLE
    if not text or "\0" in text:
        said = plain(repr(text), limit=_SHOWN)
        raise RunsFolderError(f"{said_by} {said} cannot be a folder", mend="name one, like --runs-dir runs")
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise RunsFolderError(f"{said_by} {plain(text, limit=_SHOWN)} cannot be found: {error}") from error
