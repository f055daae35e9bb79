"""Short pictures of the environments that ship with this package, drawn beforehand: to be shown without a simulator.

`python -m motrix_core.view.make_clips` draws them again.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from motrix_core.view.canvas import BRAILLE, Charset, lines_of

WIDTH, HEIGHT = 30, 9
"""Characters of a picture."""

FILE = Path(__file__).with_name("clips.npz")


@dataclass(frozen=True, eq=False)
class Clip:
    """Pictures in their order, to be shown over and over. `codes` are the bits of their braille characters, uint8,
    (pictures, HEIGHT, WIDTH)."""

    codes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.codes)

    def lines(self, index: int, charset: Charset = BRAILLE) -> list[str]:
        """The picture `index` as HEIGHT strings of WIDTH characters."""
        return lines_of(self.codes[index], charset)

    def changes(self, index: int, before: int) -> list[int]:
        """The lines in which the pictures `index` and `before` differ."""
        return np.flatnonzero((self.codes[index] != self.codes[before]).any(axis=1)).tolist()


def load_clip(env: str, path: Path = FILE) -> Clip | None:
    """The clip of the catalog's environment `env`, None if it has none. Raises OSError or ValueError for a file that
    is not there or damaged."""
    try:
        # Opened here because NumPy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as clips:
            if env not in clips.files:
                return None
            codes = clips[env]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if codes.dtype != np.uint8 or codes.ndim != 3 or codes.shape[1:] != (HEIGHT, WIDTH) or not len(codes):
        raise ValueError(f"{path}: {env} is {codes.dtype} of shape {codes.shape}, not pictures of {WIDTH}x{HEIGHT}")
    return Clip(codes)
