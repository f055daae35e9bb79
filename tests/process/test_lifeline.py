from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from motrix_core.process.lifeline import LIFELINE_VARIABLE, Lifeline

ROOT = Path(__file__).parents[2]


def test_a_lifeline_is_lost_when_the_other_end_closes() -> None:
    reader, writer = os.pipe()
    environ = {LIFELINE_VARIABLE: str(reader)}
    lifeline = Lifeline.from_environment(environ)
    assert environ == {}
    assert not lifeline.lost
    lost = threading.Event()
    lifeline.watch(lost.set)
    assert not lost.is_set()
    os.close(writer)
    assert lost.wait(30)
    assert lifeline.lost
    os.close(reader)


def test_helpers_of_the_trainer_do_not_inherit_it() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    Lifeline(reader)
    assert not os.get_inheritable(reader)
    os.close(reader)
    os.close(writer)


def test_a_trainer_that_was_started_by_hand_has_nothing_to_lose() -> None:
    lifeline = Lifeline.from_environment({})
    lifeline.watch(lambda: pytest.fail("nothing was lost"))
    assert not lifeline.lost


def test_a_trainer_that_does_not_stop_by_itself_is_killed_with_its_group() -> None:
    program = (
        "import subprocess, sys, time\n"
        "from motrix_core.process.lifeline import Lifeline\n"
        "Lifeline.from_environment().watch(lambda: None, kill_after_s=0.01)\n"
        "helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, LIFELINE_VARIABLE: str(reader)},
        pass_fds=(reader,),
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        os.close(reader)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.close(writer)
        assert process.wait(30) == -signal.SIGKILL
        # The helper holds the pipe too: its end is what lets this read return.
        assert process.stdout.read() == b""
