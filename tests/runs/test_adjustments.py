"""What is set again, and after which update, when a run goes on from an earlier checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from motrix_core.runs.adjustments import Adjustments
from motrix_core.runs.events import EventWriter

RATE, CLIP = "ppo.learning_rate", "ppo.ratio_clip"


def told(path: Path, *events: tuple[str, int, dict[str, Any]]) -> Adjustments:
    with EventWriter(path) as writer:
        for kind, update, data in events:
            writer.write(kind, env_steps=10 * update, update=update, data=data)  # type: ignore[arg-type]
    return Adjustments.read(path)


def was_set(update: int, values: Any, done: bool = True) -> tuple[str, int, dict[str, Any]]:
    return "control", update, {"type": "set", "id": "1", "done": done, "values": values}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_each_setting_has_its_update(path: Path) -> None:
    found = told(path, was_set(3, {RATE: 1e-4}), ("metrics", 4, {RATE: 1.0}), was_set(5, {CLIP: 0.1}))
    assert [found.at(update) for update in range(2, 7)] == [{}, {RATE: 1e-4}, {}, {CLIP: 0.1}, {}]


def test_of_two_settings_after_one_update_the_later_counts(path: Path) -> None:
    found = told(path, was_set(3, {RATE: 1e-4, CLIP: 0.1}), was_set(3, {RATE: 2e-4}))
    assert found.at(3) == {CLIP: 0.1, RATE: 2e-4}


def test_what_was_refused_or_damaged_is_not_set(path: Path) -> None:
    found = told(
        path,
        was_set(1, {RATE: 1e-4}, done=False),
        was_set(1, {"ppo.rollouts": 3}),
        was_set(1, {RATE: "fast"}),
        was_set(1, {RATE: 7.0}),
        was_set(1, [RATE]),
        ("control", 1, {"type": "stop", "id": "2", "done": True, "values": {RATE: 1e-4}}),
    )
    assert found.at(1) == {}


def test_a_setting_made_after_a_return_replaces_those_of_the_updates_to_come(path: Path) -> None:
    # The run was killed after update 13, went on from an earlier checkpoint, and was then set anew at update 11.
    found = told(path, was_set(10, {RATE: 1e-4}), was_set(12, {RATE: 2e-4, CLIP: 0.1}), was_set(11, {RATE: 3e-4}))
    assert [found.at(update) for update in (10, 11, 12)] == [{RATE: 1e-4}, {RATE: 3e-4}, {CLIP: 0.1}]


def test_a_trainer_that_went_back_by_itself_goes_on_with_its_own_learning_rate(path: Path) -> None:
    back = ("warning", 10, {"level": "warning", "message": "NaN", "back_to": 100, "learning_rate": 5e-4})
    found = told(path, was_set(10, {RATE: 1e-3, CLIP: 0.1}), was_set(12, {RATE: 2e-4}), back, was_set(14, {CLIP: 0.2}))
    assert [found.at(update) for update in (10, 12, 14)] == [{CLIP: 0.1, RATE: 5e-4}, {}, {CLIP: 0.2}]


def test_what_follows_an_update_can_be_forgotten_and_named() -> None:
    found = Adjustments()
    found.add(3, {RATE: 1e-4})
    found.add(5, {CLIP: 0.1, RATE: 2e-4})
    assert found.forget_after(3) == (RATE, CLIP)
    assert (found.at(3), found.at(5)) == ({RATE: 1e-4}, {})
    assert found.forget_after(3) == ()


def test_without_a_file_nothing_was_set(path: Path) -> None:
    assert Adjustments.read(path).at(0) == {}
