"""Power that fails, files that are damaged, and a reader that stays small."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from faults_support import FULL, times

from motrix_core.runs import events as events_module
from motrix_core.runs.events import EventWriter
from motrix_core.runs.layout import Run
from motrix_core.runs.reader import EventReader

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("how", ["power", "calls"])
@pytest.mark.parametrize(("first", "second"), [(100, 200), (100, 100)] if FULL else [(100, 200)])
def test_a_save_that_is_cut_off_anywhere_leaves_checkpoints_that_are_whole(
    how: str, first: int, second: int, run: Run
) -> None:
    script = ROOT / "tests" / "fakes" / "crashing_saves.py"
    done = subprocess.run(
        [sys.executable, str(script), str(run.path), str(first), str(second), how],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if "does not let a process trace its child" in done.stderr:
        pytest.skip("ptrace is forbidden here")
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    sys.stderr.write(f"checkpoint saves cut off ({how}): {len(results) - 1}\n")
    # The last one was cut off by nothing, so every place before it was tried: at the least four files are opened,
    # written, synced and closed. How many calls that takes is a matter of the C library and Python.
    assert results[-1]["survived"] and not any(result["survived"] for result in results[:-1])
    assert len(results) > 16
    for result in results:
        assert result["listed"] in ([0.0, 1.0], [0.0, 2.0], [0.0, 1.0, 2.0], [0.0])
        assert result["newest"] in (first, second), "one that was to be replaced is there until it has been"
        assert set(result["remains"]) <= {"step_50", f"step_{first}", f"step_{second}", "step_300"}


def test_power_loss_takes_only_events_since_the_last_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    on_disk: list[int] = []
    monkeypatch.setattr(events_module.os, "fdatasync", lambda descriptor: on_disk.append(os.fstat(descriptor).st_size))
    writer = EventWriter(path)
    assert writer.sync_every_s <= 5.0
    for step in range(times(100, 10_000)):
        writer.write("metrics", env_steps=step, update=step, data={})
    writer.sync()
    for step in range(7):
        writer.write("metrics", env_steps=step, update=step, data={})
    # What the kernel held is gone, in the middle of a line if it so happens.
    os.truncate(path, on_disk[-1] + 10)
    with EventWriter(path) as after:
        after.write("run_ended", env_steps=0, update=0, data={})
    reader = EventReader(path)
    found = []
    while not reader.at_end:
        found += reader.poll()
    assert len(found) == times(100, 10_000) + 1
    assert found[-1]["type"] == "run_ended"
    assert reader.corrupt == 1
    writer.close()


def test_an_endless_line_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = b'{"type":"metrics","time":1,"env_steps":1,"update":1,"data":{}}\n'
    # A hole reads as zeros: a damaged line of that length, without taking the disk.
    size = times(64 << 20, 2 << 30)
    path.write_bytes(line)
    os.truncate(path, size)
    with path.open("ab") as file:
        file.write(b"\n" + line)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = EventReader(path)
    found = []
    while not reader.at_end:
        found += reader.poll()
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sys.stderr.write(f"reading a file of {size >> 20} MiB: {grown_mib:.0f} MiB more memory\n")
    assert (len(found), reader.corrupt) == (2, 1)
    assert grown_mib < 32
