"""The examples of docs/your-own-environment.md, run as they stand: files written, commands typed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import typed

from motrix_core.commands.own_env import TEMPLATE

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "your-own-environment.md").read_text()
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
# A run of a few updates says as much as one that learns.
SHORT = "--backend torch --num-envs 4 --max-env-steps 64 --quiet --set ppo.rollouts=8 --set ppo.mini_batches=2"
pytestmark = pytest.mark.real


def type_in(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    if words[0].startswith("PYTHONPATH="):
        environ["PYTHONPATH"] = os.pathsep.join((words.pop(0).partition("=")[2], str(ROOT)))
    assert words[0] == "motrix"
    words = [word.replace("~", str(folder)) if word.startswith("~") else word for word in words]
    if words[1] == "run":
        words += [*SHORT.split(), "--runs-dir", str(folder / "runs")]
    argv = [sys.executable, "-m", "motrix_core.cli", *words[1:]]
    return subprocess.run(argv, capture_output=True, text=True, cwd=folder, env=environ)


def commands(section: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", SECTIONS[section], re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.parametrize(("section", "number"), [("A file", 2), ("Gymnasium", 4), ("MotrixLab-S1", 3)])
def test_every_example_of_the_page_works_as_it_stands(tmp_path: Path, section: str, number: int) -> None:
    shutil.copytree(ROOT / "tests" / "fakes" / "motrixlab", tmp_path / "MotrixLab")
    for how, name, text in re.findall(r"```\w+ (file|add)=(\S+)\n(.*?)```", SECTIONS[section], re.DOTALL):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text if how == "file" else path.read_text() + text)
    typed = commands(section)
    assert len(typed) == number
    for command in typed:
        done = type_in(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    for run in (tmp_path / "runs").glob("*/*"):
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        assert events[-1]["data"]["status"] == "finished"


def test_what_new_writes_passes_its_own_checks(tmp_path: Path) -> None:
    written = type_in("motrix envs new walk-away", tmp_path)
    assert written.stdout == "walk_away.py\n"
    text = (tmp_path / "walk_away.py").read_text()
    assert "class WalkAway(NpEnv)" in text and 'entry="WalkAway"' in text and '@rlcfg("walk-away")' in text
    assert "my-env" not in text and "MyEnv" not in text
    for command in written.stderr.splitlines()[:1]:
        done = type_in(f"{command} --json", tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["passed"]
    again = type_in("motrix envs new walk-away", tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert (tmp_path / "walk_away.py").read_text() == text


@pytest.mark.parametrize("name", ["", "../up", "a b", "9lives", "x.y", "-o"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed("envs", "new", name).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "owner"), [("platform", "standard library"), ("Json", "standard library"), ("numpy", "package numpy")]
)
def test_a_file_that_would_be_imported_in_place_of_another_module_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, owner: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = typed("envs", "new", name)
    assert refused.returncode == 2 and list(tmp_path.iterdir()) == []
    file = f"{name.lower()}.py"
    assert (
        f"{file} would be imported in place of the module {name.lower()}" in refused.stderr and owner in refused.stderr
    )
    assert typed("envs", "new", "my-env", "-o", file).returncode == 2
    mended = typed("envs", "new", name, "-o", f"{name.lower()}_env.py")
    assert mended.returncode == 0, mended.stderr
    assert f"name another file, say -o {name.lower()}_env.py" in refused.stderr


def test_the_template_says_where_it_is_explained() -> None:
    assert re.search(r"docs/your-own-environment\.md", TEMPLATE.read_text())


def test_an_environment_that_cannot_be_saved_says_so_once_and_again_when_it_is_resumed(tmp_path: Path) -> None:
    run = Path(type_in("motrix run --env gym:Pendulum-v1", tmp_path).stdout.strip())
    assert run.parent.name == "gym+Pendulum-v1"
    argv = [sys.executable, "-m", "motrix_core.cli", "run", "--resume", str(run), "--max-env-steps", "128", "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    warnings = [event["data"]["message"] for event in events if event["type"] == "warning"]
    assert warnings == [
        "gym:Pendulum-v1 cannot save its state: when this run is resumed, new episodes begin",
        "gym:Pendulum-v1 has no saved state: new episodes begin in every environment",
    ]
    assert events[-1]["env_steps"] == 128
