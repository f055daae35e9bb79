from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motrix_core.runs.reader import EventReader, FastEventReader, newest_events


def event(step: int, type: str = "metrics", **data: Any) -> dict[str, Any]:
    return {"type": type, "time": 1.0 + step, "env_steps": step, "update": step, "data": data}


def line(step: int, type: str = "metrics", **data: Any) -> bytes:
    return json.dumps(event(step, type, **data)).encode() + b"\n"


def steps(events: list[dict[str, Any]]) -> list[int]:
    return [event["env_steps"] for event in events]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_file_that_is_not_there_yet_has_no_events(path: Path) -> None:
    reader = EventReader(path)
    assert reader.poll() == [] and reader.at_end
    append(path, line(1))
    assert steps(reader.poll()) == [1]


def test_each_event_is_given_once(path: Path) -> None:
    reader = EventReader(path)
    append(path, line(1) + line(2))
    assert steps(reader.poll()) == [1, 2]
    assert reader.poll() == []
    append(path, line(3))
    assert steps(reader.poll()) == [3]
    assert reader.offset == path.stat().st_size


def test_a_torn_last_line_is_read_once_it_is_whole(path: Path) -> None:
    reader = EventReader(path)
    whole = line(2)
    append(path, line(1) + whole[:20])
    assert steps(reader.poll()) == [1]
    assert reader.at_end and reader.corrupt == 0
    append(path, whole[20:])
    assert steps(reader.poll()) == [2]


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense",
        b"\x00" * 50,
        b"\xff\xfe",
        b"17",
        b"[" * 100_000,
        b'{"type":"metrics"}',
        json.dumps({**event(1), "env_steps": 2**63}).encode(),
        json.dumps({**event(1), "env_steps": -1}).encode(),
        json.dumps({**event(1), "env_steps": True}).encode(),
        json.dumps({**event(1), "update": 2**31}).encode(),
        json.dumps({**event(1), "time": None}).encode(),
        json.dumps({**event(1), "time": 1e400}).encode(),
        json.dumps({**event(1), "data": []}).encode(),
        line(1)[:-1] + line(2)[:-1],
    ],
)
def test_a_damaged_line_inside_is_skipped_and_counted(bad: bytes, path: Path) -> None:
    append(path, line(1) + bad + b"\n" + line(3))
    reader = EventReader(path)
    assert steps(reader.poll()) == [1, 3]
    assert reader.corrupt == 1


def test_a_number_that_is_not_finite_is_read_as_none(path: Path) -> None:
    append(path, b'{"type":"metrics","time":1,"env_steps":1,"update":1,"data":{"a":NaN,"b":-Infinity}}\n')
    assert EventReader(path).poll()[0]["data"] == {"a": None, "b": None}


@pytest.mark.parametrize(
    "written",
    [
        b'{"a":NaN,"b":-Infinity,"c":1e999,"d":-0.0,"e":5e-324}',
        b'{"a":"\\ud800","b":"\\u00e9","c":"\xc3\xa9"}',
        b'{"a":1,"a":2}',
        b'{"a":' + b"9" * 400 + b"}",
        b'{"a":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"a":1}}',
        b'{"a":01}',
        b'{"a":"\x01"}',
        b'{"a":"\xff"}',
    ],
)
def test_the_fast_reader_gives_what_the_other_one_gives(written: bytes, path: Path) -> None:
    append(path, b'{"type":"metrics","time":1,"env_steps":1,"update":1,"data":' + written + b"}\n" + line(2))
    readers = EventReader(path), FastEventReader(path)
    slow, fast = (repr(reader.poll()) for reader in readers)
    assert fast == slow and readers[0].corrupt == readers[1].corrupt


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(), _VALUES | st.lists(_VALUES)), st.booleans())
def test_the_fast_reader_gives_the_same_data_to_the_last_bit(data: dict[str, Any], ascii: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(json.dumps({**event(1), "data": data}, ensure_ascii=ascii).encode("utf-8") + b"\n")
        assert repr(FastEventReader(path).poll()) == repr(EventReader(path).poll())


def test_a_truncated_file_is_read_anew(path: Path) -> None:
    append(path, line(1) + line(2))
    reader = EventReader(path)
    reader.poll()
    path.write_bytes(line(7))
    assert steps(reader.poll()) == [7]
    assert reader.restarts == 1


def test_a_replaced_file_is_read_anew(path: Path, tmp_path: Path) -> None:
    append(path, line(1))
    reader = EventReader(path)
    reader.poll()
    other = tmp_path / "other"
    other.write_bytes(line(1) + line(8))
    other.replace(path)
    assert steps(reader.poll()) == [1, 8]
    assert reader.restarts == 1


def test_a_file_truncated_and_grown_past_the_offset_meanwhile_is_read_anew(path: Path) -> None:
    append(path, line(1))
    reader = EventReader(path)
    reader.poll()
    path.write_bytes(line(5) + line(6) + line(7))
    assert steps(reader.poll()) == [5, 6, 7]
    assert reader.restarts == 1


def test_a_deleted_file_is_quiet_until_it_is_back(path: Path) -> None:
    append(path, line(1))
    reader = EventReader(path)
    reader.poll()
    path.unlink()
    assert reader.poll() == []
    append(path, line(4))
    assert steps(reader.poll()) == [4]


def test_the_number_of_events_a_poll_gives_is_limited(path: Path) -> None:
    append(path, b"".join(line(step) for step in range(10)))
    reader = EventReader(path)
    assert steps(reader.poll(max_events=4)) == [0, 1, 2, 3]
    assert not reader.at_end
    assert steps(reader.poll(max_events=4)) == [4, 5, 6, 7]
    assert steps(reader.poll(max_events=4)) == [8, 9]
    assert reader.at_end


def test_a_poll_without_time_still_makes_progress(path: Path) -> None:
    append(path, b"".join(line(step) for step in range(100)))
    reader = EventReader(path)
    seen = []
    while len(seen) < 100:
        some = reader.poll(budget_s=0.0)
        assert 0 < len(some) < 100
        seen += steps(some)
    assert seen == list(range(100))


def test_a_long_line_is_read_and_a_longer_one_skipped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, line(1, note="x" * (1 << 20)) + line(2))
    assert steps(EventReader(path).poll()) == [1, 2]
    monkeypatch.setattr(EventReader, "MAX_LINE", 300_000)
    reader = EventReader(path)
    assert steps(reader.poll()) == [2]
    assert reader.corrupt == 1


def test_a_line_of_a_quarter_gigabyte_does_not_fill_the_memory(path: Path) -> None:
    append(path, line(1))
    os.truncate(path, 1 << 28)
    append(path, b"\n" + line(2))
    tracemalloc.start()
    reader = EventReader(path)
    found = reader.poll()
    while not reader.at_end:
        found += reader.poll()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert steps(found) == [1, 2]
    assert reader.corrupt == 1
    assert peak < 16 << 20


def test_many_long_lines_do_not_come_all_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventReader, "MAX_POLL", 100_000)
    append(path, b"".join(line(step, note="x" * 50_000) for step in range(6)))
    reader = EventReader(path)
    assert len(reader.poll(budget_s=60)) == 2
    assert not reader.at_end


def test_a_pipe_in_the_place_of_the_file_is_an_error_not_a_wait(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        EventReader(path).poll()


PIECES = st.lists(
    st.one_of(
        st.integers(0, 99).map(line),
        st.sampled_from([b"\n", b"{]\n", b"\xff\n", b"[1]\n", b"\x00\x00\n"]),
        st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"") + b"\n"),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(PIECES, st.data())
def test_any_split_of_the_writes_gives_the_same_events(pieces: list[bytes], data: st.DataObject) -> None:
    content = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    limit = data.draw(st.integers(1, 5))
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        whole.write_bytes(content)
        at_once = EventReader(whole)
        expected = at_once.poll()
        split = Path(folder) / "split"
        split.touch()
        reader = EventReader(split)
        found = []
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            append(split, content[start:end])
            found += reader.poll(max_events=limit)
        while not reader.at_end:
            found += reader.poll(max_events=limit)
        assert found == expected
        assert reader.corrupt == at_once.corrupt
        assert reader.restarts == 0


def test_the_newest_event_of_each_type_is_found_without_reading_the_file(path: Path) -> None:
    append(path, b"".join(line(step, note="x" * 1000) for step in range(500)))
    append(path, line(7, "checkpoint") + line(8) + line(9, "run_ended"))
    newest = newest_events(path)
    assert {type: event["env_steps"] for type, event in newest.items()} == {
        "checkpoint": 7,
        "metrics": 8,
        "run_ended": 9,
    }
    assert list(newest)[-1] == "run_ended"


def test_a_file_that_is_not_there_has_no_newest_event(path: Path) -> None:
    assert newest_events(path) == {}
