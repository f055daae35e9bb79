"""A batch of environments as a picture of characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from motrix_core.envs.sketch import sketch_of
from motrix_core.runs.text import plain
from motrix_core.sim.geoms import Bodies, GeomPoses
from motrix_core.view.camera import AXES, Camera, Frame, Side, fixed_frame
from motrix_core.view.canvas import BRAILLE, DOTS_X, DOTS_Y, Canvas, Charset
from motrix_core.view.ground import draw_ground
from motrix_core.view.outlines import outlines, rotations

FloatArray = NDArray[np.floating]
View = Literal["auto", "side", "top"]
VIEWS: tuple[View, ...] = ("auto", "side", "top")

MOST_ROWS = 16
"""Most environments of a picture."""

_GROUND = ("plane", "hfield")
_FLAT = 0.05
_MOST_ZOOM_OUT = 3.0


class Scene:
    """Draws environments of `env`: the geoms of its simulation, of the `bodies` that it brings, or its `sketch`.

    `view` "auto" looks from above at what moves in a horizontal plane only, and from the side at everything else.
    """

    def __init__(self, env: Any, *, view: View = "auto") -> None:
        self._env = env
        self._bodies: Bodies | None = getattr(env, "physics", None) or getattr(env, "bodies", None)
        self._asked: View = view
        # It follows the bodies of the worlds that were drawn last.
        self._camera_of: tuple[tuple[int, ...], Camera] | None = None
        self._reach: float | None = None
        self._largest_reach = 0.0

    @property
    def can_draw(self) -> bool:
        """Whether there is anything to see."""
        return self._bodies is not None or sketch_of(self._env, [0]) is not None

    @property
    def view(self) -> View:
        return self._asked

    @view.setter
    def view(self, view: View) -> None:
        self._asked = view
        self._camera_of, self._reach = None, None

    def picture(
        self,
        rows: Sequence[int],
        width: int,
        height: int,
        captions: Sequence[tuple[str, ...]] = (),
        charset: Charset = BRAILLE,
    ) -> list[str]:
        """The environments `rows` side by side in `height` lines of `width` characters.

        Each has its caption, if there is one, in its uppermost line: the first of its wordings that fits.
        """
        columns, cell_width, cell_height = arrange(len(rows), width, height)
        gap = " " if columns > 1 and cell_width > 1 else ""
        cell_width -= len(gap)
        head = 1 if captions and cell_height > 1 else 0
        cells = self._cells(rows, cell_width, cell_height - head, charset)
        lines: list[str] = []
        for first in range(0, len(rows), columns):
            if head:
                words = [_that_fits(caption, cell_width) for caption in captions[first : first + columns]]
                lines.append(gap.join(f"{word[:cell_width]:<{cell_width}}" for word in words))
            lines += [gap.join(parts) for parts in zip(*cells[first : first + columns], strict=True)]
        return [f"{line:<{width}}" for line in [*lines, *[""] * (height - len(lines))]]

    def _cells(self, rows: Sequence[int], width: int, height: int, charset: Charset) -> list[list[str]]:
        if self._bodies is not None:
            return self._draw_bodies(self._bodies, rows, width, height, charset)
        sketch = sketch_of(self._env, rows)
        if sketch is None:
            return [[" " * width] * height for _ in rows]
        frame = fixed_frame(sketch.bounds, width, height)
        canvas = Canvas(width, height, len(rows))
        which = np.arange(len(rows))[:, None]
        for line in sketch.lines:
            dots = frame.dots(line)
            canvas.segments(dots[:, :-1], dots[:, 1:], which)
        return canvas.pictures(charset)

    # Bodies of a simulation.

    def _draw_bodies(
        self, bodies: Bodies, rows: Sequence[int], width: int, height: int, charset: Charset
    ) -> list[list[str]]:
        geoms = bodies.geoms
        poses = bodies.geom_poses(list(rows))
        solid = [index for index, geom in enumerate(geoms) if geom.shape not in _GROUND]
        ground = [index for index, geom in enumerate(geoms) if geom.shape in _GROUND]
        moving = [index for index in solid if geoms[index].moves] or solid
        view = self._side(poses, moving)
        corners = outlines(
            [geoms[i] for i in solid], GeomPoses(poses.positions[:, solid], poses.quaternions[:, solid]), AXES[view]
        )
        first = moving[0] if moving else 0
        focus = poses.positions[:, first] @ AXES[view].T if geoms else np.zeros((len(rows), 2))
        reach = self._reach_of(corners[:, [solid.index(index) for index in moving]], focus)
        frame = self._camera(rows).frame(focus, reach, width, height)
        canvas = Canvas(width, height, len(rows))
        depths = poses.positions[:, first, 1] if geoms else np.zeros(len(rows))
        for index in ground:
            turned = rotations(poses.quaternions[:, index])
            draw_ground(canvas, frame, view, geoms[index], poses.positions[:, index], turned, depths)
        _draw_outlines(canvas, frame, corners)
        return canvas.pictures(charset)

    def _camera(self, rows: Sequence[int]) -> Camera:
        if self._camera_of is None or self._camera_of[0] != tuple(rows):
            self._camera_of = (tuple(rows), Camera())
        return self._camera_of[1]

    def _side(self, poses: GeomPoses, moving: Sequence[int]) -> Side:
        if self._asked == "auto":
            spread = np.ptp(poses.positions[:, moving], axis=1).max(axis=0) if moving else np.ones(3)
            # Decided once, by the first picture: a view that changed by itself would only confuse.
            self._asked = "top" if spread[2] < _FLAT * max(spread[0], spread[1]) else "side"
        return self._asked

    def _reach_of(self, corners: FloatArray, focus: FloatArray) -> float:
        """The distance from the followed body within which everything that moves has been so far, m."""
        away = np.linalg.norm(corners - focus[:, None, None, :], axis=-1)
        away = away[np.isfinite(away)]
        now = float(away.max()) if away.size else 1.0
        if self._reach is None:
            self._reach = now
            self._largest_reach = _MOST_ZOOM_OUT * now
        # What has flown off for good must not shrink the rest to a dot.
        self._reach = max(self._reach, min(now, self._largest_reach))
        return self._reach


def arrange(count: int, width: int, height: int) -> tuple[int, int, int]:
    """Columns of a grid of `count` pictures, and the characters of each: width and height. They are as large as can be.

    Raises `ValueError` for no pictures at all.
    """
    if count < 1:
        raise ValueError("a picture needs at least one environment")

    def size(columns: int) -> int:
        rows = -(-count // columns)
        return min(width // columns * DOTS_X, height // rows * DOTS_Y)

    columns = max(range(1, count + 1), key=size)
    return columns, max(width // columns, 1), max(height // -(-count // columns), 1)


def _that_fits(wordings: tuple[str, ...], width: int) -> str:
    """The first of `wordings` that is no longer than `width`, or what there is room for of the last."""
    shown = [plain(wording) for wording in wordings]
    return next((wording for wording in shown if len(wording) <= width), plain(wordings[-1], limit=width))


def _draw_outlines(canvas: Canvas, frame: Frame, corners: FloatArray) -> None:
    """Closed lines through `corners`, (worlds, geoms, corners, 2) m."""
    dots = frame.dots(corners)
    canvas.segments(dots, np.roll(dots, -1, axis=2), np.arange(len(corners))[:, None, None])
