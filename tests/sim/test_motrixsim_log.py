from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sim_engines import needs

from motrix_core.errors import EnvironmentFailed
from motrix_core.sim import motrixsim_log
from motrix_core.sim.loader import load_sim

MODEL = """<mujoco model="ball">
  <worldbody>
    <geom type="plane" size="1 1 1"/>
    <body name="ball" pos="0 0 1">
      <joint name="hinge" type="hinge" axis="0 1 0" dampin="0.1"/>
      <geom type="sphere" size="0.1"/>
    </body>
  </worldbody>
  <actuator><motor joint="hinge"/></actuator>
</mujoco>
"""
HEAD = "\x1b[2m2026\x1b[0m \x1b[33m WARN\x1b[0m mjcf_parser: These fields are not support yet, will be ignored:\n"


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motrixsim_log, "_told", set())


def test_what_is_ignored_is_told_once_and_shortened(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = "".join(f"  joint@a{number} at line: {number}\n" for number in range(7))
    text = f"{HEAD}In file: /a/one.xml :\n{fields}In file: /a/two.xml :\n  geom@foo at line: 6\nanother word\n"
    with caplog.at_level(logging.WARNING):
        motrixsim_log.tell(text)
        motrixsim_log.tell(text)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("/a/one.xml: MotrixSim ignores joint@a0 in line 0, ") and first.endswith(" and 2 more")
    assert second == "/a/two.xml: MotrixSim ignores geom@foo in line 6"
    assert capsys.readouterr().err.split() == ["another", "word"] * 2


@needs("motrixsim")
def test_a_misspelt_attribute_is_named_with_its_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ball.xml"
    path.write_text(MODEL)
    with caplog.at_level(logging.WARNING):
        load_sim("motrixsim", path, num_envs=1)
    assert [record.getMessage() for record in caplog.records] == [f"{path}: MotrixSim ignores joint@dampin in line 5"]
    assert "mjcf_parser" not in capfd.readouterr().err


@needs("motrixsim")
def test_a_panic_is_one_error_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ball.xml"
    path.write_text(MODEL.replace('motor joint="hinge"', 'motor joint="hing"'))
    with pytest.raises(EnvironmentFailed, match=r"cannot load .*ball\.xml: Joint name: 'hing' not found"):
        load_sim("motrixsim", path, num_envs=1)
    assert capfd.readouterr().err == ""
