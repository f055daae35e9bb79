"""Dashboards whose terminal goes away: they leave, and training does not notice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from faults_support import Stopwatch, receipts, times
from process_support import LIMIT_S, eventually
from real_dashboard import Dashboard

from motrix_core.runs.layout import Run
from motrix_tui.terminal import HUNG_UP_EXIT_CODE

SOON_S = 1.0


def test_a_terminal_that_goes_away_takes_the_dashboard_and_nothing_else(
    start: Callable[..., Run], run: Run, tmp_path: Path
) -> None:
    start("--interval-s", "0.02")
    eventually(lambda: len(receipts(run)) > 5, "training")
    before = run.state()
    opened = Stopwatch("from typing motrix-tui to its run on the screen")
    for index in range(times(3, 50)):
        dashboard = Dashboard(run.path.parents[1], tmp_path, "--open", "last")
        with opened.measure():
            dashboard.wait_for(run.id[-4:])
        dashboard.end(("closed", "killed", "hung up")[index % 3])
        seen = len(receipts(run))
        eventually(lambda seen=seen: len(receipts(run)) > seen, "training on")
    after = run.state()
    assert (after.supervisor, after.trainer, len(after.segments)) == (before.supervisor, before.trainer, 1)
    # Told and not judged: how fast a machine starts Python decides most of it.
    opened.tell(SOON_S)


def test_a_terminal_that_goes_away_without_a_signal_is_noticed(run: Run, tmp_path: Path) -> None:
    # As under nohup, or when the terminal is another session's: the kernel has nobody to tell.
    dashboard = Dashboard(run.path.parents[1], tmp_path, "--open", "last", controlling=False)
    dashboard.wait_for(run.id[-4:])
    dashboard.end("closed")
    assert dashboard.process.returncode == HUNG_UP_EXIT_CODE


def test_a_browsers_dashboard_ends_with_its_server(run: Run, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    argv = [sys.executable, "-m", "motrix_tui", "--runs-dir", str(run.path.parents[1]), "--open", "last"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"__GANGLION__\n"
        # A server that is killed closes all of its ends and says nothing.
        process.stdin.close()
        assert process.wait(LIMIT_S) == HUNG_UP_EXIT_CODE
