"""What the benchmarks share: the machine in words, medians, tables."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from motrix_core.envs.base import FloatArray
    from motrix_core.envs.spec import EnvSpec

Narrate = Callable[[str], None]
"""Tells a person how a measurement is getting on."""


def machine() -> str:
    """Date and machine, as docs/benchmarks.md records them."""
    from motrix_core.hardware.inventory import inventory

    found = inventory()
    gpus = ", ".join(gpu.name for gpu in found.gpus) or "no GPU"
    versions = ", ".join(f"{name} {version}" for name, version in found.packages.items() if version)
    return f"{datetime.date.today().isoformat()} · {found.cpu.model}, {found.cpu.usable:g} cores · {gpus}\n{versions}"


def random_actions(spec: EnvSpec, steps: int, num_envs: int) -> FloatArray:
    """Actions spread evenly over the bounds or the choices of `spec`, always the same; (steps, num_envs, act_dim)."""
    rng, shape = np.random.default_rng(0), (steps, num_envs, spec.act_dim)
    if spec.n_actions is not None:
        return rng.integers(spec.n_actions, size=shape).astype(np.float32)
    return rng.uniform(spec.act_low, spec.act_high, shape).astype(np.float32)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Median with the smallest and the largest: how noisy the machine was belongs to the figure."""
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, ready for docs/benchmarks.md."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
