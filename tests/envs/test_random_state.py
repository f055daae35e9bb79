from __future__ import annotations

import numpy as np
import pytest

from motrix_core.envs.random_state import get_generator_state, make_generator, set_generator_state
from motrix_core.errors import EnvironmentFailed


@pytest.mark.parametrize("draws", [0, 1, 3, 5])
def test_a_restored_generator_draws_the_same_numbers(draws: int) -> None:
    rng = make_generator(1)
    rng.standard_normal(draws)
    rng.integers(0, 10, size=draws, dtype=np.uint32)  # leaves half of a 64-bit draw over
    arrays = get_generator_state(rng)
    assert all(value.dtype == np.uint64 for value in arrays.values())
    restored = make_generator(2)
    set_generator_state(restored, arrays)
    for _ in range(3):
        np.testing.assert_array_equal(
            restored.integers(0, 1 << 30, 5, np.uint32), rng.integers(0, 1 << 30, 5, np.uint32)
        )
        np.testing.assert_array_equal(restored.standard_normal(7), rng.standard_normal(7))


def test_a_saved_state_stays_as_it_was_while_the_generator_goes_on() -> None:
    rng = make_generator(1)
    arrays = get_generator_state(rng)
    kept = {name: value.copy() for name, value in arrays.items()}
    rng.standard_normal(100)
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, kept[name])


def test_the_same_seed_gives_the_same_stream() -> None:
    np.testing.assert_array_equal(make_generator(5).random(4), make_generator(5).random(4))
    assert not np.array_equal(make_generator(5).random(4), make_generator(6).random(4))


@pytest.mark.parametrize("name", ["counter", "key", "buffer", "position"])
def test_a_missing_or_misshapen_array_is_named(name: str) -> None:
    arrays = get_generator_state(make_generator(0))
    with pytest.raises(EnvironmentFailed, match=name):
        set_generator_state(make_generator(0), {**arrays, name: np.zeros(7, np.uint64)})
    del arrays[name]
    with pytest.raises(EnvironmentFailed, match=name):
        set_generator_state(make_generator(0), arrays)


def test_another_kind_of_generator_is_refused() -> None:
    with pytest.raises(TypeError, match="Philox, not PCG64"):
        get_generator_state(np.random.default_rng(0))
