"""The trainer as the supervisor holds it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

from motrix_core.process.identity import send_signal
from motrix_core.process.lifeline import LIFELINE_VARIABLE
from motrix_core.runs.files import FILE_MODE
from motrix_core.runs.identity import boot_id, identity_of
from motrix_core.runs.layout import Run


class TrainerProcess:
    """A trainer in a session of its own, with its output in console.log and a lifeline to this process.

    `exit_code` is None until `note` has been told how it ended, and negative for the signal that ended it. Raises
    OSError if `argv` cannot be started.
    """

    def __init__(self, argv: Sequence[str], run: Run) -> None:
        self.exit_code: int | None = None
        reader, self._lifeline = os.pipe()
        console = os.open(run.paths.console, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                pass_fds=(reader,),
                env={
                    **os.environ,
                    LIFELINE_VARIABLE: str(reader),
                    # What a crash leaves in the log should be there, and say where.
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONFAULTHANDLER": "1",
                },
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(reader)
            os.close(console)
        self.pid = self._process.pid
        # None if it has ended already; nothing will be sent to it then.
        self.identity = identity_of(self.pid)

    def note(self, ended: dict[int, int]) -> None:
        """Take the trainer's exit from the wait statuses of children that have ended."""
        if self.pid in ended:
            self.exit_code = os.waitstatus_to_exitcode(ended[self.pid])
            # Popen would otherwise believe that it still has a process to wait for.
            self._process.returncode = self.exit_code
            # A run that changes its backend again and again has one supervisor, but many trainers.
            os.close(self._lifeline)

    def terminate(self) -> None:
        """Ask the trainer, and only it, to stop: its helpers must live until it has written a checkpoint."""
        if self.identity is not None:
            send_signal(self.identity, boot_id(), signal.SIGTERM)
