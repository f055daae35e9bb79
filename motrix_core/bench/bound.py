"""How fast a training could be at best: its physics alone, and its arithmetic at the machine's matrix peak.

Everything else is ours to avoid: task code, copies, activations, Adam, sampling, recording, supervision.
"""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np

from motrix_core.config.schema import RunConfig
from motrix_core.envs.catalog import catalog
from motrix_core.envs.registry import make

_MATRIX = 2048
_WARM_UP_S = 1.0


def matrix_peak(rounds: int = 9) -> float:
    """Floating-point operations per second of the best of `rounds` products of 2048² float32 matrices.

    By NumPy's BLAS with all the threads that it takes by itself.
    """
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((_MATRIX, _MATRIX), np.float32) for _ in range(2))
    durations = []
    for _ in range(rounds):
        started = time.perf_counter()
        left @ right
        durations.append(time.perf_counter() - started)
    return 2.0 * _MATRIX**3 / min(durations)


def physics_rate(config: RunConfig, seconds: float = 4.0) -> float:
    """Environment steps per second of physics alone, under random actions, after a second of warming up."""
    spec, num_envs = catalog()[config.env], config.ppo.num_envs
    env = make(config.env, num_envs=num_envs, sim=config.sim, seed=0, options=config.env_options)
    rng = np.random.default_rng(0)
    script = rng.uniform(spec.act_low, spec.act_high, (64, num_envs, spec.act_dim)).astype(np.float32)
    env.init_state()
    steps, counted_from = 0, None
    started = time.perf_counter()
    while time.perf_counter() - started < _WARM_UP_S + seconds:
        if counted_from is None and time.perf_counter() - started > _WARM_UP_S:
            counted_from = (steps, env.timing.physics_s)
        env.step(script[steps % len(script)])
        steps += 1
    first, before = counted_from or (0, 0.0)
    spent = env.timing.physics_s - before
    env.close()
    return num_envs * (steps - first) / spent


def multiplications(config: RunConfig) -> tuple[int, int]:
    """Weights that a sample meets on its way through the networks, and those of them in a first layer.

    The gradient with respect to the observations is not needed, so a first layer costs one product less backward.
    """
    spec, ppo = catalog()[config.env], config.ppo
    policy, value = tuple(ppo.policy_hidden_layer_sizes), tuple(ppo.value_hidden_layer_sizes)
    heads = spec.act_dim * policy[-1] + value[-1]
    trunks = [policy] if ppo.share_policy_value_features else [policy, value]
    hidden = sum(_products((spec.obs_dim, *sizes)) for sizes in trunks)
    return hidden + heads, sum(spec.obs_dim * sizes[0] for sizes in trunks)


def operations(config: RunConfig) -> float:
    """Floating-point operations in the matrix products of one update: acting, values, and learning."""
    ppo = config.ppo
    weights, first = multiplications(config)
    samples = ppo.rollouts * ppo.num_envs
    forward = 2.0 * weights
    # Acting and the values of the rollout together run each network once; the last observations' values are the rest.
    acting = forward * (samples + ppo.num_envs)
    learning = (3.0 * forward - 2.0 * first) * samples * ppo.learning_epochs
    return acting + learning


def bound(config: RunConfig, *, physics: float, peak: float) -> float:
    """Environment steps per second that `physics` (steps/s) and `peak` (operations/s) allow."""
    samples = config.ppo.rollouts * config.ppo.num_envs
    return samples / (samples / physics + operations(config) / peak)


def _products(sizes: tuple[int, ...]) -> int:
    return sum(one * other for one, other in pairwise(sizes))
