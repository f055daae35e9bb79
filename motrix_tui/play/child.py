"""The process that plays, seen from the dashboard: JSON lines to it and from it.

Environment and policy live in `motrix_core.play.stream`, so that no simulator is ever imported here.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from motrix_core.child import module_command

_STREAM = module_command("motrix_core.play.stream")
_LINE_LIMIT = 1 << 22
_LEAVING_S = 0.5


class PlayChild:
    """Plays what `wanted` says, the first line that `motrix_core.play.stream` reads. `argv` takes that one's place."""

    def __init__(self, wanted: Mapping[str, Any], *, argv: Sequence[str] = _STREAM) -> None:
        self._wanted, self._argv = wanted, argv
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Future[None] | None = None

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Start it, and give what it says until it ends; an end that was not asked for is an `error` of its own."""
        with tempfile.TemporaryFile() as said:
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=said,
                    limit=_LINE_LIMIT,
                )
            except OSError as error:
                yield {"type": "error", "message": f"the player cannot be started: {error.strerror or error}"}
                return
            self._process = process
            self.tell(**self._wanted)
            assert process.stdout is not None
            while line := await process.stdout.readline():
                yield json.loads(line)
            code = await process.wait()
            if code != 0 and self._ending is None:
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines()
                cause = words[-1] if words else f"exit code {code}"
                yield {"type": "error", "message": f"the player ended: {cause}"}

    def tell(self, **command: Any) -> None:
        """Send one line; nothing happens when there is nobody to read it any longer."""
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        with suppress(OSError):
            process.stdin.write(json.dumps(command).encode() + b"\n")

    async def stop(self) -> None:
        """End it; again is fine. Whoever is cancelled while waiting leaves the end going on."""
        if self._process is not None:
            self._ending = self._ending or asyncio.ensure_future(self._end(self._process))
            await asyncio.shield(self._ending)

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _LEAVING_S)
        except asyncio.TimeoutError:
            # It may be in the middle of a long step, or still importing; nothing there could be lost.
            # Not by process.kill(): that waits for a process that has just ended, and asyncio's own wait then finds
            # none and says so on the terminal.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            await process.wait()
