from __future__ import annotations

import json
import math
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from motrix_core.errors import RunsFolderError
from motrix_core.runs import events as events_module
from motrix_core.runs.events import EventWriter
from motrix_core.runs.reader import EventReader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_an_event_is_in_the_file_when_write_returns(path: Path) -> None:
    with EventWriter(path) as writer:
        writer.write("metrics", env_steps=64, update=1, data={"return/mean": 1.5})
        (event,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert (event["type"], event["env_steps"], event["update"]) == ("metrics", 64, 1)
    assert event["data"] == {"return/mean": 1.5}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_numbers_that_are_not_finite_become_null_and_numpy_scalars_numbers(path: Path) -> None:
    data = {
        "nan": math.nan,
        "inf": -math.inf,
        "f32": np.float32(0.5),
        "f32 nan": np.float32("nan"),
        "f64 inf": np.float64("inf"),
        "i64": np.int64(7),
        "nested": [1.0, {"x": math.nan}, np.array([1.0, np.inf])],
        "path": Path("a"),
    }
    with EventWriter(path) as writer:
        writer.write("metrics", env_steps=np.int64(1), update=np.int32(2), data=data)  # pyright: ignore
    (event,) = EventReader(path).poll()
    assert event["data"] == {
        "nan": None,
        "inf": None,
        "f32": 0.5,
        "f32 nan": None,
        "f64 inf": None,
        "i64": 7,
        "nested": [1.0, {"x": None}, [1.0, None]],
        "path": "a",
    }


def test_text_cannot_bring_control_characters_or_line_breaks_into_the_file(path: Path) -> None:
    with EventWriter(path) as writer:
        writer.write("warning", env_steps=0, update=0, data={"message": "a\n\x1b[2J\u202e\x9b\ud800"})
    raw = path.read_bytes()
    assert raw.isascii() and raw.count(b"\n") == 1
    assert b"\x1b" not in raw


def test_half_a_line_of_a_killed_writer_does_not_spoil_the_next_one(path: Path) -> None:
    path.write_bytes(b'{"type":"metr')
    with EventWriter(path) as writer:
        writer.write("metrics", env_steps=1, update=1, data={})
    reader = EventReader(path)
    assert [event["env_steps"] for event in reader.poll()] == [1]
    assert reader.corrupt == 1


def test_a_full_disk_is_said_clearly_and_the_next_line_that_fits_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EventWriter(path) as writer:
        writer.write("metrics", env_steps=1, update=1, data={})
        real = os.write
        monkeypatch.setattr(events_module.os, "write", lambda descriptor, data: real(descriptor, data[:10]))
        with pytest.raises(RunsFolderError, match=r"events\.jsonl cannot be written.*free space"):
            writer.write("metrics", env_steps=2, update=2, data={})
        monkeypatch.undo()
        writer.write("metrics", env_steps=3, update=3, data={})
    reader = EventReader(path)
    assert [event["env_steps"] for event in reader.poll()] == [1, 3]
    assert reader.corrupt == 1


def test_a_disk_without_any_room_is_said_clearly() -> None:
    with EventWriter(Path("/dev/full")) as writer, pytest.raises(RunsFolderError, match="No space left"):
        try:
            writer.write("metrics", env_steps=1, update=1, data={})
        finally:
            # /dev/full has nothing to sync.
            writer.sync = lambda: None  # pyright: ignore[reportAttributeAccessIssue]


def test_a_sync_that_fails_in_the_background_is_raised_by_the_next_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def broken(descriptor: int) -> None:
        failed.set()
        raise OSError(5, "Input/output error")

    writer = EventWriter(path, sync_every_s=0.001)
    monkeypatch.setattr(events_module.os, "fdatasync", broken)
    writer.write("metrics", env_steps=1, update=1, data={})
    assert failed.wait(10)
    with pytest.raises(RunsFolderError, match="Input/output error"):
        writer.close()


def test_what_was_written_is_synced_without_being_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = threading.Event()
    monkeypatch.setattr(events_module.os, "fdatasync", lambda descriptor: synced.set())
    with EventWriter(path, sync_every_s=0.001) as writer:
        writer.write("metrics", env_steps=1, update=1, data={})
        assert synced.wait(10)


def test_writers_of_several_processes_never_mix_their_lines(path: Path) -> None:
    with EventWriter(path) as one, EventWriter(path) as other:
        for step in range(100):
            one.write("metrics", env_steps=step, update=0, data={"x": "a" * 500})
            other.write("control", env_steps=step, update=0, data={"x": "b" * 500})
    reader = EventReader(path)
    assert len(reader.poll()) == 200
    assert reader.corrupt == 0


def test_an_unknown_type_is_refused(path: Path) -> None:
    with EventWriter(path) as writer, pytest.raises(ValueError, match="known: run_started"):
        writer.write("metric", env_steps=0, update=0, data={})  # pyright: ignore[reportArgumentType]


def test_a_folder_that_is_gone_is_said_clearly(tmp_path: Path) -> None:
    with pytest.raises(RunsFolderError, match="No such file"):
        EventWriter(tmp_path / "gone" / "events.jsonl")
