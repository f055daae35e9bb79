"""What MuJoCo warns of, in our log."""

from __future__ import annotations

import logging

import pytest

mujoco = pytest.importorskip("mujoco")

from motrix_core.sim import mujoco_log  # noqa: E402


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mujoco_log, "_told", set())
    mujoco_log.log_warnings()


def test_each_of_a_batch_of_models_that_is_warned_of_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    told = mujoco.get_mju_user_warning()
    assert told is not None
    with caplog.at_level(logging.WARNING, "motrix_core.sim.mujoco_log"):
        for _ in range(64):
            told("compiler attribute 'settotalmass' is deprecated\n")
        told("QACC at DOF 0 is huge, 100 % of it")
    assert caplog.messages == ["compiler attribute 'settotalmass' is deprecated", "QACC at DOF 0 is huge, 100 % of it"]


def test_a_stream_of_different_warnings_is_not_remembered_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    told = mujoco.get_mju_user_warning()
    assert told is not None
    with caplog.at_level(logging.WARNING, "motrix_core.sim.mujoco_log"):
        for step in range(2500):
            told(f"unstable at {step}")
    assert len(caplog.messages) == 2500
    assert len(mujoco_log._told) <= 1000
