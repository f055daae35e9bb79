from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from motrix_core.envs.registry import make
from motrix_core.sim.geoms import Geom, GeomPoses, HeightField
from motrix_core.sim.loader import SIMULATORS, is_installed
from motrix_core.view.camera import Camera, round_step
from motrix_core.view.canvas import ASCII
from motrix_core.view.scene import Scene, arrange

FLOOR = Geom("floor", "plane", (0.0, 0.0, 1.0), moves=False)
BALL = Geom("ball", "sphere", (0.5, 0.0, 0.0))


class Bodies:
    """A simulation of which only the geoms' places are known: `places` (worlds, geoms, 3)."""

    def __init__(self, geoms: list[Geom], places: list[Any]) -> None:
        self.geoms, self.places = tuple(geoms), np.array(places, np.float32)

    def geom_poses(self, rows: list[int]) -> GeomPoses:
        places = self.places[rows]
        return GeomPoses(places, np.tile(np.array([1, 0, 0, 0], np.float32), (*places.shape[:2], 1)))


def scene_of(bodies: Bodies, view: Any = "side") -> Scene:
    return Scene(SimpleNamespace(physics=bodies), view=view)


def used_rows(lines: list[str]) -> list[int]:
    return [index for index, line in enumerate(lines) if line.strip()]


def test_a_ball_stands_on_the_ground_below_it() -> None:
    lines = scene_of(Bodies([FLOOR, BALL], [[[0, 0, 0], [0, 0, 0.5]]])).picture([0], 20, 10)
    assert [len(line) for line in lines] == [20] * 10
    ground = next(index for index, line in enumerate(lines) if " " not in line)
    assert used_rows(lines)[0] < ground - 4
    assert ground in (9, 8)


def test_the_picture_follows_a_body_that_goes_away() -> None:
    bodies = Bodies([BALL], [[[0, 0, 0.5]]])
    scene = scene_of(bodies)
    first = scene.picture([0], 20, 10)
    for x in np.arange(0.0, 100.0, 0.4):
        bodies.places[0, 0, 0] = x
        last = scene.picture([0], 20, 10)
    assert len("".join(last).strip()) > 0
    assert len(used_rows(last)) == len(used_rows(first))


def test_a_body_that_only_swings_is_seen_to_move() -> None:
    camera = Camera()
    first = camera.frame(np.zeros(2), 1.0, 20, 10)
    second = camera.frame(np.array([0.2, 0.1]), 1.0, 20, 10)
    np.testing.assert_array_equal(first.centre, second.centre)


def test_a_body_that_is_put_elsewhere_is_in_the_middle_again() -> None:
    camera = Camera()
    camera.frame(np.zeros(2), 1.0, 20, 10)
    np.testing.assert_array_equal(camera.frame(np.array([50.0, 0.0]), 1.0, 20, 10).centre, [50.0, 0.0])


def test_a_broken_world_is_drawn_as_nothing() -> None:
    bodies = Bodies([BALL], [[[0, 0, 0.5]]])
    scene = scene_of(bodies)
    scene.picture([0], 20, 10)
    bodies.places[:] = np.nan
    assert scene.picture([0], 20, 10) == [" " * 20] * 10


def test_what_flies_off_does_not_shrink_the_rest_to_a_dot() -> None:
    bodies = Bodies([BALL, BALL], [[[0, 0, 0.5], [1, 0, 0.5]]])
    scene = scene_of(bodies)
    scene.picture([0], 40, 20)
    bodies.places[0, 1, 2] = 1e6
    assert len(used_rows(scene.picture([0], 40, 20))) >= 3


def test_what_moves_in_a_plane_is_seen_from_above_and_the_rest_from_the_side() -> None:
    flat = scene_of(Bodies([BALL, BALL], [[[0, 0, 1], [0.5, 2, 1]]]), "auto")
    upright = scene_of(Bodies([BALL, BALL], [[[0, 0, 1], [0.5, 0, 2]]]), "auto")
    for scene in (flat, upright):
        scene.picture([0], 20, 10)
    assert (flat.view, upright.view) == ("top", "side")


def test_uneven_ground_is_drawn_as_high_as_it_is() -> None:
    heights = np.full((11, 11), 0.7, np.float32)
    heights[:, 6:] = 1.0
    step = Geom("ground", "hfield", (0, 0, 0), moves=False, ground=HeightField(heights, (5.0, 5.0)))
    lines = scene_of(Bodies([step, BALL], [[[0, 0, 0], [0, 0, 1.2]]])).picture([0], 40, 20, charset=ASCII)

    def lowest(column: int) -> int:
        return max(index for index, line in enumerate(lines) if line[column] != " ")

    assert lowest(39) < lowest(0)


def test_captions_stand_above_their_pictures_and_cannot_break_the_terminal() -> None:
    bodies = Bodies([BALL], [[[0, 0, 0.5]], [[0, 0, 0.5]]])
    lines = scene_of(bodies).picture([0, 1], 40, 10, [("one",), ("\x1b[2Jtwo",)])
    assert lines[0].startswith("one ")
    assert "\\x1b[2Jtwo" in lines[0] and "\x1b" not in lines[0]


def test_neighbours_are_told_apart_and_a_caption_is_shortened_rather_than_cut() -> None:
    bodies = Bodies([FLOOR, BALL], [[[0, 0, 0], [0, 0, 0.5]]] * 16)
    captions = [("-481.4 · step 21412", "-481.4 · 214"), ("14 · step 2", "14 · 2")] * 8
    lines = scene_of(bodies).picture(range(16), 80, 24, captions)
    assert lines[0].split("  ")[0] == "-481.4 · 214 14 · step 2"
    assert all(line[cell * 13 - 1] == " " for line in lines for cell in range(1, 6))
    assert {len(line) for line in lines} == {80} and len(lines) == 24


@pytest.mark.parametrize("count", [1, 2, 5, 16])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (7, 3)])
def test_a_grid_fits_its_room(count: int, size: tuple[int, int]) -> None:
    columns, width, height = arrange(count, *size)
    assert columns * width <= max(size[0], columns)
    assert -(-count // columns) * height <= max(size[1], -(-count // columns))


def test_an_environment_without_simulator_draws_itself() -> None:
    env = make("pendulum", num_envs=2, seed=0)
    env.init_state()
    scene = Scene(env)
    assert scene.can_draw
    assert len(used_rows(scene.picture([0, 1], 40, 10))) > 3


def test_an_environment_that_nobody_can_draw_is_known_as_such() -> None:
    scene = Scene(SimpleNamespace())
    assert not scene.can_draw
    assert scene.picture([0], 10, 2) == [" " * 10] * 2


@pytest.mark.parametrize("sim", SIMULATORS)
@pytest.mark.parametrize("name", ["cartpole", "bounce_ball", "go1-stairs-terrain-walk"])
def test_any_model_is_drawn_without_code_of_its_own(sim: str, name: str) -> None:
    if not is_installed(sim):
        pytest.skip(f"{sim} is not installed")
    env = make(name, num_envs=2, sim=sim, seed=0)
    env.init_state()
    lines = Scene(env).picture([0, 1], 80, 24)
    env.close()
    assert len(used_rows(lines)) > 4


@pytest.mark.parametrize(("length", "step"), [(1.0, 1.0), (0.99, 0.5), (7.0, 5.0), (0.03, 0.02), (20.0, 20.0)])
def test_marks_are_at_round_distances(length: float, step: float) -> None:
    assert round_step(length) == pytest.approx(step)
