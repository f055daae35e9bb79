"""Gymnasium's registered environments by id: `gym:CartPole-v1`, `gym:ALE/Pong-v5`, `gym:my_package:MyEnv-v0`."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache, partial
from typing import Any

import numpy as np

from motrix_core.envs.adapters.async_worker import log_warnings_of_mujoco, told_once, work
from motrix_core.envs.adapters.spaces import Actions, Observations
from motrix_core.envs.adapters.vector_modes import FEWER_WORKERS
from motrix_core.envs.blame import described
from motrix_core.envs.options import number_problems, unknown_option
from motrix_core.envs.source import GYMNASIUM
from motrix_core.envs.spec import EnvSpec
from motrix_core.errors import ConfigError, EnvironmentFailed, MissingExtra, MotrixError, Problem, UsageError

VECTOR_MODES = ("sync", "async", "vector_entry_point")

NO_LIMIT_STEPS = 10_000
"""What counts as an episode's length, in evaluations for example, where the environment has no time limit."""

_ENTRY = "motrix_core.envs.adapters.gymnasium_env:GymnasiumEnv"
_NEAREST = 3
_NOT_TAKEN = re.compile(r"(?:unexpected|multiple values for)(?: keyword)? argument '(\w+)'")
# What `make_vec` and the adapter give themselves, besides what is none of a training's business.
_NO_OPTIONS = ("self", "render_mode")


def spec_of(name: str, options: Mapping[str, Any]) -> EnvSpec:
    """What is known about `name`, "gym:" and an id, made with `options`. The environment is made once to see it.

    Raises `MissingExtra` without gymnasium, `UsageError` with the nearest ids for an unknown one, `ConfigError` for an
    option that it has not, `EnvironmentFailed` if it cannot be made or has spaces that PPO here cannot use.
    """
    return _spec_of(name, tuple(sorted(options.items())))


@lru_cache(maxsize=64)
def _spec_of(name: str, options: tuple[tuple[str, Any], ...]) -> EnvSpec:
    # Processes of its own would only be started to be stopped.
    given = dict(without_workers(name, dict(options)))
    vector = open_vector(name, 1, given.pop("vector", "sync"), given)
    try:
        observations = Observations(vector.single_observation_space, name)
        actions = Actions(vector.single_action_space, name)
        return _described(name, vector, observations, actions, given.get("max_episode_steps"))
    finally:
        vector.close()


def without_workers(name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """`options` of the environment `name`, for the same environments without worker processes of their own."""
    if name.startswith(GYMNASIUM) and options.get("vector") == "async":
        return {**options, "vector": "sync"}
    return options


def open_vector(name: str, num_envs: int, mode: str, kwargs: Mapping[str, Any]) -> Any:
    """The `gymnasium.vector.VectorEnv` of `num_envs` environments, vectorised by `mode`; `kwargs` are its maker's.

    Where Gymnasium vectorises, autoreset is off. Raises as `spec_of`.
    """
    if mode not in VECTOR_MODES:
        raise ConfigError([Problem("env.vector", mode, f"must be one of {', '.join(VECTOR_MODES)}")])
    rule = "must be a whole number of steps, 1 or more"
    if problems := number_problems(kwargs, "max_episode_steps", rule, lower=1, whole=True, example=1000):
        raise ConfigError(problems)
    gymnasium = _gymnasium()
    known = _find(gymnasium, name)
    entry_point = known.entry_point
    vector_kwargs: dict[str, Any] = {}
    if mode != "vector_entry_point":
        vector_kwargs = {"autoreset_mode": gymnasium.vector.AutoresetMode.DISABLED, "copy": False}
    if mode == "async":
        # A process with the threads of a backend or a simulator in it must not be forked.
        vector_kwargs["context"] = "spawn"
        vector_kwargs["worker"] = partial(work, entry_point if isinstance(entry_point, str) else None)
    try:
        log_warnings_of_mujoco(entry_point)
        with told_once() if mode == "async" else nullcontext():
            return gymnasium.make_vec(
                name[len(GYMNASIUM) :],
                num_envs=num_envs,
                vectorization_mode=mode,
                vector_kwargs=vector_kwargs,
                **kwargs,
            )
    except MotrixError:
        raise
    except Exception as error:
        raise _failure(gymnasium, known, name, mode, kwargs, error) from error


def _failure(
    gymnasium: Any, known: Any, name: str, mode: str, kwargs: Mapping[str, Any], error: Exception
) -> MotrixError:
    """What to say of `error`, which making the environment registered as `known` with `kwargs` has raised."""
    if isinstance(error, gymnasium.error.DependencyNotInstalled):
        return EnvironmentFailed(f"{name} needs a package that is not installed: {error}")
    if isinstance(error, ModuleNotFoundError):
        return EnvironmentFailed(
            f"{name} needs the package {error.name}, which is not installed", mend=f"pip install {error.name}"
        )
    if mode == "async" and isinstance(error, (EOFError, BrokenPipeError, ConnectionResetError)):
        return EnvironmentFailed(f"a worker process of {name} ended while it made its environment", mend=FEWER_WORKERS)
    refused = _NOT_TAKEN.search(str(error)) if isinstance(error, TypeError) else None
    if refused and refused[1] in kwargs:
        creator = known.vector_entry_point if mode == "vector_entry_point" else known.entry_point
        options = ("vector", "max_episode_steps", *_options_of(gymnasium, creator))
        return ConfigError([unknown_option(refused[1], kwargs[refused[1]], name, options)])
    return EnvironmentFailed(f"{name} cannot be made: {described(error)}")


def _options_of(gymnasium: Any, creator: Any) -> list[str]:
    """The named arguments of what makes an environment; what it passes on by `**kwargs` cannot be known."""
    if isinstance(creator, str):
        creator = gymnasium.envs.registration.load_env_creator(creator)
    return [
        parameter.name
        for parameter in inspect.signature(creator).parameters.values()
        if parameter.name not in _NO_OPTIONS and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]


def _gymnasium() -> Any:
    try:
        gymnasium = importlib.import_module("gymnasium")
    except ModuleNotFoundError as error:
        raise MissingExtra("gymnasium", "gym") from error
    if not hasattr(gymnasium.vector, "AutoresetMode"):
        raise EnvironmentFailed(
            f"gymnasium {gymnasium.__version__} is too old to train on: it has no autoreset modes",
            mend="pip install 'gymnasium>=1.1'",
        )
    return gymnasium


def _find(gymnasium: Any, name: str) -> Any:
    """What is registered as `name`. Raises `UsageError`, with what was probably meant, if nothing is, or if its module
    is not there."""
    module, _, env_id = name[len(GYMNASIUM) :].rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise EnvironmentFailed(f"{name}: module {module} cannot be imported: {described(error)}") from error
            raise UsageError(
                f"{name}: there is no module {error.name}",
                mend=f"install the package that registers {env_id}, type PYTHONPATH=FOLDER before the command for a "
                f"module in a folder, or {GYMNASIUM}ID for one of Gymnasium's own",
            ) from error
        except Exception as error:
            raise EnvironmentFailed(f"{name}: module {module} cannot be imported: {described(error)}") from error
    try:
        return gymnasium.spec(env_id)
    except gymnasium.error.Error as error:
        ids = [str(known) for known in gymnasium.registry]
        # By the whole id first, then without its version: Pendulum-v9 is nearest to other short names.
        near = difflib.get_close_matches(env_id, ids, n=_NEAREST, cutoff=0.6)
        plain = env_id.rpartition("-v")[0] or env_id
        near = [known for known in ids if known.rpartition("-v")[0].lower() == plain.lower()] + near
        wanted = ", ".join(f"{GYMNASIUM}{known}" for known in dict.fromkeys(near))
        mend = f"did you mean {wanted}?" if wanted else "gymnasium.pprint_registry() lists them"
        raise UsageError(f"Gymnasium knows no environment {env_id!r}", mend=mend) from error


def _described(name: str, vector: Any, observations: Observations, actions: Actions, limit: int | None) -> EnvSpec:
    known = vector.unwrapped.spec
    steps = limit or known.max_episode_steps
    ctrl_dt_s = _control_step(vector)
    threshold = known.reward_threshold
    return EnvSpec(
        name=name,
        title=known.id,
        description=f"{known.id} of Gymnasium" + ("" if steps else ", which has no time limit"),
        obs_dim=observations.size,
        act_dim=actions.size,
        act_low=actions.low,
        act_high=actions.high,
        sims=(),
        episode_s=(steps or NO_LIMIT_STEPS) * ctrl_dt_s,
        ctrl_dt_s=ctrl_dt_s,
        sim_dt_s=ctrl_dt_s,
        success="" if threshold is None else f"mean return of {threshold:g}, its reward threshold",
        success_return=None if threshold is None else float(threshold),
        entry=_ENTRY,
        origin="gymnasium",
        n_actions=actions.choices,
    )


def _control_step(vector: Any) -> float:
    """Seconds between two actions, as far as the environment tells; 1 otherwise, so that seconds are steps."""
    inner = getattr(vector, "envs", None)
    env = inner[0].unwrapped if inner else vector.unwrapped
    fps = vector.metadata.get("render_fps")
    for candidate in (getattr(env, "dt", None), getattr(env, "tau", None), 1.0 / fps if fps else None):
        if isinstance(candidate, (int, float, np.floating)) and 0.0 < candidate < np.inf:
            return float(candidate)
    return 1.0
