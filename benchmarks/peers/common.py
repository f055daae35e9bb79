"""What the peers share: the command line, the environment, and how the end of an update is told."""

from __future__ import annotations

import argparse
import json
import time

from motrix_core.config.schema import RunConfig
from motrix_core.config.sources import ConfigSources
from motrix_core.envs.base import NpEnv
from motrix_core.envs.registry import make

UPDATES = 1_000_000
"""More than anybody waits for."""


def asked() -> RunConfig:
    parser = argparse.ArgumentParser()
    for name in ("env", "backend", "sim"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--set", dest="sets", action="append", default=[])
    args = parser.parse_args()
    return ConfigSources(sets=args.sets, environ={}).build(args.env, args.backend, args.sim).config


def environment(config: RunConfig) -> NpEnv:
    return make(config.env, num_envs=config.ppo.num_envs, sim=config.sim, seed=0, options=config.env_options)


def tell_update() -> None:
    """An update has ended at this moment."""
    print(json.dumps(time.time()), flush=True)
