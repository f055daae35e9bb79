"""Files for other programs: what a place has selected, written into `exports` of the runs folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import TextIO

from textual import work
from textual.widget import Widget

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.threads import announced

Write = Callable[[TextIO], "Sequence[str] | None"]
"""Fills the file; what could not be read for it is returned, one line each."""
_NAMING = threading.Lock()


class Exporting(Widget):
    """The part of a place that exports."""

    _core: Core

    @work(group="export")
    async def export(self, stem: str, suffix: str, write: Write) -> None:
        """Let `write` fill a new file in a thread, and say where it is; its name begins with `stem`.

        What `write` raises as MotrixError or OSError is said, and no part of the file stays.
        """
        path = self._core.runs_dir / "exports" / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{suffix}"
        late = partial(self.notify, f"writing {path.name} …", timeout=3, markup=False)
        try:
            path, problems = await announced(partial(_write_file, path, write), late)
        except OSError as error:
            self.notify(f"{path} cannot be written: {error.strerror or error}", severity="error", markup=False)
        except MotrixError as error:
            self.notify(f"nothing was written: {plain(error)}", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(str(path))
            self.notify(f"{path}\nits path is copied", title="Written", markup=False)
            for problem in problems:
                self.notify(problem, title="Not whole", severity="warning", markup=False)


def _write_file(path: Path, write: Write) -> tuple[Path, Sequence[str]]:
    """Where it was written, which is beside `path` if that is there already, and what `write` returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden until it is whole: half a table looks like all of it. And the thread's own: there may be two of one second.
    unfinished = path.with_name(f".{path.name}.{threading.get_native_id()}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            problems = write(file)
        with _NAMING:
            whole = next(name for name in _names(path) if not name.exists())
            unfinished.replace(whole)
        return whole, problems or ()
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _names(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_stem(f"{path.stem}-{number}") for number in count(2))
