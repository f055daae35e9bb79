"""The supervisor: one small process for each run, `python -m motrix_core.process.supervisor RUN_DIR`.

It starts the trainer, waits for it, samples what it uses, stops it when asked, and records how it ended. Standard
library and psutil only, so that it starts at once and stays small. Signals that it understands: TERM or INT stop the
trainer gracefully, USR1 kills it; HUP is ignored.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from motrix_core.child import module_command
from motrix_core.errors import MotrixError, RunsFolderError
from motrix_core.process.lock import take_lock
from motrix_core.process.outcome import SWITCHED, Outcome, Stop, console_tail, judge
from motrix_core.process.resources import ResourceSampler
from motrix_core.process.segments import close_lost, next_segment
from motrix_core.process.tail import EventTail
from motrix_core.process.trainer import TrainerProcess
from motrix_core.process.tree import adopt_orphans, descendants, end_descendants, reap
from motrix_core.runs.events import EventType, EventWriter
from motrix_core.runs.files import reserve_room
from motrix_core.runs.identity import boot_id, host_name, own_identity
from motrix_core.runs.index import RunIndex
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, Segment, write_state

EXIT_ALREADY_SUPERVISED = 5
GRACE_S = 30.0
_TICK_S = 0.5
_SAMPLE_EVERY_S = 2.0
_LEFTOVER_GRACE_S = 1.0


class Supervisor:
    """Supervises the trainers of `run` from the first one's start to the last one's end: another one follows when the
    backend is switched. `config` is the run's, as in config.json; `changes` is what differs from it, and from the
    segments before, as `next_segment` takes it."""

    def __init__(
        self, run: Run, config: dict[str, Any], trainer_argv: Sequence[str], *, grace_s: float, **changes: Any
    ) -> None:
        self.run = run
        self._changes = changes
        self.grace_s = grace_s
        self._argv = list(trainer_argv)
        self._config = config
        self._tail = EventTail(run.paths.events)
        self._sampler = ResourceSampler()
        self._stop: Stop | None = None
        self._kill_at = float("inf")
        self._kill_asked = False
        self._stop_asked = False
        self._told: set[str] = set()
        self._unwritten: str | None = None
        self._gone = False
        self._state = self._first_state()
        self._sampled_at = 0.0

    def _first_state(self) -> RunState:
        try:
            segments = self.run.state().segments
        except RunsFolderError as error:
            # The events are the truth; a damaged state must not keep a run from being continued.
            self._tell(f"the run's earlier segments are not known: {error}")
            segments = ()
        return RunState(boot_id=boot_id(), host=host_name(), supervisor=own_identity(), segments=close_lost(segments))

    def supervise(self) -> Outcome:
        """Run trainers to the end of the run; returns how it ended, which is then recorded."""
        wake = self._listen()
        self._hold_room()
        self._read_events(self._tail.skip_history)
        resumed = bool(self._state.segments)
        # All requests to a new run are for this trainer; those before a run goes on were for an earlier one.
        self._add_segment(**self._changes, control_offset=_size(self.run.paths.control) if resumed else 0)
        self._event("run_started", {**self._names(), "resumed": resumed})
        outcome = self._train(wake)
        while outcome.status == SWITCHED:
            self._add_segment(backend=self._tail.successor, control_offset=self._tail.control_offset)
            outcome = self._train(wake)
        self._end_run(outcome)
        return outcome

    def _add_segment(self, **changes: Any) -> None:
        segment = next_segment(self._state.segments, self._config, **changes)
        self._state = self._state.change(status="starting", segments=(*self._state.segments, segment))

    def _train(self, wake: int) -> Outcome:
        """Run the trainer of the newest segment to its end, and record how it ended."""
        console_start = _size(self.run.paths.console)
        started = time.monotonic()
        try:
            # The trainer reads from there what it is to train with: without that it must not start.
            write_state(self.run.paths.state, self._state)
            trainer = TrainerProcess(self._argv, self.run)
        except OSError as error:
            outcome = Outcome("failed", None, f"the trainer cannot be started: {error.strerror or error}")
            self._end_segment(outcome, 0.0, [])
            return outcome
        self._change_segment(trainer=trainer.identity)
        self._change(trainer=trainer.identity)
        self._event("segment_started", self._segment_data(trainer.pid))
        while trainer.exit_code is None:
            self._tick(trainer, wake, started)
        # Whatever the trainer started and did not end must not outlive it.
        end_descendants(grace_s=0.0 if self._stop in ("killed", "grace over") else _LEFTOVER_GRACE_S)
        self._read_events(self._tail.read_all)
        lines = console_tail(self.run.paths.console, console_start)
        outcome = judge(
            trainer.exit_code,
            stop=self._stop,
            error=self._tail.error,
            console=lines,
            successor=self._tail.successor,
        )
        self._end_segment(outcome, time.monotonic() - started, lines)
        return outcome

    def _listen(self) -> int:
        """Take signals as bytes in a pipe, so that one that comes at any moment ends the wait for the next."""
        wake, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_stop_asked", True))
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, "_kill_asked", True))
        return wake

    def _tick(self, trainer: TrainerProcess, wake: int, started: float) -> None:
        if select.select([wake], [], [], _TICK_S)[0]:
            os.read(wake, 4096)
        trainer.note(reap())
        if trainer.exit_code is not None:
            return
        self._follow_events()
        now = time.monotonic()
        if not self._gone and self._is_gone():
            self._tell("the run's folder is gone; stopping the trainer")
            self._gone = self._stop_asked = True
        if self._stop_asked and self._stop is None:
            self._stop, self._kill_at = "asked", now + self.grace_s
            self._change(status="stopping")
            trainer.terminate()
        if self._kill_asked or now >= self._kill_at:
            self._stop = "killed" if self._kill_asked else "grace over"
            trainer.note(end_descendants(grace_s=0.0))
            return
        if now - self._sampled_at >= _SAMPLE_EVERY_S:
            self._sampled_at = now
            self._sample(now - started)

    def _follow_events(self) -> None:
        self._read_events(self._tail.read)
        status = self._tail.status if self._stop is None else "stopping"
        if status is not None and status != self._state.status:
            self._change(status=status)

    def _read_events(self, read: Callable[[], None]) -> None:
        try:
            read()
        except OSError as error:
            # A network file system that has hiccups: training goes on, and so does its supervision.
            self._tell(f"{self.run.paths.events} cannot be read: {error.strerror or error}")

    def _is_gone(self) -> bool:
        try:
            # Written once and never changed. The folder itself may be there again: whoever saves into it makes it.
            self.run.paths.config.stat()
        except FileNotFoundError:
            return True
        except OSError as error:
            self._tell(f"{self.run.path} cannot be looked at: {error.strerror or error}")
        return False

    def _sample(self, elapsed_s: float) -> None:
        self._change_segment(elapsed_s=round(elapsed_s, 3))
        self._state = self._state.change(resources=self._sampler.sample(descendants()))
        # A sample that a power loss takes is no loss, and a slow disk should not be busy with it.
        self._save(sync=False)

    def _end_segment(self, outcome: Outcome, elapsed_s: float, lines: list[str]) -> None:
        ended = {"status": outcome.status, "exit_code": outcome.exit_code, "cause": outcome.cause}
        self._change_segment(**ended, ended_at=time.time(), elapsed_s=round(elapsed_s, 3))
        console = lines if outcome.status in ("failed", "crashed") else []
        data = {"segment": self._segment.index, "backend": self._segment.backend, **ended}
        self._event("segment_ended", {**data, "elapsed_s": self._segment.elapsed_s, "console": console})
        self._state = self._state.change(trainer=None, resources={})

    def _end_run(self, outcome: Outcome) -> None:
        # Where the disk takes no events, the state has to say so: the trainer could not.
        causes = [cause for cause in (outcome.cause, self._unwritten) if cause is not None]
        cause = "; ".join(causes) or None
        ended = {"status": outcome.status, "exit_code": outcome.exit_code, "cause": cause}
        self._event("run_ended", {**self._names(), **ended, "elapsed_s": round(self._state.elapsed_s, 3)})
        # Last: whoever sees a final status finds every event written.
        self._change(**ended)
        with suppress(OSError):
            self.run.paths.reserve.unlink(missing_ok=True)

    def _hold_room(self) -> None:
        try:
            reserve_room(self.run.paths.reserve)
        except OSError as error:
            self._tell(f"no room is held back in {self.run.path}: {error.strerror or error}")

    def _event(self, type: EventType, data: dict[str, Any]) -> None:
        if self._gone:
            return
        try:
            # Opened anew each time, because a trainer that was killed may have left half a line since.
            with EventWriter(self.run.paths.events) as writer:
                writer.write(type, env_steps=self._tail.env_steps, update=self._tail.update, data=data)
            self._unwritten = None
        except RunsFolderError as error:
            self._unwritten = error.message
            self._tell(str(error))

    def _change(self, **changes: Any) -> None:
        self._state = self._state.change(**changes)
        self._save()

    def _save(self, *, sync: bool = True) -> None:
        if self._gone:
            # Nobody wants back what was deleted, nor a part of it.
            return
        try:
            reserve = self.run.paths.reserve if self._state.is_final else None
            write_state(self.run.paths.state, self._state, sync=sync, reserve=reserve)
        except OSError as error:
            # A full disk must not end the supervision; the next change is another attempt.
            self._tell(f"{self.run.paths.state} cannot be written: {error.strerror or error}")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            # console.log is on the same disk: what it cannot take must not end the supervision.
            with suppress(OSError):
                sys.stderr.write(f"supervisor: {text}\n")
                sys.stderr.flush()

    def _names(self) -> dict[str, str]:
        return {"run": str(self.run.path), "id": self.run.id, "env": self.run.env, "backend": self._segment.backend}

    @property
    def _segment(self) -> Segment:
        """The one that is trained now."""
        return self._state.segments[-1]

    def _change_segment(self, **changes: Any) -> None:
        segments = (*self._state.segments[:-1], replace(self._segment, **changes))
        self._state = self._state.change(segments=segments)

    def _segment_data(self, pid: int) -> dict[str, Any]:
        segment = self._segment
        return {
            "segment": segment.index,
            "backend": segment.backend,
            "sim": self._config.get("sim"),
            "pid": pid,
            "max_env_steps": segment.max_env_steps,
        }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m motrix_core.process.supervisor")
    parser.add_argument("--detach", action="store_true", help="return once the supervisor is a process of its own")
    parser.add_argument("--grace-s", type=float, default=GRACE_S, help="from TERM to KILL when stopping")
    parser.add_argument("--backend", help="train on this one, whatever the segments before did")
    parser.add_argument("--max-env-steps", type=int, help="budget, whatever that of the segments before was")
    parser.add_argument("run_dir")
    parser.add_argument("trainer", nargs=argparse.REMAINDER, help="command of the trainer, after --")
    args = parser.parse_args(argv)
    trainer = args.trainer[1:] if args.trainer[:1] == ["--"] else args.trainer
    try:
        run = Run.open(args.run_dir)
        # What can be wrong with the run is found before the fork, where launch still sees the exit code.
        config = run.record()["config"]
        lock = take_lock(run)
        if lock is None:
            sys.stderr.write(f"supervisor: run {run.id} already has a supervisor\n")
            return EXIT_ALREADY_SUPERVISED
        if args.detach and os.fork() > 0:
            # The child belongs to init from here on: nobody has to wait for it, and no shell can hang it up.
            os._exit(0)
        adopt_orphans()
        trainer = trainer or module_command("motrix_core.learn", str(run.path))
        changes = {"backend": args.backend, "max_env_steps": args.max_env_steps}
        Supervisor(run, config, trainer, grace_s=args.grace_s, **changes).supervise()
        # Whoever lets the run go on need not wait for what follows.
        os.close(lock)
        # A long list of runs is then short work for the next dashboard.
        with suppress(RunsFolderError):
            RunIndex(run.path.parent.parent).refresh()
    except (MotrixError, OSError) as error:
        sys.stderr.write(f"supervisor: {error}\n")
        return 3
    except Exception:
        # Goes to console.log, where launch looks for what went wrong.
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
