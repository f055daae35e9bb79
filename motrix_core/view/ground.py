"""The ground that robots stand on: planes and height fields. Its marks show that the robot moves, not the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motrix_core.sim.geoms import Geom, HeightField
from motrix_core.view.camera import Frame, Side, round_step
from motrix_core.view.canvas import Canvas

FloatArray = NDArray[np.floating]

_MARKS = 6
_MARK_DOTS = 2
_STEEP = 0.1


def draw_ground(
    canvas: Canvas, frame: Frame, view: Side, geom: Geom, position: FloatArray, rotation: FloatArray, depth: float
) -> None:
    """Draw the plane or height field `geom`, whose centre is at `position`, (3,), turned by `rotation`, (3, 3).

    In the side view it is cut where the body is, at `depth` m along y.
    """
    if view == "top":
        half = geom.ground.half_size if geom.ground is not None else geom.size[:2]
        _draw_from_above(canvas, frame, position, half)
    elif geom.ground is not None:
        _draw_profile(canvas, frame, geom.ground, position, depth)
    elif geom.shape == "plane":
        _draw_plane(canvas, frame, geom, position, rotation[:, 2], depth)


def _draw_plane(
    canvas: Canvas, frame: Frame, geom: Geom, position: FloatArray, normal: FloatArray, depth: float
) -> None:
    if abs(normal[2]) < _STEEP:
        return
    reach = frame.half_m[0]
    left, right = frame.centre[0] - reach, frame.centre[0] + reach
    if geom.size[0] > 0:
        left, right = max(left, position[0] - geom.size[0]), min(right, position[0] + geom.size[0])
    if left >= right:
        return
    x = np.concatenate([[left], _marks(frame, left, right), [right]])
    z = position[2] - (normal[0] * (x - position[0]) + normal[1] * (depth - position[1])) / normal[2]
    _draw_line(canvas, frame, x, z, marked=slice(1, -1))


def _draw_profile(canvas: Canvas, frame: Frame, ground: HeightField, position: FloatArray, depth: float) -> None:
    rows, columns = ground.heights.shape
    half_x, half_y = ground.half_size
    reach = frame.half_m[0]
    left = max(frame.centre[0] - reach, position[0] - half_x)
    right = min(frame.centre[0] + reach, position[0] + half_x)
    if left >= right or rows < 2 or columns < 2:
        return
    row = round((depth - position[1] + half_y) / (2 * half_y) * (rows - 1))
    grid = np.linspace(position[0] - half_x, position[0] + half_x, columns)
    x = np.union1d(np.linspace(left, right, canvas.width * 2), _marks(frame, left, right))
    z = position[2] + np.interp(x, grid, ground.heights[min(max(row, 0), rows - 1)])
    _draw_line(canvas, frame, x, z, marked=np.isin(x, _marks(frame, left, right)))


def _draw_line(
    canvas: Canvas, frame: Frame, x: FloatArray, z: FloatArray, *, marked: slice | NDArray[np.bool_]
) -> None:
    dots = frame.dots(np.stack([x, z], axis=1))
    canvas.segments(dots[:-1], dots[1:])
    marks = dots[marked]
    canvas.segments(marks, marks + np.array([0.0, _MARK_DOTS]))


def _draw_from_above(canvas: Canvas, frame: Frame, position: FloatArray, half: tuple[float, ...]) -> None:
    """The edge, and a dot at every crossing of a grid."""
    (reach_x, reach_y), (x, y) = frame.half_m, frame.centre
    grid = np.stack(np.meshgrid(_marks(frame, x - reach_x, x + reach_x), _marks(frame, y - reach_y, y + reach_y)), -1)
    canvas.points(frame.dots(grid.reshape(-1, 2)))
    if half[0] > 0 and half[1] > 0:
        corners = position[:2] + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(half[:2])
        edge = frame.dots(corners)
        canvas.segments(edge, np.roll(edge, -1, axis=0))


def _marks(frame: Frame, left: float, right: float) -> FloatArray:
    """Round numbers of metres between `left` and `right`."""
    step = round_step(2 * frame.half_m[0] / _MARKS)
    return np.arange(np.ceil(left / step), np.floor(right / step) + 1) * step
