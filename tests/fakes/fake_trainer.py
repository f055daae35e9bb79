"""A trainer that trains nothing: `fake_trainer.py RUN_DIR [OPTIONS]`, standard library only.

It writes `metrics` events, obeys TERM as a trainer does, and fails in whatever way a test asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

STUBBORN_CHILD = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--events", type=int, default=0, help="metrics events before the end; 0: until stopped")
    parser.add_argument("--interval-s", type=float, default=0.01)
    parser.add_argument("--exit-code", type=int, default=0)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--children", type=int, default=0, help="children that ignore TERM, half in a new session")
    parser.add_argument("--crash", choices=("kill", "abort", "raise"))
    parser.add_argument("--torn", action="store_true", help="leave half a line before the end")
    parser.add_argument("--error", help="write an error warning with this message before the end")
    parser.add_argument("--print", dest="output", default="")
    parser.add_argument("--lifeline", action="store_true", help="exit with 130 when the supervisor is gone")
    parser.add_argument("--obey", action="store_true", help="read control.jsonl and do what it asks, refusing evaluate")
    parser.add_argument("--fails-on", help="with --obey: fail at once on this backend")
    parser.add_argument("--answer", help="write a control event that answers a request of this type")
    args = parser.parse_args()

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if args.ignore_term else lambda *_: stopped.set())
    events = os.open(args.run_dir / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    if args.lifeline:
        from motrix_core.process.lifeline import Lifeline

        Lifeline.from_environment().watch(stopped.set)
    control = None
    if args.obey:
        segment = json.loads((args.run_dir / "state.json").read_text())["segments"][-1]
        control = Control(args.run_dir, segment["control_offset"], events)
        if segment["backend"] == args.fails_on:
            write(events, "warning", 0, {"level": "error", "error": "BackendUnusable", "message": "no such library"})
            return 3
    children = [start_child(index) for index in range(args.children)]
    print(args.output, flush=True)
    if args.answer:
        write(events, "control", 0, {"id": "1", "type": args.answer, "done": True, "message": None})
    count = 0
    while not stopped.is_set() and not (args.events and count >= args.events):
        if control is None or not control.paused:
            count += 1
            write(events, "metrics", count, {"return/mean": float(count), "children": len(children)})
        if control is not None:
            control.obey(count)
            if control.switched:
                return 10
        stopped.wait(args.interval_s)
    if args.torn:
        os.write(events, b'{"type":"metrics","time":1')
    if args.error:
        write(events, "warning", count, {"level": "error", "error": "ValueError", "message": args.error})
    if args.crash == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if args.crash == "abort":
        os.abort()
    if args.crash == "raise":
        raise RuntimeError("the physics exploded")
    return 130 if stopped.is_set() else args.exit_code


class Control:
    """Does what control.jsonl asks from byte `offset` on."""

    def __init__(self, run_dir: Path, offset: int, events: int) -> None:
        from motrix_core.runs.control import ControlReader

        self.paused = self.switched = False
        self._reader = ControlReader(run_dir / "control.jsonl")
        self._reader.start_after(offset)
        self._events = events

    def obey(self, count: int) -> None:
        for request in self._reader.poll():
            kind = request["type"]
            done = kind != "evaluate"
            self.paused = kind == "pause" or (self.paused and kind != "resume")
            self.switched = self.switched or kind == "switch"
            given = {key: request[key] for key in ("values", "backend") if key in request}
            message = None if done else "the fake cannot evaluate"
            answer = {"id": request["id"], "type": kind, "done": done, "message": message, **given}
            write(self._events, "control", count, {**answer, "read": self._reader.offset})


def start_child(index: int) -> int:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN_CHILD], stdout=subprocess.PIPE, start_new_session=index % 2 == 1
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process.pid


def write(events: int, kind: str, count: int, data: dict) -> None:
    event = {"type": kind, "time": time.time(), "env_steps": count * 100, "update": count, "data": data}
    os.write(events, json.dumps(event, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
