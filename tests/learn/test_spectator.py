from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from motrix_core.config.schema import RunConfig
from motrix_core.envs.source import CATALOG
from motrix_core.errors import WindowUnusable
from motrix_core.learn.spectator import Spectator

CONFIG = RunConfig(env="cartpole", backend="torch", sim="mujoco")


class FakeWindow:
    """Takes three pictures, then it is closed."""

    def __init__(self, *what: Any) -> None:
        self.what, self.shown, self.ended = what, [], None

    def due(self) -> bool:
        return self.ended is None

    def show(self, positions: np.ndarray) -> None:
        self.shown.append(positions.tolist())
        if len(self.shown) == 3:
            self.ended = "it was closed"

    def close(self) -> None:
        self.ended = "it was closed"


class Watched:
    """A spectator, its windows and its warnings."""

    def __init__(self, **changes: Any) -> None:
        self.windows: list[FakeWindow] = []
        self.warnings: list[str] = []
        self.spectator = Spectator(CONFIG.model_copy(update=changes), self.warnings.append, open_window=self.open)

    def open(self, *what: Any) -> Any:
        self.windows.append(FakeWindow(*what))
        return self.windows[-1]


def an_env() -> Any:
    return SimpleNamespace(physics=SimpleNamespace(dof_pos=np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)))


@pytest.fixture(autouse=True)
def display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")


def test_environment_0_is_shown_until_the_window_is_closed_which_is_told_once() -> None:
    watched = Watched(env_options={"episode_s": 2.0})
    watched.spectator.watch(an_env())
    for _ in range(10):
        watched.spectator.look()
    assert watched.windows[0].what == ("cartpole", "mujoco", {"episode_s": 2.0}, CATALOG)
    assert watched.windows[0].shown == [[1.0, 2.0]] * 3
    assert watched.warnings == ["training goes on without its window: it was closed"]


def test_an_environment_made_anew_is_shown_in_the_same_window() -> None:
    watched = Watched()
    watched.spectator.watch(an_env())
    other = an_env()
    other.physics.dof_pos[0] = 9.0
    watched.spectator.watch(other)
    watched.spectator.look()
    assert len(watched.windows) == 1
    assert watched.windows[0].shown == [[9.0, 9.0]]


def test_a_run_that_goes_on_where_there_is_no_display_says_so_and_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    watched = Watched()
    watched.spectator.watch(an_env())
    watched.spectator.look()
    assert not watched.windows
    assert len(watched.warnings) == 1
    assert "goes on without a window: there is no display" in watched.warnings[0]


def test_an_environment_without_physics_is_told_and_trained() -> None:
    watched = Watched()
    watched.spectator.watch(SimpleNamespace())
    watched.spectator.look()
    assert watched.warnings == ["training goes on without a window: cartpole has no simulator that could show it"]


def test_a_window_that_cannot_be_started_is_told_and_training_goes_on() -> None:
    def broken(*what: Any) -> Any:
        raise WindowUnusable("the window's process cannot be started: no memory")

    warnings: list[str] = []
    spectator = Spectator(CONFIG, warnings.append, open_window=broken)
    spectator.watch(an_env())
    spectator.look()
    assert warnings == ["training goes on without a window: the window's process cannot be started: no memory"]


def test_the_window_is_closed_with_the_training() -> None:
    watched = Watched()
    watched.spectator.watch(an_env())
    watched.spectator.close()
    watched.spectator.look()
    assert watched.windows[0].ended == "it was closed"
    assert watched.windows[0].shown == []
