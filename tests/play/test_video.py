from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from motrix_core.errors import MissingExtra, UsageError
from motrix_core.play import video


def test_a_film_has_to_be_of_a_kind_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"film.avi must end in .mp4 or .gif; try --video film.gif"):
        video.check_can_record(tmp_path / "film.avi", "cartpole")


def test_the_folder_of_a_film_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the folder .*nowhere does not exist"):
        video.check_can_record(tmp_path / "nowhere" / "film.gif", "cartpole")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Packages that are not installed."""
    missing: list[str] = []
    find = video.importlib.util.find_spec
    monkeypatch.setattr(video.importlib.util, "find_spec", lambda name: None if name in missing else find(name))
    return missing


def test_what_encodes_an_mp4_is_named_where_it_is_missing(
    tmp_path: Path, without: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without.append("imageio_ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs the program ffmpeg.*or record a \.gif"):
        video.check_can_record(tmp_path / "film.mp4", "cartpole")


def test_what_encodes_a_gif_is_named_where_it_is_missing(tmp_path: Path, without: list[str]) -> None:
    without.append("PIL")
    with pytest.raises(UsageError, match="pip install pillow"):
        video.check_can_record(tmp_path / "film.gif", "cartpole")


def test_without_mujoco_nothing_can_be_drawn(
    tmp_path: Path, without: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without.append("mujoco")
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtra, match="mujoco"):
        video.check_can_record(tmp_path / "film.mp4", "cartpole")


def test_a_machine_that_cannot_draw_off_screen_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_TRY", "raise RuntimeError('no EGL device')")
    with pytest.raises(UsageError, match=r"egl: RuntimeError: no EGL device; osmesa: .*libegl1"):
        video._working_backend()


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((video.HEIGHT, video.WIDTH, 3), 20 * index, np.uint8) for index in range(count)]


def test_a_gif_has_every_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    assert video._write_gif(tmp_path / "film.gif", iter(pictures(5))) == 5
    with image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 5
        assert film.size == (video.WIDTH, video.HEIGHT)
        assert film.info["duration"] == 40


def fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\nimport sys\n{program}\n")
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_an_encoder_is_given_raw_pictures_and_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "assert '640x480' in sys.argv\nopen(sys.argv[-1], 'wb').write(sys.stdin.buffer.read())"
    fake_ffmpeg(tmp_path, monkeypatch, program)
    assert video._write_mp4(tmp_path / "film.mp4", iter(pictures(3))) == 3
    assert (tmp_path / "film.mp4").read_bytes() == b"".join(picture.tobytes() for picture in pictures(3))


def test_an_encoder_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "sys.exit('Unknown encoder')")
    with pytest.raises(UsageError, match="cannot encode the film: Unknown encoder"):
        video._write_mp4(tmp_path / "film.mp4", iter(pictures(3)))
