"""The baseline: the same training by plain skrl, without run folder, events, checkpoints and supervisor.

    python -m motrix_core.learn.bench.plain --env E --backend jax|torch --sim S [--set KEY=VALUE]…

prints the moment at which each update ended, Unix seconds, until it is killed. Environment, wrapper, networks and
hyperparameters are the project's own; agent, memory, scalers, schedule and loop are skrl's, unchanged and silent.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.registry import make
from motrix_core.learn.bench.skrl_agent import skrl, skrl_agent
from motrix_core.learn.spec import init_parameters, model_spec

_UPDATES = 1_000_000
"""More than anybody waits for."""


def plain(config: RunConfig, seed: int, *, updates: int) -> None:
    """Train for `updates`, and print the moment at which each ended."""
    ppo, backend = config.ppo, config.backend
    rng = np.random.Generator(np.random.Philox(seed))
    env = make(config.env, num_envs=ppo.num_envs, sim=config.sim, rng=rng, options=config.env_options)
    wrap_np = importlib.import_module(f"motrix_core.learn.{backend}.wrap_np")
    trainer = importlib.import_module(f"motrix_core.learn.{backend}.trainer")
    trainer.seed_backend(seed)
    wrapped = wrap_np.wrap_env(env, device=trainer.choose_device("auto"))
    spaces = {
        "observation_space": wrapped.observation_space,
        "action_space": wrapped.action_space,
        "device": wrapped.device,
    }
    spec = model_spec(ppo, wrapped.observation_space, wrapped.action_space)
    agent = skrl_agent(backend, spec, ppo, spaces, init_parameters(spec, rng))
    update = agent.update

    def timed(**step: int) -> None:
        update(**step)
        sys.stdout.write(json.dumps(time.time()) + "\n")
        sys.stdout.flush()

    agent.update = timed
    loop = {"timesteps": updates * ppo.rollouts, "headless": True, "disable_progressbar": True}
    skrl(backend, "trainers.{}", "SequentialTrainer")(env=wrapped, agents=agent, cfg=loop).train()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m motrix_core.learn.bench.plain", description=__doc__)
    for name in ("env", "backend", "sim"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    args = parser.parse_args(argv)
    config = ConfigSources(sets=args.sets, environ={}).build(args.env, args.backend, args.sim).config
    plain(config, 0, updates=_UPDATES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
