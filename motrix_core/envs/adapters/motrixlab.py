"""Environments of a MotrixLab-S1 checkout: `--env-path DIR_OF_motrix_envs/src`.

The checkout is imported as it is. Its registry says which environments it has, and its `@rlcfg` configurations are
read where `motrix_rl` lies beside `motrix_envs` or is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from motrix_core.envs.adapters.spaces import Actions, Observations
from motrix_core.envs.blame import described
from motrix_core.envs.options import unknown_option
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra, UsageError

NO_LIMIT_STEPS = 10_000
"""What counts as an episode's length, in evaluations for example, where the environment has no time limit."""

PACKAGE = "motrix_envs"
"""What the checkout's environments are imported from."""

_LEARNING = "motrix_rl"
_BACKEND = "np"
_ENTRY = "motrix_core.envs.adapters.motrixlab_env:MotrixLabEnv"
_WAYS = ("", "src", f"{PACKAGE}/src")


def names(path: str) -> list[str]:
    """The environments that the checkout at `path` registers for NumPy.

    Raises `UsageError` if there is no checkout, `MissingExtra` without MotrixSim, `EnvironmentFailed`, with file and
    line, if it cannot be imported.
    """
    return [
        name for name, known in load(path).list_registered_envs().items() if _BACKEND in known["available_backends"]
    ]


def spec_of(path: str, name: str, options: Mapping[str, Any]) -> EnvSpec:
    """What is known about the environment `name`, one of `names`, made with `options`. It is made once to see it.

    Raises as `names`, `ConfigError` for options that are no values of its configuration, and `EnvironmentFailed` if it
    cannot be made or has spaces that PPO here cannot use.
    """
    known = _inspected(path, name, ())[1] if options else ()
    problems = [unknown_option(key, value, name, known) for key, value in options.items() if key not in known]
    if problems:
        raise ConfigError(problems)
    return _inspected(path, name, tuple(sorted(options.items())))[0]


def make_inner(path: str, name: str, num_envs: int, overrides: Mapping[str, Any]) -> Any:
    """The checkout's own environment; `overrides` replace values of its configuration. Raises as `spec_of`."""
    registry = load(path)
    try:
        made = registry.make(name, sim_backend=_BACKEND, env_cfg_override=dict(overrides) or None, num_envs=num_envs)
    except Exception as error:
        raise EnvironmentFailed(f"environment {name!r} of {path} cannot be made: {described(error)}") from error
    if not any(base.__name__ == "NpEnv" for base in type(made).__mro__):
        raise EnvironmentFailed(f"environment {name!r} of {path} is a {type(made).__name__}, which is no NpEnv")
    return made


def rl_values(path: str, name: str, backend: str) -> dict[str, Any] | None:
    """The values of the checkout's `@rlcfg` configuration for `name` on `backend`, or None if it has none.

    Raises as `names`, and `EnvironmentFailed` if `motrix_rl` is there but cannot be imported.
    """
    folder = load(path).__file__
    assert folder is not None
    # DIR/motrix_envs/src/motrix_envs/__init__.py; a checkout that is mounted near the root has no folder beside it.
    parents = Path(folder).parents
    beside = parents[min(3, len(parents) - 1)] / _LEARNING / "src"
    if not (beside / _LEARNING).is_dir() and importlib.util.find_spec(_LEARNING) is None:
        return None
    _import(_LEARNING, beside)
    registry = _import(f"{_LEARNING}.registry", beside)
    try:
        config = registry.default_rl_cfg(name, "skrl", backend)
    except ValueError:
        # How its registry says that there is none.
        return None
    return {field: getattr(config, field) for field in dir(config) if _is_value(field, getattr(config, field, None))}


def load(path: str) -> ModuleType:
    """The checkout's `motrix_envs.registry`, with everything registered. Raises as `names`."""
    folder = source_folder(path)
    _import(PACKAGE, folder)
    registry = _import(f"{PACKAGE}.registry", folder)
    found = Path(registry.__file__ or "").parent.parent
    if found != folder:
        raise EnvironmentFailed(
            f"{path} cannot be used beside {found}: both are called {PACKAGE}, and one process can import only one",
            mend="use one checkout at a time",
        )
    return registry


def source_folder(path: str) -> Path:
    """The folder that holds the checkout's package. Raises `UsageError` if there is none at `path`."""
    for way in _WAYS:
        folder = Path(path) / way
        if (folder / PACKAGE / "registry.py").is_file():
            return folder.resolve()
    rule = f"has no {PACKAGE}/registry.py" if Path(path).exists() else "does not exist"
    raise UsageError(
        f"environment path {path} {rule}", mend="name the motrix_envs/src of a MotrixLab-S1 checkout with --env-path"
    )


def _import(name: str, folder: Path) -> ModuleType:
    # First, because a package of the same name may be installed, and this one was asked for; and not for longer.
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "motrixsim":
            raise MissingExtra(f"MotrixSim, which {folder} imports,", "motrixsim") from error
        raise EnvironmentFailed(f"{folder} cannot be imported: {described(error)}") from error
    except Exception as error:
        raise EnvironmentFailed(f"{folder} cannot be imported: {described(error)}") from error
    finally:
        sys.path.remove(str(folder))


@cache
def _inspected(path: str, name: str, options: tuple[tuple[str, Any], ...]) -> tuple[EnvSpec, tuple[str, ...]]:
    """What is known about the environment, and the names of its configuration's values."""
    inner = make_inner(path, name, 1, dict(options))
    observations, actions = Observations(inner.observation_space, name), Actions(inner.action_space, name)
    cfg = inner.cfg
    steps = cfg.max_episode_steps or NO_LIMIT_STEPS
    spec = EnvSpec(
        name=name,
        title=name,
        description=f"{type(inner).__name__} of {path}",
        obs_dim=observations.size,
        act_dim=actions.size,
        act_low=actions.low,
        act_high=actions.high,
        sims=(),
        episode_s=steps * float(cfg.ctrl_dt),
        ctrl_dt_s=float(cfg.ctrl_dt),
        sim_dt_s=float(cfg.sim_dt),
        success="",
        success_return=None,
        entry=_ENTRY,
        origin=path,
        n_actions=actions.choices,
    )
    return spec, tuple(field for field in dir(cfg) if not field.startswith("_") and _is_replaceable(cfg, field))


def _is_replaceable(cfg: Any, field: str) -> bool:
    return not isinstance(getattr(type(cfg), field, None), property) and not callable(getattr(cfg, field))


def _is_value(name: str, value: object) -> bool:
    return not name.startswith("_") and (value is None or isinstance(value, (bool, int, float, str, tuple, list)))
