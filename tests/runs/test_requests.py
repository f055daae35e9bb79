from __future__ import annotations

import json
import stat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.errors import RunsFolderError, RunStateError, UsageError
from motrix_core.runs.control import ControlReader, answer, append_request, request_problem
from motrix_core.runs.layout import Run
from motrix_core.runs.state import RunState, write_state


def test_a_request_reaches_the_trainer_with_its_id(run: Run) -> None:
    reader = ControlReader(run.paths.control)
    identifier = append_request(run, {"type": "set", "values": {"ppo.learning_rate": 3e-4}})
    (request,) = reader.poll()
    assert request["id"] == identifier
    assert (request["type"], request["values"]) == ("set", {"ppo.learning_rate": 3e-4})
    assert stat.S_IMODE(run.paths.control.stat().st_mode) == 0o600


def test_an_answer_carries_the_id_and_says_why_not() -> None:
    request = {"id": "a1", "type": "switch", "backend": "torch", "time": 1.0}
    assert answer(request, done=False, message="torch is not installed") == {
        "id": "a1",
        "type": "switch",
        "backend": "torch",
        "done": False,
        "message": "torch is not installed",
    }


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"type": "stopp"}, "did you mean stop"),
        ({}, "unknown request"),
        ({"type": "set"}, "needs values"),
        ({"type": "set", "values": {"ppo.rollouts": 3}}, "unknown setting"),
        (
            {"type": "set", "values": {"ppo.learning_rate": -1.0}},
            "ppo.learning_rate=-1.0 must be a number from 1e-9 to 1",
        ),
        ({"type": "set", "values": {"ppo.learning_rate": float("nan")}}, "must be a number"),
        ({"type": "set", "values": {"ppo.learning_rate": True}}, "must be a number"),
        ({"type": "switch", "backend": "tensorflow"}, "unknown backend"),
    ],
)
def test_a_request_that_no_trainer_would_take_is_refused(request_: dict[str, Any], message: str, run: Run) -> None:
    with pytest.raises(UsageError, match=message):
        append_request(run, request_)
    assert run.paths.control.read_bytes() == b""


def test_a_run_that_is_over_takes_no_request(run: Run) -> None:
    write_state(run.paths.state, RunState(status="finished"))
    with pytest.raises(RunStateError, match="is finished"):
        append_request(run, {"type": "pause"})


def test_a_folder_in_the_place_of_the_file_is_said_clearly(run: Run) -> None:
    run.paths.control.unlink()
    run.paths.control.mkdir()
    with pytest.raises(RunsFolderError, match=r"control\.jsonl cannot be written"):
        append_request(run, {"type": "pause"})


def test_requests_to_an_earlier_trainer_are_passed_over(run: Run) -> None:
    append_request(run, {"type": "stop"})
    reader = ControlReader(run.paths.control)
    reader.skip_to_end()
    append_request(run, {"type": "pause"})
    assert [request["type"] for request in reader.poll()] == ["pause"]


def test_no_request_is_answered_twice(run: Run) -> None:
    reader = ControlReader(run.paths.control)
    append_request(run, {"type": "pause"})
    assert len(reader.poll()) == 1
    content = run.paths.control.read_bytes()
    run.paths.control.unlink()
    run.paths.control.write_bytes(content)
    assert reader.poll() == []


def test_half_a_request_does_not_spoil_the_next(run: Run) -> None:
    run.paths.control.write_bytes(b'{"type":"pa')
    append_request(run, {"type": "stop"})
    assert [request["type"] for request in ControlReader(run.paths.control).poll()] == ["stop"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["set", "switch", "stop"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "id", "values", "backend"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["type", "id", "values", "backend", "time"]), JSON))
def test_any_object_is_a_request_or_refused(value: dict[str, Any]) -> None:
    problem = request_problem(json.loads(json.dumps(value)))
    assert problem is None or isinstance(problem, UsageError)
