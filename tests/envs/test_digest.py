"""Whether the code of a user's environment is noticed to be another."""

from __future__ import annotations

from pathlib import Path

import pytest

from motrix_core.config.schema import RunConfig
from motrix_core.envs.digest import changed_since, digest_of
from motrix_core.envs.source import CATALOG, EnvSource
from motrix_core.runs.layout import create_run


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "motrix_envs"
    (folder / "walk").mkdir(parents=True)
    (folder / "registry.py").write_text("")
    (folder / "walk" / "env.py").write_text("STEP = 1")
    return tmp_path


def record_of(tmp_path: Path, source: EnvSource) -> dict:
    config = RunConfig(env="mine", backend="jax", env_module=source.module, env_path=source.path)
    return dict(create_run(config, tmp_path / "runs", extra={}).record())


def test_a_file_is_the_same_until_a_byte_of_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("A = 1")
    source = EnvSource(module=str(path))
    record = record_of(tmp_path, source)
    assert changed_since(source, record) is None
    path.write_text("A = 2")
    told = changed_since(source, record)
    assert told is not None and str(path) in told and record["environment"]["sha256"][:12] in told
    path.write_text("A = 1")
    assert changed_since(source, record) is None


@pytest.mark.parametrize("change", ["edited", "renamed", "added"])
def test_a_checkout_is_another_when_any_of_its_code_is(checkout: Path, change: str) -> None:
    source = EnvSource(path=str(checkout))
    record = record_of(checkout, source)
    assert changed_since(source, record) is None
    env = checkout / "motrix_envs" / "walk" / "env.py"
    if change == "edited":
        env.write_text("STEP = 2")
    elif change == "renamed":
        env.rename(env.with_name("other.py"))
    else:
        env.with_name("new.py").write_text("")
    assert "is not the checkout that this run began with" in str(changed_since(source, record))


def test_what_is_not_known_is_not_claimed_to_have_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("A = 1")
    source = EnvSource(module=str(path))
    for record in ({}, {"environment": None}, {"environment": {"sha256": None}}, {"environment": {"sha256": 3}}):
        assert changed_since(source, record) is None
    record = record_of(tmp_path, source)
    path.unlink()
    assert digest_of(source) is None and changed_since(source, record) is None
    assert digest_of(CATALOG) is None and record_of(tmp_path, CATALOG)["environment"] == {"sha256": None}
