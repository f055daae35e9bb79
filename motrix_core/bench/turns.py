"""Trainings that take turns, one update each, so that whatever else a machine does falls on all of them alike.

Each side is a process (or a run with all its processes) that goes on by itself; it is stopped by SIGSTOP between its
turns. Shared machines change their speed within minutes, by more than the differences that are looked for here.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from motrix_core.child import module_command
from motrix_core.errors import TrainingFailed

_POLL_S = 0.002
_LIMIT_S = 900.0


class Side(ABC):
    """Something that does one piece of work after the other and says when each is done.

    Attributes:
        seconds: what each turn took.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._folder = tempfile.TemporaryDirectory(prefix="motrix-bench-")
        self._read = 0
        self._reports: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._log = Path(self._folder.name, "log")

    @abstractmethod
    def _argv(self, folder: Path) -> list[str]:
        """The command; what it writes may go into `folder`."""

    @abstractmethod
    def _told_in(self) -> Path | None:
        """The file in which it says that a piece of work is done, or None as long as there is none."""

    @abstractmethod
    def _report(self, line: str) -> float | None:
        """What a line of that file says of a piece of work that is done: the moment (Unix seconds), or a duration (see
        `_measure`); None if it speaks of something else."""

    def start(self, pieces: int) -> None:
        """Start it, let it do `pieces` pieces of work unmeasured, and stop it. Raises TrainingFailed."""
        argv = self._argv(Path(self._folder.name))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        for _ in range(pieces):
            self._next()
        self._signal(signal.SIGSTOP)

    def turn(self) -> float:
        """Do one piece of work, and return the seconds that it took. Raises TrainingFailed."""
        # A short piece may have ended between the last report and the stop: it was nobody's turn.
        self._look()
        self._reports.clear()
        started = time.time()
        self._signal(signal.SIGCONT)
        seconds = self._measure(started)
        self._signal(signal.SIGSTOP)
        self.seconds.append(seconds)
        return self.seconds[-1]

    def close(self) -> None:
        """End it and forget what it wrote."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._folder.cleanup()

    def _measure(self, started: float) -> float:
        return self._next() - started

    def _next(self) -> float:
        deadline = time.monotonic() + _LIMIT_S
        while not self._reports:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                end = self._log.read_text(errors="replace")[-2000:]
                # Without the interpreter and how it is told what to run.
                raise TrainingFailed(f"{' '.join(self._argv(Path('FOLDER'))[3:])} stopped working: {end}")
            time.sleep(_POLL_S)
            self._look()
        return self._reports.pop(0)

    def _look(self) -> None:
        """Take over the reports that are new. Cheap if there are none: it must not take the time that it measures."""
        path = self._told_in()
        if path is None or path.stat().st_size == self._read:
            return
        with path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        reports = map(self._report, whole[0].decode(errors="replace").split("\n"))
        self._reports += [report for report in reports if report is not None]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def _processes(self) -> list[psutil.Process]:
        return _family(self._process.pid) if self._process is not None else []


class Program(Side):
    """A Python module that prints a JSON number after each piece of work: the moment, or (`durations`) its length."""

    def __init__(
        self, module: str, arguments: Sequence[str], *, durations: bool = False, python: str = sys.executable
    ) -> None:
        super().__init__()
        self._module, self._arguments, self._durations, self._python = module, list(arguments), durations, python

    def _argv(self, folder: Path) -> list[str]:
        return module_command(self._module, *self._arguments, python=[self._python])

    def _told_in(self) -> Path:
        return self._log

    def _report(self, line: str) -> float | None:
        try:
            value = json.loads(line)
        except ValueError:
            # A library's warning: the log has everything that it prints.
            return None
        return float(value) if isinstance(value, int | float) else None

    def _measure(self, started: float) -> float:
        if not self._durations:
            return super()._measure(started)
        # The first began before it was stopped, and what it measured spans that time.
        self._next()
        return self._next()


class SupervisedRun(Side):
    """`motrix run --json` with all that belongs to it: client, supervisor and trainer."""

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__()
        self._arguments = list(arguments)
        self._supervisor: int | None = None
        self._events: Path | None = None

    def _argv(self, folder: Path) -> list[str]:
        return module_command("motrix_core.cli", "run", "--json", "--runs-dir", str(folder), *self._arguments)

    def _told_in(self) -> Path | None:
        self._events = self._events or next(iter(self._files("events.jsonl")), None)
        return self._events

    def _report(self, line: str) -> float | None:
        event = json.loads(line) if line else {}
        return event["time"] if event.get("type") == "metrics" else None

    def _processes(self) -> list[psutil.Process]:
        for path in self._files("state.json") if self._supervisor is None else ():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._supervisor = json.loads(path.read_text())["supervisor"]["pid"]
        apart = _family(self._supervisor) if self._supervisor is not None else []
        # The supervisor first: it must not take a trainer that is stopped or killed for one that ended by itself.
        return [*apart, *super()._processes()]

    def _files(self, name: str) -> list[Path]:
        # A run's folder has a dot before its name until it is complete.
        return list(Path(self._folder.name).glob(f"*/[!.]*/{name}"))


def take_turns(sides: Mapping[str, Side], *, warm_up: int, turns: int) -> dict[str, list[float]]:
    """Seconds of each turn of each side, after `warm_up` pieces of work of each. Ends the sides. Raises TrainingFailed.

    Who begins a round changes from round to round.
    """
    order = list(sides.values())
    try:
        for side in order:
            side.start(warm_up)
        for number in range(turns):
            first = number % len(order)
            for side in (*order[first:], *order[:first]):
                side.turn()
    finally:
        for side in order:
            side.close()
    return {name: side.seconds for name, side in sides.items()}


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
