"""How fast a training could be at best: its physics alone, and its arithmetic at the machine's matrix peak.

Everything else is ours to avoid: task code, copies, activations, Adam, sampling, recording, supervision.

    python -m motrix_core.bench.bound physics|arithmetic --env E --backend jax|torch --sim S [--set KEY=VALUE]…

prints, again and again, the seconds of this that one update takes; it ends when it is killed. A process for each of the
two, because the threads of one would get in the way of the other's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from motrix_core.bench.common import random_actions
from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.catalog import catalog
from motrix_core.envs.registry import make

_MATRIX = 2048


def matrix_peak(rounds: int = 5) -> float:
    """Floating-point operations per second of the best of `rounds` products of 2048² float32 matrices.

    By NumPy's BLAS with all the threads that it takes by itself.
    """
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((_MATRIX, _MATRIX), np.float32) for _ in range(2))
    durations = []
    for _ in range(rounds):
        started = time.perf_counter()
        np.matmul(left, right)
        durations.append(time.perf_counter() - started)
    return 2.0 * _MATRIX**3 / min(durations)


def physics_seconds(config: RunConfig) -> Iterator[float]:
    """Seconds that the physics of one rollout after the other takes alone, under random actions."""
    spec, num_envs = catalog()[config.env], config.ppo.num_envs
    env = make(config.env, num_envs=num_envs, sim=config.sim, seed=0, options=config.env_options)
    script = random_actions(spec, config.ppo.rollouts, num_envs)
    env.init_state()
    while True:
        before = env.timing.physics_s
        for actions in script:
            env.step(actions)
        yield env.timing.physics_s - before


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


def arithmetic_seconds(config: RunConfig) -> Iterator[float]:
    """Seconds that the arithmetic of one update takes at the machine's matrix peak, measured anew each time."""
    while True:
        yield operations(config) / matrix_peak()


def _products(sizes: tuple[int, ...]) -> int:
    return sum(one * other for one, other in pairwise(sizes))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m motrix_core.bench.bound")
    kinds = {"physics": physics_seconds, "arithmetic": arithmetic_seconds}
    parser.add_argument("kind", choices=tuple(kinds))
    for name in ("env", "backend", "sim"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    args = parser.parse_args(argv)
    config = ConfigSources(sets=args.sets, environ={}).build(args.env, args.backend, args.sim).config
    for seconds in kinds[args.kind](config):
        sys.stdout.write(json.dumps(seconds) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
