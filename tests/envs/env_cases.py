"""Every environment on every simulator that is installed here, to parametrize tests with."""

from __future__ import annotations

import numpy as np
import pytest

from motrix_core.envs.base import NpEnv
from motrix_core.envs.catalog import BUILTIN
from motrix_core.envs.registry import make
from motrix_core.sim.loader import is_installed


def _case(name: str, sim: str) -> pytest.ParameterSet:
    absent = sim != "none" and not is_installed(sim)
    return pytest.param(
        name, sim, id=f"{name}-{sim}", marks=pytest.mark.skipif(absent, reason=f"{sim} is not installed")
    )


CASES = [_case(spec.name, sim) for spec in BUILTIN for sim in spec.sims or ("none",)]
every_case = pytest.mark.parametrize(("name", "sim"), CASES)
cases_of = {
    spec.name: pytest.mark.parametrize(("name", "sim"), [_case(spec.name, sim) for sim in spec.sims or ("none",)])
    for spec in BUILTIN
}


def random_actions(env: NpEnv, steps: int, seed: int = 7) -> np.ndarray:
    """(steps, num_envs, act_dim) within the bounds, from a generator of their own."""
    shape = (steps, env.num_envs, env.spec.act_dim)
    rng = np.random.default_rng(seed)
    if env.spec.n_actions is not None:
        return rng.integers(env.spec.n_actions, size=shape).astype(np.float32)
    return rng.uniform(env.spec.act_low, env.spec.act_high, shape).astype(np.float32)


def made(name: str, sim: str, num_envs: int = 8, seed: int = 0, **options: object) -> NpEnv:
    return make(name, num_envs=num_envs, sim=sim, seed=seed, options=options)
