from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motrix_core.sim.geoms import Geom, GeomPoses, GeomShape
from motrix_core.view.camera import AXES
from motrix_core.view.outlines import DIRECTIONS, outlines, rotations

UPRIGHT = (1.0, 0.0, 0.0, 0.0)
ON_ITS_SIDE = (np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0)  # a quarter turn about y: z becomes x


def outline(
    shape: GeomShape,
    size: tuple[float, float, float],
    quaternion: tuple[float, ...] = UPRIGHT,
    view: str = "side",
    at: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    poses = GeomPoses(np.array([[at]], np.float32), np.array([[quaternion]], np.float32))
    return outlines([Geom("it", shape, size)], poses, AXES[view])[0, 0]  # type: ignore[index]


def extent(corners: np.ndarray) -> np.ndarray:
    return np.ptp(corners, axis=0)


def test_a_sphere_is_a_circle_from_everywhere() -> None:
    for view in ("side", "top"):
        corners = outline("sphere", (0.3, 0, 0), view=view, at=(1.0, 2.0, 3.0))
        centre = {"side": (1.0, 3.0), "top": (1.0, 2.0)}[view]
        np.testing.assert_allclose(np.linalg.norm(corners - centre, axis=1), 0.3, atol=1e-6)
        assert len(corners) == DIRECTIONS


def test_a_box_is_as_wide_and_high_as_it_is() -> None:
    np.testing.assert_allclose(extent(outline("box", (0.3, 0.2, 0.1))), [0.6, 0.2], atol=1e-6)
    np.testing.assert_allclose(extent(outline("box", (0.3, 0.2, 0.1), view="top")), [0.6, 0.4], atol=1e-6)
    np.testing.assert_allclose(extent(outline("box", (0.3, 0.2, 0.1), ON_ITS_SIDE)), [0.2, 0.6], atol=1e-6)


@pytest.mark.parametrize(("shape", "length"), [("capsule", 1.2), ("cylinder", 1.0)])
def test_long_shapes_lie_where_they_are_turned(shape: GeomShape, length: float) -> None:
    np.testing.assert_allclose(extent(outline(shape, (0.1, 0.5, 0))), [0.2, length], atol=1e-6)
    np.testing.assert_allclose(extent(outline(shape, (0.1, 0.5, 0), ON_ITS_SIDE)), [length, 0.2], atol=1e-6)


def test_a_cylinder_from_above_is_its_disc() -> None:
    corners = outline("cylinder", (0.4, 0.5, 0), view="top")
    np.testing.assert_allclose(np.linalg.norm(corners, axis=1), 0.4, atol=1e-6)


def test_an_ellipsoid_is_an_ellipse() -> None:
    x, z = outline("ellipsoid", (0.4, 0.1, 0.2)).T
    np.testing.assert_allclose((x / 0.4) ** 2 + (z / 0.2) ** 2, 1.0, atol=1e-5)


def test_ground_and_unknown_shapes_are_points() -> None:
    for shape in ("plane", "hfield", "other"):
        np.testing.assert_array_equal(extent(outline(shape, (5.0, 5.0, 1.0))), [0.0, 0.0])  # type: ignore[arg-type]


unit = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)


@given(unit, st.sampled_from(["sphere", "box", "capsule", "cylinder", "ellipsoid"]))
def test_an_outline_is_convex_and_goes_around_its_centre(quaternion: tuple[float, ...], shape: GeomShape) -> None:
    turned = np.array(quaternion) / np.linalg.norm(quaternion)
    corners = outline(shape, (0.3, 0.2, 0.25), tuple(turned))
    edges = np.roll(corners, -1, axis=0) - corners
    following = np.roll(edges, -1, axis=0)
    assert (edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0] > -1e-5).all()
    around = np.roll(corners, -1, axis=0)
    assert (corners[:, 0] * around[:, 1] - corners[:, 1] * around[:, 0]).sum() > 0


@given(unit)
def test_rotations_turn_without_stretching(quaternion: tuple[float, ...]) -> None:
    matrix = rotations(np.array(quaternion) / np.linalg.norm(quaternion))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
