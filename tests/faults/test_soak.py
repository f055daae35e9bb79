"""The dashboard under ten thousand events a second: it keeps up, answers keys, and takes the memory that they need."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
from faults_support import FULL, Stopwatch, times
from process_support import LIMIT_S
from real_dashboard import Dashboard

from motrix_core.runs.events import EventWriter
from motrix_core.runs.identity import own_identity
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import newest_metrics
from motrix_core.runs.state import RunState, Segment, write_state

FLOOD = Path(__file__).parents[1] / "fakes" / "flood.py"
PER_S = 10_000
METRICS = 11
MOST_KEPT = 12
"""Bytes for each value: that of the series, and what charts keep to draw it at any zoom."""
FIRST_SHARE = 3
KEY_LIMIT_S = 0.5
LAG_LIMIT_S = 2.0
"""How much older than the newest update the one on the screen may be, right after help that nothing is drawn behind."""
_UPDATE = re.compile(rb"update (?:\x1b\[[0-9;]*m)*([0-9][0-9,]*)")


class Shown:
    """The number of the newest update in all that the dashboard wrote."""

    def __init__(self) -> None:
        self.update = 0
        self._rest = b""

    def take(self, written: bytes) -> None:
        seen = self._rest + written
        numbers = [int(number.replace(b",", b"")) for number in _UPDATE.findall(seen)]
        # The last one may not be whole yet; then it is too small, and found again with what comes next.
        self.update = max([self.update, *numbers])
        self._rest = seen[-64:]


def newest_written(run: Run) -> int:
    return max((event["update"] for event in newest_metrics(run.paths.events)), default=0)


def test_ten_thousand_events_a_second_are_shown_and_keys_are_answered(run: Run, tmp_path: Path) -> None:
    count = times(2, 60) * PER_S
    me = own_identity()
    segments = (Segment(0, "torch", 1_700_000_000.0),)
    write_state(run.paths.state, RunState(status="running", supervisor=me, trainer=me, segments=segments))
    with EventWriter(run.paths.events) as writer:
        writer.write("segment_started", env_steps=0, update=0, data={"backend": "torch", "max_env_steps": 64 * count})
    dashboard = Dashboard(run.path.parents[1], tmp_path, "--open", "last")
    dashboard.wait_for("following")
    memory, lags, shown = [], [], Shown()
    answers = Stopwatch("from a key to its answer under 10,000 events a second")
    process = psutil.Process(dashboard.process.pid)
    with subprocess.Popen([sys.executable, str(FLOOD), str(run.path), str(count), str(PER_S)]) as flood:
        while flood.poll() is None:
            with answers.measure():
                dashboard.press("?")
                shown.take(dashboard.wait_for("esc closes"))
            # Not by Escape, which waits for what may follow it.
            dashboard.press("q")
            shown.take(dashboard.wait_for("following"))
            memory.append(process.memory_info().rss)
            lags.append(newest_written(run) - shown.update)
        assert flood.wait(LIMIT_S) == 0
    with answers.measure():
        # It may have been drawn with one of the last answers, and once drawn it stays as it is.
        deadline = time.monotonic() + LIMIT_S
        while shown.update < count:
            assert time.monotonic() < deadline, shown.update
            shown.take(dashboard.wait_for("update "))
    dashboard.press("q")
    dashboard.wait_for("Detach")
    dashboard.leave("d")
    worst_s = max(lags) / PER_S
    sys.stderr.write(f"the screen was behind by at most {worst_s:.2f} s, at the end by {lags[-1] / PER_S:.2f} s\n")
    later = memory[len(memory) // FIRST_SHARE :]
    grown, share = max(later) - later[0], len(later) / len(memory)
    sys.stderr.write(f"memory: {later[0] / 2**20:.0f} MiB, then {grown / 2**20:.1f} MiB more\n")
    answers.report(KEY_LIMIT_S)
    assert not FULL or worst_s <= LAG_LIMIT_S
    assert not FULL or grown <= share * count * METRICS * MOST_KEPT
