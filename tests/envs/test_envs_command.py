from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys

import pytest

from motrix_core.commands import envs
from motrix_core.envs.catalog import BUILTIN, ENTRY_POINT_GROUP


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    envs.add_parser(parser.add_subparsers())
    return envs.run(parser.parse_args(["envs", *arguments]))


def test_the_table_has_one_unbroken_line_for_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(BUILTIN)
    for spec, line in zip(BUILTIN, lines[1:], strict=True):
        assert line.startswith(spec.name)
        assert spec.description in line
        assert f"{spec.max_episode_steps} steps" in line


def test_discrete_actions_are_counted_and_have_no_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "3 discrete" in rows["acrobot"] and "[" not in rows["acrobot"]
    assert "1 in [-2, 2]" in rows["pendulum"]
    assert run("--json") == 0
    entries = {entry["name"]: entry["n_actions"] for entry in json.loads(capsys.readouterr().out)}
    assert (entries["acrobot"], entries["pendulum"]) == (3, None)


def test_json_is_one_document_with_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(entries) == [spec.name for spec in BUILTIN]
    assert entries["cartpole"]["sims"] == ["motrixsim", "mujoco"]
    assert entries["cartpole"]["max_episode_steps"] == 1000
    assert entries["pendulum"]["success_return"] == -250.0


def test_a_plugins_words_reach_the_terminal_as_words_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [
        importlib.metadata.EntryPoint("mine", "plugin_module:ONE", ENTRY_POINT_GROUP),
        importlib.metadata.EntryPoint("broken", "plugin_that_is_not_there:SPEC", ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda *, group: points)
    assert run() == 0
    out = capsys.readouterr().out
    assert "[red]A pendulum [2J of my own[/red]." in out
    assert "\x1b" not in out
    assert "cannot be used: ModuleNotFoundError" in out
    assert run("--json") == 0
    broken = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}["broken"]
    assert broken["max_episode_steps"] is None
    assert "plugin_that_is_not_there" in broken["error"]


def test_the_command_imports_no_simulator() -> None:
    program = (
        "import argparse, sys\n"
        "from motrix_core.commands import envs\n"
        "parser = argparse.ArgumentParser()\n"
        "envs.add_parser(parser.add_subparsers())\n"
        "envs.run(parser.parse_args(['envs']))\n"
        "loaded = [name for name in ('motrixsim', 'mujoco', 'gymnasium', 'torch', 'jax') if name in sys.modules]\n"
        "sys.exit(', '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
