"""The ground that robots stand on: planes and height fields. Its marks show that the robot moves, not the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.geoms import Geom, HeightField
from motrix_core.view.camera import Frame, Side, round_step
from motrix_core.view.canvas import DOTS_X, Canvas

FloatArray = NDArray[np.floating]

_MARKS = 6
_MARK_DOTS = 2
_STEEP = 0.1


def draw_ground(
    canvas: Canvas, frame: Frame, view: Side, geom: Geom, positions: FloatArray, turned: FloatArray, depths: FloatArray
) -> None:
    """Draw the plane or height field `geom` of every world, whose centre is at `positions`, (worlds, 3), turned by
    `turned`, (worlds, 3, 3).

    In the side view it is cut where the body is, at `depths`, (worlds,) m along y.
    """
    if view == "top":
        half = geom.ground.half_size if geom.ground is not None else geom.size[:2]
        _draw_from_above(canvas, frame, positions, half)
    elif geom.ground is not None:
        _draw_profile(canvas, frame, geom.ground, positions, depths)
    elif geom.shape == "plane":
        _draw_plane(canvas, frame, geom, positions, turned[..., 2], depths)


def _draw_plane(
    canvas: Canvas, frame: Frame, geom: Geom, positions: FloatArray, normals: FloatArray, depths: FloatArray
) -> None:
    half = geom.size[0] if geom.size[0] > 0 else np.inf
    left, right = _visible(frame, positions, half)
    # Upright planes are not drawn: what is not finite is not.
    left = np.where(np.abs(normals[:, 2]) < _STEEP, np.nan, left)

    def at(x: FloatArray) -> FloatArray:
        sideways = normals[:, 0, None] * (x - positions[:, 0, None])
        inwards = normals[:, 1, None] * (depths - positions[:, 1])[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = positions[:, 2, None] - (sideways + inwards) / normals[:, 2, None]
        return frame.dots(np.stack([x, z], axis=-1))

    _draw_line(canvas, at(np.stack([left, right], axis=1)), at(_marks(frame, left, right)))


def _draw_profile(canvas: Canvas, frame: Frame, ground: HeightField, positions: FloatArray, depths: FloatArray) -> None:
    rows, columns = ground.heights.shape
    half_x, half_y = ground.half_size
    if rows < 2 or columns < 2:
        return
    left, right = _visible(frame, positions, half_x)
    row = np.rint(_grid_index(depths - positions[:, 1], half_y, rows)).astype(np.int64)[:, None]

    def at(x: FloatArray) -> FloatArray:
        index = _grid_index(x - positions[:, 0, None], half_x, columns)
        before = np.minimum(index.astype(np.int64), columns - 2)
        share = index - before
        heights = (1 - share) * ground.heights[row, before] + share * ground.heights[row, before + 1]
        return frame.dots(np.stack([x, positions[:, 2, None] + heights], axis=-1))

    _draw_line(canvas, at(np.linspace(left, right, canvas.width * DOTS_X, axis=1)), at(_marks(frame, left, right)))


def _grid_index(away: FloatArray, half: float, count: int) -> FloatArray:
    """Where `away` m from the middle is among `count` points between -`half` and `half`; 0 for what is no number."""
    return np.clip(np.nan_to_num((away + half) / (2 * half) * (count - 1)), 0, count - 1)


def _visible(frame: Frame, positions: FloatArray, half: float) -> tuple[FloatArray, FloatArray]:
    """From where to where ground of 2 · `half` m is to be seen in each picture, m along x; NaN where it is not."""
    reach, centre = frame.half_m[0], frame.centre[:, 0]
    left = np.maximum(centre - reach, positions[:, 0] - half)
    right = np.minimum(centre + reach, positions[:, 0] + half)
    return np.where(left < right, left, np.nan), right


def _draw_line(canvas: Canvas, line: FloatArray, marks: FloatArray) -> None:
    """Draw lines through dots, (pictures, corners, 2), and small strokes below `marks`, (pictures, marks, 2)."""
    which = np.arange(len(line))[:, None]
    canvas.segments(line[:, :-1], line[:, 1:], which)
    canvas.segments(marks, marks + np.array([0.0, _MARK_DOTS]), which)


def _draw_from_above(canvas: Canvas, frame: Frame, positions: FloatArray, half: tuple[float, ...]) -> None:
    """The edge, and a dot at every crossing of a grid."""
    (reach_x, reach_y), (x, y) = frame.half_m, frame.centre.T
    right, up = _marks(frame, x - reach_x, x + reach_x), _marks(frame, y - reach_y, y + reach_y)
    grid = np.stack(np.broadcast_arrays(right[:, None, :], up[:, :, None]), axis=-1)
    which = np.arange(len(positions))
    canvas.points(frame.dots(grid), which[:, None, None])
    if half[0] > 0 and half[1] > 0:
        corners = positions[:, None, :2] + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(half[:2])
        edge = frame.dots(corners)
        canvas.segments(edge, np.roll(edge, -1, axis=1), which[:, None])


def _marks(frame: Frame, left: FloatArray, right: FloatArray) -> FloatArray:
    """Round numbers of metres between `left` and `right`, (pictures,), as (pictures, marks); NaN behind the last."""
    reach = frame.half_m[0]
    step = round_step(2 * reach / _MARKS)
    first = np.ceil(left / step)
    most = np.nan_to_num(right - left).max(initial=0.0)
    numbers = first[:, None] + np.arange(int(most / step) + 1)
    return np.where(numbers <= np.floor(right / step)[:, None], numbers * step, np.nan)
