from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.registry import find_spec
from motrix_core.view.clips import FILE, HEIGHT, WIDTH, load_clip
from motrix_core.view.make_clips import FRAMES, record

MOST_BYTES = 300 << 10


def share_of_other_dots(one: np.ndarray, other: np.ndarray) -> float:
    differing = np.unpackbits(one ^ other).sum()
    return float(differing / max(1, np.unpackbits(one).sum()))


@pytest.mark.parametrize("spec", BUILTIN, ids=lambda spec: spec.name)
def test_every_environment_of_ours_has_a_picture_that_moves(spec: object) -> None:
    clip = load_clip(spec.name)  # type: ignore[attr-defined]
    assert clip is not None and len(clip) == FRAMES
    assert all(picture.any() for picture in clip.codes)
    assert len(np.unique(clip.codes, axis=0)) > FRAMES // 2


def test_all_clips_together_are_small() -> None:
    assert FILE.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("name", ["pendulum", pytest.param("cartpole", marks=pytest.mark.real)])
def test_a_clip_that_is_drawn_again_is_the_one_that_is_kept(name: str) -> None:
    if find_spec(name).sims:
        pytest.importorskip("motrixsim", reason="motrixsim is not installed")
    kept = load_clip(name)
    assert kept is not None
    # Another processor may round a position to the dot beside it.
    assert share_of_other_dots(record(find_spec(name)), kept.codes) < 0.02


def test_what_has_no_clip_has_none() -> None:
    assert load_clip("my-own") is None


def test_a_picture_is_lines_of_equal_width_and_says_what_changed() -> None:
    clip = load_clip("pendulum")
    assert clip is not None
    assert [len(line) for line in clip.lines(0)] == [WIDTH] * HEIGHT
    changed = [y for y in range(HEIGHT) if clip.lines(0)[y] != clip.lines(5)[y]]
    assert clip.changes(5, 0) == changed and clip.changes(0, 0) == []


def test_a_torn_file_of_clips_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clips.npz"
    whole = FILE.read_bytes()
    middle = len(whole) // 2
    for content in (whole[:middle], whole[:middle] + bytes(100) + whole[middle + 100 :]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"clips\.npz"):
            for spec in BUILTIN:
                load_clip(spec.name, path)


@pytest.mark.parametrize("codes", [np.zeros((3, 2, 2), np.uint8), np.zeros((3, HEIGHT, WIDTH))], ids=["shape", "type"])
def test_a_damaged_clip_is_named(tmp_path: Path, codes: np.ndarray) -> None:
    path = tmp_path / "clips.npz"
    np.savez(path, pendulum=codes)
    with pytest.raises(ValueError, match="pendulum"):
        load_clip("pendulum", path)
