"""What commands share about environments that users bring: the flags, and a first try before a run is made."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motrix_core.commands.waiting import waiting_for
from motrix_core.errors import NonFiniteEnv

if TYPE_CHECKING:
    from motrix_core.envs.source import EnvSource
    from motrix_core.envs.spec import EnvSpec

TEMPLATE = Path(__file__).with_name("env_template.py")
"""What `motrix envs new` writes. Never imported from here: it would register hyperparameters for an example."""

OURS = "motrix-tui"
"""The origin of environments that our own tests have tried."""

_TRIED = 2


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """`--env-module` and `--env-path`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--env-module",
        metavar="FILE.py",
        help="a Python file with environments of your own; motrix envs new writes it",
    )
    group.add_argument(
        "--env-path", metavar="DIR", help="the motrix_envs/src of a MotrixLab-S1 checkout with environments"
    )


def source_of(args: argparse.Namespace) -> EnvSource:
    """What the flags name, with absolute paths. Raises `ConfigError` for what cannot be a path."""
    from motrix_core.config.sources import ConfigSources

    flags = {"env_module": args.env_module, "env_path": args.env_path}
    return ConfigSources(flags={path: value for path, value in flags.items() if value is not None}).source


def only_name(source: EnvSource) -> str | None:
    """The name of the environment of `source`, where it brings a single one."""
    from motrix_core.envs.registry import names_of

    with waiting_for(str(source)):
        names = names_of(source)
    return names[0] if len(names) == 1 else None


def try_out(spec: EnvSpec, sim: str, options: Mapping[str, Any], source: EnvSource) -> None:
    """Make an environment that somebody brought, reset it, step it once and put it back to where it then is.

    So no run is made for one that fails. Raises `EnvironmentFailed`, or what making it raises.
    """
    if spec.origin == OURS:
        return
    import numpy as np

    from motrix_core.envs.blame import call_env, name_of, named_nonfinite, place_of_code
    from motrix_core.envs.registry import make
    from motrix_core.learn.clock import PhaseClock
    from motrix_core.learn.guard import broken_everywhere
    from motrix_core.learn.stepping import NONFINITE_MEND, Stepper, saves_state

    env = make(spec.name, num_envs=_TRIED, sim=sim, seed=0, options=options, source=source)
    try:
        stepper = Stepper(env, PhaseClock())
        stepper.reset()
        transition = stepper.step(np.zeros((_TRIED, spec.act_dim), np.float32))
        if broken_everywhere(transition):
            where = place_of_code(getattr(env, "written_as", type(env)))
            raise NonFiniteEnv(
                f"{name_of(env)} gave an observation or reward that is not finite at its first step, in all of "
                f"{_TRIED} environments{named_nonfinite(env)}" + (f": {where}" if where else ""),
                mend=NONFINITE_MEND,
            )
        if saves_state(env):
            call_env(env, "set_state", env.set_state, call_env(env, "get_state", env.get_state))
    finally:
        env.close()
