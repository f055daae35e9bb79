from __future__ import annotations

import math

import pytest

from motrix_core.config.networks import Role, network_parameters
from motrix_core.learn.spec import ModelSpec

SIZES = [(32, 32), (256, 128, 64), (1,)]


def in_the_trainer(hidden: tuple[int, ...], *, shared: bool, n_actions: int | None) -> dict[str, int]:
    spec = ModelSpec(22, 1 if n_actions else 6, hidden, hidden, shared, n_actions)
    return {name: math.prod(shape) for name, shape in spec.shapes().items()}


@pytest.mark.parametrize("n_actions", [None, 3], ids=["gaussian", "discrete"])
@pytest.mark.parametrize("hidden", SIZES)
def test_as_many_parameters_are_counted_as_the_trainer_makes(hidden: tuple[int, ...], n_actions: int | None) -> None:
    def count(role: Role) -> int:
        outputs, gaussian = n_actions or 6, n_actions is None
        return network_parameters(role, hidden, observations=22, outputs=outputs, gaussian=gaussian)

    apart = in_the_trainer(hidden, shared=False, n_actions=n_actions)
    assert count("policy") == sum(size for name, size in apart.items() if name.startswith("policy."))
    assert count("value") == sum(size for name, size in apart.items() if name.startswith("value."))
    assert count("shared") == sum(in_the_trainer(hidden, shared=True, n_actions=n_actions).values())
