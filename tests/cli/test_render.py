"""`--render` where no window can be opened: refused before a run is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from motrix_core.cli import main


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MOTRIX_SIM", "MOTRIX_BACKEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("words", [["--render"], ["--set", "train.render=true"]])
def test_without_a_display_nothing_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    pytest.importorskip("mujoco")
    runs = tmp_path / "runs"
    assert main(["run", "--env", "cartpole", "--sim", "mujoco", "--runs-dir", str(runs), *words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "neither DISPLAY nor WAYLAND_DISPLAY is set" in said and "ssh -X" in said
    assert not runs.exists()


def test_an_environment_without_simulator_has_no_window(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert main(["run", "--env", "pendulum", "--render", "--runs-dir", str(runs)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pendulum has no simulator" in said and "leave out --render" in said
    assert not runs.exists()
