from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.errors import RunsFolderError
from motrix_core.runs import files
from motrix_core.runs import state as state_module
from motrix_core.runs.identity import Identity, identity_of, own_identity
from motrix_core.runs.state import RunState, Segment, read_state, write_state

GONE = Identity(pid=2**22 - 3, create_time=1.0)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def running(**changes: object) -> RunState:
    return RunState(status="running", supervisor=own_identity()).change(**changes)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    segment = Segment(0, "jax", 12.5, trainer=GONE, ended_at=20.0, elapsed_s=7.5, status="crashed", exit_code=-9)
    state = running(segments=(segment,), cause="why", exit_code=-9, resources={"cpu_percent": 12.0})
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def no_new_file(*_: object, **__: object) -> None:
    raise OSError(13, "Permission denied")


def test_the_last_state_is_written_over_the_one_before_where_nothing_else_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_state(path, running(cause="x" * 500))
    monkeypatch.setattr(files, "replace_file", no_new_file)
    monkeypatch.setattr(state_module, "replace_file", no_new_file)
    with pytest.raises(OSError, match="Permission denied"):
        write_state(path, running())
    # Shorter and longer than what was there; the reserve is gone as well.
    for cause in ("short", "y" * 2000):
        write_state(path, running(status="failed", cause=cause), reserve=tmp_path / ".reserve")
        assert (read_state(path).status, read_state(path).cause) == ("failed", cause)


def test_room_is_held_back_where_the_file_system_cannot_promise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def emulated(descriptor: int, start: int, length: int) -> None:
        # As the C library does it: a block that is there may hold something, so it is read first.
        for place in range(start, start + length, 4096):
            os.pwrite(descriptor, os.pread(descriptor, 1, place) or b"\0", place)

    monkeypatch.setattr(os, "posix_fallocate", emulated)
    for _ in range(2):
        files.reserve_room(tmp_path / ".reserve")
    assert (tmp_path / ".reserve").stat().st_size > 60 << 10


def test_a_run_is_live_while_its_supervisor_is() -> None:
    assert running().shown_status == "running"
    assert running(supervisor=GONE).shown_status == "lost"
    assert running(supervisor=GONE, status="finished").shown_status == "finished"


def test_a_process_that_got_the_number_of_the_supervisor_is_not_the_supervisor() -> None:
    other = replace(own_identity(), create_time=own_identity().create_time - 1)
    assert running(supervisor=other).shown_status == "lost"


def test_after_a_reboot_no_earlier_process_lives() -> None:
    assert running(boot_id="another boot").shown_status == "lost"


def test_a_start_that_never_came_to_a_supervisor_is_lost_after_a_minute() -> None:
    assert RunState().shown_status == "starting"
    assert replace(RunState(), updated_at=time.time() - 61).shown_status == "lost"


def test_a_run_on_another_host_is_believed_while_it_reports() -> None:
    remote = running(host="elsewhere", supervisor=GONE, boot_id="theirs")
    assert remote.shown_status == "running"
    assert not remote.is_process_alive(remote.supervisor)
    assert replace(remote, updated_at=time.time() - 121).shown_status == "lost"


def test_a_process_that_only_awaits_its_parent_is_gone() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert identity_of(pid) is None
    finally:
        os.waitpid(pid, 0)


def test_a_process_of_somebody_else_that_the_system_hides_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: Path) -> bytes:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "read_bytes", hidden)
    assert GONE.is_alive()


def test_identities_do_not_move_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = own_identity()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert own_identity() == before


@pytest.mark.parametrize("pid", [1, 0, -1, 2**40, True, 3.0, "7", None])
def test_a_process_number_that_means_a_group_or_init_is_refused(pid: object) -> None:
    with pytest.raises(ValueError, match="pid"):
        Identity.from_json({"pid": pid, "create_time": 1.0})


@given(JSON)
def test_any_json_in_the_place_of_a_state_is_refused_with_the_file_named(value: object) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        path.write_text(json.dumps(value))
        with pytest.raises(RunsFolderError, match=r"state\.json"):
            read_state(path)


@given(st.sampled_from(sorted(RunState().to_json())), JSON)
def test_any_json_in_the_place_of_a_field_is_read_or_refused(key: str, value: object) -> None:
    text = json.dumps({**running(segments=(Segment(0, "jax", 1.0),)).to_json(), key: value})
    try:
        state = RunState.from_json(json.loads(text))
    except ValueError:
        return
    assert state.shown_status in ("running", "lost", "starting", "paused", "stopping") or state.is_final
