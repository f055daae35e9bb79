"""Environments by name: the catalog's, Gymnasium's, and those of a source that a user names."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from motrix_core.envs.blame import described, place_of_code
from motrix_core.envs.catalog import catalog
from motrix_core.envs.options import unknown_option
from motrix_core.envs.random_state import make_generator
from motrix_core.envs.source import CATALOG, GYMNASIUM, EnvSource
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import ConfigError, EnvironmentFailed, MotrixError, Problem, UnknownName
from motrix_core.sim.loader import is_installed

if TYPE_CHECKING:
    from motrix_core.envs.base import NpEnv

# Given by `make` itself, so never an option.
_RESERVED = frozenset({"self", "spec", "num_envs", "rng", "sim"})


def find_spec(name: str, source: EnvSource = CATALOG, options: Mapping[str, Any] | None = None) -> EnvSpec:
    """What is known about the environment `name` of `source`, or else of the catalog.

    A source is executed, and an environment of Gymnasium's or MotrixLab's is made once to see its sizes, for which
    `options` may matter.

    Raises `UnknownName`; `ConfigError` for options that such an environment has not; `EnvironmentFailed` for a plugin
    or a source that is broken, or an environment that PPO here cannot use; `UsageError` for a source that is not there;
    `MissingExtra` for a package that is not.
    """
    if name.startswith(GYMNASIUM):
        from motrix_core.envs.adapters import gymnasium_ids

        return gymnasium_ids.spec_of(name, options or {})
    if source.path is not None:
        from motrix_core.envs.adapters import motrixlab

        if name in motrixlab.names(source.path):
            return motrixlab.spec_of(source.path, name, options or {})
    specs = {**catalog(), **_of_file(source)}
    if name not in specs:
        # Those first of what the user has named.
        known = dict.fromkeys([*names_of(source), *specs])
        flag = _as_flag(source)
        listing = f"motrix envs{flag}" if flag else "--env-module FILE.py adds those of a file; motrix envs"
        raise UnknownName("environment", name, known, listing=listing)
    spec = specs[name]
    if spec.error is not None:
        raise EnvironmentFailed(
            f"environment {name!r} of {spec.origin} cannot be used: {spec.error}",
            mend=f"mend or uninstall {spec.origin}",
        )
    return spec


def listed_spec(name: str, source: EnvSource = CATALOG) -> EnvSpec:
    """`find_spec` for a list, which one broken environment must not take the others from: an entry with its error."""
    try:
        return find_spec(name, source)
    except MotrixError as error:
        return EnvSpec.unusable(name, str(source), str(error))


def check_source(source: EnvSource) -> None:
    """Raises `UsageError` unless there is such a file or checkout; nothing in it is executed."""
    if source.module is not None:
        from motrix_core.envs.adapters import module_file

        module_file.check_file(source.module)
    if source.path is not None:
        from motrix_core.envs.adapters import motrixlab

        motrixlab.source_folder(source.path)


def names_of(source: EnvSource) -> list[str]:
    """Names of the environments that `source` brings, which the catalog does not show. Raises as `find_spec` does."""
    return [*_of_file(source), *_names_in_path(source)]


def _of_file(source: EnvSource) -> Mapping[str, EnvSpec]:
    if source.module is None:
        return {}
    from motrix_core.envs.adapters import module_file

    return module_file.specs_of(source.module)


def _names_in_path(source: EnvSource) -> list[str]:
    if source.path is None:
        return []
    from motrix_core.envs.adapters import motrixlab

    return motrixlab.names(source.path)


def _as_flag(source: EnvSource) -> str:
    if source.module is not None:
        return f" --env-module {source.module}"
    return f" --env-path {source.path}" if source.path is not None else ""


def make(
    name: str,
    *,
    num_envs: int,
    sim: str = "auto",
    seed: int | None = None,
    rng: np.random.Generator | None = None,
    options: Mapping[str, Any] | None = None,
    source: EnvSource = CATALOG,
) -> NpEnv:
    """A batch of `num_envs` environments, whose randomness comes from `rng`, or from a new generator of `seed`.

    `source` is where it is looked for before the catalog.

    `sim` is one of the spec's simulators, "none" for an environment that needs none, or "auto" for the first that is
    installed. `options` are further arguments of the environment's class, such as `episode_s`.

    Raises `UnknownName`, `ConfigError` for arguments that do not fit, `MissingExtra` when the simulator is not
    installed, `EnvironmentFailed` when the environment or its simulator is broken; what else it raises is turned into
    that, with the place in its code.
    """
    spec = find_spec(name, source, options)
    if (seed is None) == (rng is None):
        raise TypeError("make() takes either seed or rng")
    sim = _chosen_sim(spec, sim)
    make_env = _load_class(spec)
    problems = _problems(spec, make_env, num_envs, sim, seed, options or {})
    if problems:
        raise ConfigError(problems)
    generator = rng if rng is not None else make_generator(seed or 0)
    try:
        made = make_env(spec, num_envs=num_envs, rng=generator, sim=sim, **(options or {}))
    except MotrixError:
        raise
    except Exception as error:
        raise EnvironmentFailed(f"environment {name!r} cannot be made: {described(error, make_env)}") from error
    _check_begun(made, name)
    return made


def _check_begun(env: NpEnv, env_name: str) -> None:
    """Raises `EnvironmentFailed` for a class that has an `__init__` of its own and leaves out ours."""
    from motrix_core.envs.base import NpEnv

    # By what it sets last. What was written against another NpEnv, which may set other things, is not ours to know.
    if isinstance(env, NpEnv) and not hasattr(env, "_state"):
        kind = type(env)
        where = place_of_code(kind.__init__) or place_of_code(kind) or kind.__module__
        raise EnvironmentFailed(
            f"environment {env_name!r} cannot be made: {where}: {kind.__name__}.__init__ leaves out its base class's",
            mend="let it begin with super().__init__(spec, num_envs=num_envs, rng=rng, sim=sim)",
        )


def check_options(spec: EnvSpec, options: Mapping[str, Any]) -> None:
    """Raises `ConfigError` unless `options` are options of the environment of `spec`, with values that they can have.

    Nothing is made, and no simulator imported: for what launches a run, before anything of it is written. Raises
    `MissingExtra` for a value that needs a package which is not installed.
    """
    if options and (problems := _option_problems(spec, _load_class(spec), options)):
        raise ConfigError(problems)


def _chosen_sim(spec: EnvSpec, sim: str) -> str:
    if sim != "auto":
        return sim
    if not spec.sims:
        return "none"
    return next((name for name in spec.sims if is_installed(name)), spec.sims[0])


def _load_class(spec: EnvSpec) -> type[NpEnv]:
    module, _, class_name = spec.entry.partition(":")
    try:
        return getattr(importlib.import_module(module), class_name)
    except Exception as error:
        raise EnvironmentFailed(
            f"environment {spec.name!r} cannot be loaded from {spec.entry}: {described(error)}",
            mend="mend the file" if spec.origin.endswith(".py") else f"reinstall {spec.origin}",
        ) from error


def _problems(
    spec: EnvSpec, make_env: type[NpEnv], num_envs: int, sim: str, seed: int | None, options: Mapping[str, Any]
) -> list[Problem]:
    problems = []
    if not _is_whole(num_envs, 1):
        problems.append(Problem("num_envs", num_envs, "must be a whole number of 1 or more"))
    if seed is not None and not _is_whole(seed, 0):
        problems.append(Problem("seed", seed, "must be a whole number of 0 or more"))
    allowed = spec.sims or ("none",)
    if sim not in allowed:
        rule = f"is not a simulator that {spec.name} runs on"
        problems.append(Problem("sim", sim, rule, f"use {' or '.join(allowed)}"))
    return problems + _option_problems(spec, make_env, options)


def _option_problems(spec: EnvSpec, make_env: type[NpEnv], options: Mapping[str, Any]) -> list[Problem]:
    from motrix_core.envs.base import NpEnv

    parameters = inspect.signature(make_env).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    named = [
        parameter.name
        for parameter in parameters
        if parameter.name not in _RESERVED and parameter.kind is not parameter.VAR_KEYWORD
    ]
    taken = {key: value for key, value in options.items() if key in named or (takes_any and key not in _RESERVED)}
    unknown = [unknown_option(key, options[key], spec.name, named) for key in options if key not in taken]
    # One that was written against another NpEnv need not know the question.
    ask = getattr(make_env, "option_problems", NpEnv.option_problems)
    try:
        return [*unknown, *ask(spec, taken)]
    except MotrixError:
        raise
    except Exception as error:
        raise EnvironmentFailed(
            f"option_problems of environment {spec.name!r} failed: {described(error, make_env)}",
            mend="let it return a list of Problem, empty where the options fit",
        ) from error


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= least
