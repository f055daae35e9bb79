from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from motrix_core.errors import RunsFolderError
from motrix_core.runs.location import runs_dir


def test_the_runs_folder_is_the_flags_then_the_variables_then_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    environ = {"MOTRIX_RUNS_DIR": "/data/runs"}
    assert runs_dir("mine", environ) == tmp_path / "mine"
    assert runs_dir(None, environ) == Path("/data/runs")
    assert runs_dir(None, {"MOTRIX_RUNS_DIR": ""}) == runs_dir(None, {}) == tmp_path / "runs"
    assert runs_dir("~/runs", {}) == tmp_path / "home" / "runs"
    for bad in ("", "a\0b", "~nobody-of-this-name/runs"):
        with pytest.raises(RunsFolderError):
            runs_dir(bad, environ)


def test_who_looks_for_a_run_does_not_wait_for_the_configurations_models() -> None:
    program = (
        "import sys, motrix_core.runs.location, motrix_core.runs.index, motrix_core.process.queue\n"
        "print([name for name in ('pydantic', 'numpy', 'motrix_core.config') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
