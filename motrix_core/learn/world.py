"""Which of a training's processes this is: the one place that knows rank and world size.

A training of several processes is started by torchrun (PyTorch) or by `skrl.utils.distributed.jax` (JAX); both say
so through environment variables. Only rank 0 writes events and checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from motrix_core.errors import UsageError

_VARIABLES = {"torch": ("RANK", "WORLD_SIZE"), "jax": ("JAX_RANK", "JAX_WORLD_SIZE")}


@dataclass(frozen=True)
class World:
    """This process is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes to the run's folder."""
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """A seed of this process's own, so that processes explore differently. Fits 32 bits."""
        return (seed + self.rank) % 2**32


def current_world(backend: str, environ: Mapping[str, str] = os.environ) -> World:
    """Read rank and world size of `backend` ("jax" or "torch") from the environment.

    Raises:
        UsageError: a variable is not a number, or the rank is outside the world.
    """
    rank_name, size_name = _VARIABLES[backend]
    rank, size = _whole(environ, rank_name, 0), _whole(environ, size_name, 1)
    if not 0 <= rank < size:
        raise UsageError(f"{rank_name}={rank} must be at least 0 and below {size_name}={size}")
    return World(rank, size)


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name}={text!r} must be a whole number", mend=f"unset {name}") from None
