"""Files for other programs: what a place has selected, written into `exports` of the runs folder."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from textual import work
from textual.widget import Widget

from motrix_core.errors import MotrixError
from motrix_core.runs.text import plain
from motrix_tui.core import Core
from motrix_tui.threads import in_thread

Write = Callable[[TextIO], "Sequence[str] | None"]
"""Fills the file; what could not be read for it is returned, one line each."""
_SOON_S = 0.5


class Exporting(Widget):
    """The part of a place that exports."""

    _core: Core

    @work(group="export")
    async def export(self, stem: str, suffix: str, write: Write) -> None:
        """Let `write` fill a new file in a thread, and say where it is; its name begins with `stem`.

        What `write` raises as MotrixError or OSError is said, and no part of the file stays.
        """
        path = self._core.runs_dir / "exports" / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{suffix}"
        task = asyncio.ensure_future(in_thread(_write_file, path, write))
        await asyncio.wait({task}, timeout=_SOON_S)
        if not task.done():
            self.notify(f"writing {path.name} …", timeout=3, markup=False)
        try:
            problems = await task
        except OSError as error:
            self.notify(f"{path} cannot be written: {error.strerror or error}", severity="error", markup=False)
        except MotrixError as error:
            self.notify(f"nothing was written: {plain(error)}", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(str(path))
            self.notify(f"{path}\nits path is copied", title="Written", markup=False)
            for problem in problems:
                self.notify(problem, title="Not whole", severity="warning", markup=False)


def _write_file(path: Path, write: Write) -> Sequence[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside what it replaces, and hidden until it is whole: half a table looks like all of it.
    # The thread's own: two of one second would else write into one file.
    unfinished = path.with_name(f".{path.name}.{threading.get_native_id()}.unfinished")
    try:
        with unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            problems = write(file)
        unfinished.replace(path)
        return problems or ()
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
