"""`motrix config show` and the reference page."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pytest

from motrix_core.commands import config as command
from motrix_core.commands.own_env import TEMPLATE
from motrix_core.config import ConfigSources, reference
from motrix_core.config.fields import form_fields
from motrix_core.errors import ConfigError, UnknownName, UsageError


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTRIX_BACKEND", raising=False)
    monkeypatch.delenv("MOTRIX_SIM", raising=False)


def show(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    return command.run(parser.parse_args(["config", "show", *words]))


def test_the_table_shows_every_value_and_its_source(capsys: pytest.CaptureFixture[str]):
    assert show("--env", "cartpole", "--backend", "jax", "--set", "ppo.seed=7", "--set", "env.episode_s=8") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ppo.seed", "7", "--set"] in lines
    assert ["ppo.max_env_steps", "10", "000", "000", "env", "steps", "registry", "default"] in lines
    assert ["env_options.episode_s", "8", "--set"] in lines
    assert {field.path for field in form_fields()} <= {line[0] for line in lines if line}
    assert "153 updates · 10 027 008 env steps" in " ".join(" ".join(line) for line in lines)


def test_text_that_looks_like_markup_stays_text(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    shutil.copy(TEMPLATE, tmp_path / "mine.py")
    assert show("--env-module", str(tmp_path / "mine.py"), "--backend", "jax", "--set", "env.mass_kg=[red]x") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["env_options.mass_kg", "[red]x", "--set"] in lines


def test_an_option_that_the_environment_has_not_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ConfigError, match=r"env\.nosuch=1 is not an option of cartpole; it has env\.episode_s"):
        show("--env", "cartpole", "--backend", "jax", "--set", "env.nosuch=1")
    assert capsys.readouterr().out == ""


def test_a_narrow_terminal_cuts_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show("--env", "cartpole", "--backend", "jax")
    assert "…" not in capsys.readouterr().out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]):
    show("--env", "cartpole", "--backend", "torch", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["config"]["backend"] == "torch" and document["sources"]["backend"] == "flag"
    assert document["derived"]["updates"] == 153
    assert document["command"][:4] == ["motrix-tui", "--run", "--env", "cartpole"]


def test_toml_is_a_file_for_config(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    show("--env", "dm-walker", "--backend", "torch", "--set", "ppo.seed=random", "--toml")
    file = tmp_path / "a.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    wanted = ConfigSources(sets=["ppo.seed=random"]).build("dm-walker", "torch").config
    assert ConfigSources(file=file).build("dm-walker", "torch").config == wanted


def test_the_backend_may_come_from_the_environment_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MOTRIX_BACKEND", "torch")
    show("--env", "cartpole")
    assert "environment variable MOTRIX_BACKEND" in capsys.readouterr().out


def test_what_cannot_be_shown_is_a_usage_error():
    with pytest.raises(UsageError, match=r"no environment given; type --env NAME, one of: .*cartpole"):
        show()
    with pytest.raises(UnknownName, match="did you mean cartpole"):
        show("--env", "cartpol", "--backend", "jax")
    with pytest.raises(ConfigError, match="backend=jx must be one of"):
        show("--env", "cartpole", "--backend", "jx")
    with pytest.raises(ConfigError, match="try 4"):
        show("--env", "cartpole", "--backend", "jax", "--set", "ppo.mini_batches=3")


def test_the_reference_page_is_up_to_date():
    written = reference.PAGE.read_text(encoding="utf-8")
    assert written == reference.page(), "run python -m motrix_core.config.reference"
