from __future__ import annotations

from pathlib import Path

import pytest

from motrix_tui.settings import Settings


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "settings.toml")
    assert (settings.theme, settings.problem) == ("night", None)
    assert not settings.path.exists()


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.toml"
    settings = Settings.load(path)
    settings.theme = "paper"
    settings.save()
    assert Settings.load(path).theme == "paper"
    assert [file.name for file in path.parent.iterdir()] == ["settings.toml"]


def test_keys_of_a_newer_version_survive_saving(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('theme = "ember"\n[layout]\ncolumns = 3\n')
    settings = Settings.load(path)
    settings.theme = "clear"
    settings.save()
    assert "columns = 3" in path.read_text()
    assert Settings.load(path).theme == "clear"


@pytest.mark.parametrize("content", [b'theme = "night', b"\xff\xfe", b'theme = "purple"', b"theme = 3"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    settings = Settings.load(path)
    assert settings.theme == "night"
    assert settings.problem is not None and str(path) in settings.problem
    settings.theme = "paper"
    settings.save()
    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path)
    assert settings.problem is not None and str(tmp_path) in settings.problem
