from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from motrix_core.process import identity as identity_module
from motrix_core.process.identity import send_signal
from motrix_core.runs.identity import Identity, boot_id, identity_of


@pytest.fixture(params=[True, False], ids=["by descriptor", "by number"])
def sleeper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    if not request.param:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def identity(process: subprocess.Popen[bytes]) -> Identity:
    found = identity_of(process.pid)
    assert found is not None
    return found


def test_the_process_that_is_meant_gets_the_signal(sleeper: subprocess.Popen[bytes]) -> None:
    assert send_signal(identity(sleeper), boot_id(), signal.SIGKILL)
    assert sleeper.wait(30) == -signal.SIGKILL


def test_a_process_that_got_the_same_number_never_does(sleeper: subprocess.Popen[bytes]) -> None:
    earlier = replace(identity(sleeper), create_time=identity(sleeper).create_time - 0.01)
    assert not send_signal(earlier, boot_id(), signal.SIGKILL)
    assert sleeper.poll() is None


def test_nor_does_one_of_another_boot(sleeper: subprocess.Popen[bytes]) -> None:
    assert not send_signal(identity(sleeper), "another boot", signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_process_that_has_ended_is_gone_even_before_its_parent_knows(sleeper: subprocess.Popen[bytes]) -> None:
    known = identity(sleeper)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not send_signal(known, boot_id(), signal.SIGTERM)
    sleeper.wait(30)
    assert not send_signal(known, boot_id(), signal.SIGTERM)


def test_a_number_that_changes_hands_after_it_was_looked_up_is_safe(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended_meanwhile(pid: int) -> Identity | None:
        found = identity_of(pid)
        sleeper.kill()
        sleeper.wait(30)
        return found

    known = identity(sleeper)
    monkeypatch.setattr(identity_module, "identity_of", ended_meanwhile)
    assert not send_signal(known, boot_id(), signal.SIGTERM)
