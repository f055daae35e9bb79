"""A Philox generator as arrays, so that a checkpoint can hold it and resume draws the same numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from motrix_core.errors import EnvironmentFailed


def make_generator(seed: int) -> np.random.Generator:
    """A Philox generator (Salmon et al. 2011). Counter-based, so the same seed gives the same stream everywhere."""
    return np.random.Generator(np.random.Philox(seed))


def require_philox(rng: np.random.Generator) -> None:
    """Raise `TypeError` unless `rng` is a generator whose state this module can save."""
    if not isinstance(rng, np.random.Generator) or not isinstance(rng.bit_generator, np.random.Philox):
        kind = type(getattr(rng, "bit_generator", rng)).__name__
        raise TypeError(f"rng must be a numpy Generator over Philox, not {kind}; use make_generator(seed)")


def get_generator_state(rng: np.random.Generator) -> dict[str, NDArray[np.uint64]]:
    """`counter` (4,), `key` (2,), `buffer` (4,) and `position` (3,), all uint64."""
    require_philox(rng)
    state = rng.bit_generator.state
    return {
        "counter": state["state"]["counter"].copy(),
        "key": state["state"]["key"].copy(),
        "buffer": state["buffer"].copy(),
        "position": np.array([state["buffer_pos"], state["has_uint32"], state["uinteger"]], dtype=np.uint64),
    }


def set_generator_state(rng: np.random.Generator, arrays: Mapping[str, NDArray]) -> None:
    """Continue from `get_generator_state`. Raises `EnvironmentFailed` if an array is missing or of another size."""
    require_philox(rng)
    sizes = {"counter": 4, "key": 2, "buffer": 4, "position": 3}
    for name, size in sizes.items():
        if name not in arrays or arrays[name].shape != (size,):
            raise EnvironmentFailed(f"the saved generator state has no {name!r} of {size} numbers")
    position = arrays["position"]
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {
            "counter": np.asarray(arrays["counter"], np.uint64),
            "key": np.asarray(arrays["key"], np.uint64),
        },
        "buffer": np.asarray(arrays["buffer"], np.uint64),
        "buffer_pos": int(position[0]),
        "has_uint32": int(position[1]),
        "uinteger": int(position[2]),
    }
