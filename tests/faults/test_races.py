"""Several people who steer one run at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from faults_support import receipts, times
from process_support import LIMIT_S, events, eventually
from real_dashboard import Dashboard

from motrix_core.cli import main
from motrix_core.process.control import wait
from motrix_core.runs.layout import Run

CLIENT = """
import random, sys
from motrix_core.errors import RunStateError
from motrix_core.runs.control import append_request
from motrix_core.runs.layout import Run

run, count, draw = Run.open(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
kinds = ["pause", "resume", "checkpoint", "evaluate"] * 24 + ["switch"] * 3
try:
    for _ in range(count):
        kind = draw.choice(kinds)
        request = {"type": kind, "backend": draw.choice(["jax", "torch"])} if kind == "switch" else {"type": kind}
        print(append_request(run, request))
    print(append_request(run, {"type": "stop"}))
except RunStateError as error:
    sys.stderr.write(str(error))
"""


def test_racing_requests_are_answered_once_each_and_end_in_one_state(start: Callable[..., Run], run: Run) -> None:
    start("--save-every", "1000000")
    eventually(lambda: len(receipts(run)) > 5, "training")
    count = times(60, 1000) // 3
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(run.path), str(count), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    for client in clients:
        assert client.stdout and client.stdout.readline() == "ready\n"
    sent = []
    for client in clients:
        assert client.stdin
        client.stdin.write("go\n")
        client.stdin.flush()
    for client in clients:
        sent += client.communicate()[0].split()
    state = wait(run, 10 * LIMIT_S)
    assert state.status == "stopped"
    assert len(events(run, "run_ended")) == 1
    answered = Counter(event["data"]["id"] for event in events(run, "control"))
    assert set(answered) <= set(sent)
    assert set(answered.values()) == {1}
    requests = [json.loads(line) for line in run.paths.control.read_text().splitlines() if line]
    assert {request["id"] for request in requests} == set(sent)
    first_stop = next(index for index, request in enumerate(requests) if request["type"] == "stop")
    # Those that came after the stop found a run that was ending.
    assert all(request["id"] in answered for request in requests[: first_stop + 1])
    sys.stderr.write(f"{len(sent)} racing requests: {len(answered)} answered, {len(state.segments)} segments\n")


def answers(run: Run, dashboards: list[Dashboard]) -> int:
    for dashboard in dashboards:
        # A terminal that nobody reads would hold up who draws on it.
        while dashboard.read(0.0):
            pass
    return len(events(run, "control"))


def test_two_dashboards_and_a_command_steer_one_run_and_all_see_its_end(
    start: Callable[..., Run], run: Run, tmp_path: Path
) -> None:
    start("--interval-s", "0.02")
    eventually(lambda: len(receipts(run)) > 5, "training")
    runs_dir = run.path.parents[1]
    dashboards = [Dashboard(runs_dir, tmp_path / name, "--open", "last") for name in ("one", "other")]
    for dashboard in dashboards:
        dashboard.wait_for(run.id[-4:])
        # The run is named before there is a place that takes keys for it.
        dashboard.wait_for("update ")
    for _ in range(times(2, 20)):
        answered = len(events(run, "control"))
        for dashboard in dashboards:
            dashboard.press("p")
        assert main(["runs", "checkpoint", run.id, "--runs-dir", str(runs_dir)]) == 0
        eventually(lambda answered=answered: answers(run, dashboards) >= answered + 3, "answered to all three")
    assert main(["runs", "stop", run.id, "--runs-dir", str(runs_dir)]) == 0
    for dashboard in dashboards:
        dashboard.wait_for("stopped")
        dashboard.leave()
    assert len(events(run, "run_ended")) == 1
    requests = [json.loads(line) for line in run.paths.control.read_text().splitlines() if line]
    assert Counter(event["data"]["id"] for event in events(run, "control")) == Counter(r["id"] for r in requests)
    assert {request["type"] for request in requests} >= {"pause", "checkpoint"}
