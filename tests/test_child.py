"""Python processes that are started here find their modules, whatever files the working directory has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from motrix_core.child import code_command, module_command

ROOT = Path(__file__).parents[1]
# The program, what it needs on its way, and what runs it.
SHADOWS = ("json", "argparse", "types", "runpy", "platform")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose files must not be imported."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working directory was imported')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(command: list[str], given: str = "", **environ: str) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, env={**os.environ, **environ})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_files_of_the_working_directory_are_not_imported_in_place_of_others(hostile: Path) -> None:
    assert said(module_command("json.tool", "--compact"), '{"a": 1}') == '{"a":1}\n'
    assert said(code_command("import json, sys\nprint(json.dumps(sys.argv[1:]))", "a", "b")) == '["a", "b"]\n'


def test_what_pythonpath_names_is_kept_the_working_directory_too(hostile: Path) -> None:
    (hostile / "mine").mkdir()
    (hostile / "mine" / "beside.py").write_text("import sys\nprint(sys.argv[1:], __name__)\n")
    for place in (str(hostile / "mine"), "mine"):
        assert said(module_command("beside", "x"), PYTHONPATH=place) == "['x'] __main__\n"
    (hostile / "here.py").write_text("print('here')\n")
    done = subprocess.run(module_command("here"), capture_output=True, text=True, env={"PYTHONPATH": ""})
    assert done.returncode != 0 and "No module named here" in done.stderr
    for name in SHADOWS:
        (hostile / f"{name}.py").unlink()
    assert said(module_command("here"), PYTHONPATH=str(hostile)) == "here\n"


def test_a_program_looks_like_one_that_was_started_by_m(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import sys\nprint(sys.argv, __spec__.name, sys.modules['__main__'].__spec__.name)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ours = said(module_command("package", "--flag", "word"))
    assert ours == said([sys.executable, "-m", "package", "--flag", "word"])
    assert "'--flag', 'word'] package.__main__ package.__main__" in ours


def test_the_modules_name_is_an_argument_of_the_process() -> None:
    assert module_command("motrix_core.learn", "RUN")[-2:] == ["motrix_core.learn", "RUN"]


def test_no_other_place_makes_such_command_lines() -> None:
    sources = [path for room in ("motrix_core", "motrix_tui") for path in (ROOT / room).rglob("*.py")]
    makers = {
        path.name
        for path in sources
        if re.search(r"""["']-m["']|executable, ["']-c["']""", path.read_text(encoding="utf-8"))
    }
    assert makers == set()
