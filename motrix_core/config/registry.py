"""Which hyperparameters an environment starts from, per backend.

    @rlcfg("cartpole")                      # for every backend
    class CartPolePPO(PPOCfg):
        max_env_steps: int = 10_000_000

    @rlcfg("dm-walker", backend="jax")      # for one
    class WalkerJaxPPO(WalkerPPO):
        mini_batches: int = 4

A decorated class only writes defaults down. What `default_rl_cfg` returns is always a plain `PPOCfg` with
them, so bounds and help texts cannot be lost by an override, and configurations compare equal by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from motrix_core.config.schema import Backend, PPOCfg
from motrix_core.envs.adapters.module_file import MODULE_PREFIX
from motrix_core.errors import UnknownName, UsageError

FRAMEWORKS = ("skrl",)
BACKENDS: tuple[Backend, ...] = get_args(Backend)

_Cfg = TypeVar("_Cfg", bound=PPOCfg)
_registered: dict[tuple[str, str | None, str | None], tuple[str, PPOCfg]] = {}
"""(environment, backend, module of a user's file or None) → who registered it, and what.

A user's file may give its environment any name, also one that another file or we have: its hyperparameters are its
own, so that whichever file is read first changes nothing.
"""


def rlcfg(env: str, backend: Backend | None = None) -> Callable[[type[_Cfg]], type[_Cfg]]:
    """Registers the decorated `PPOCfg` subclass as `env`'s default, for `backend` or for all.

    Raises `UsageError` if its values break a rule, or if another class holds the place already.
    """
    if backend is not None and backend not in BACKENDS:
        raise UnknownName("backend", backend, BACKENDS)

    def register(cls: type[_Cfg]) -> type[_Cfg]:
        module = cls.__module__ if cls.__module__.startswith(MODULE_PREFIX) else None
        # A user's file is named by whoever read it, and not by the module that it happens to be.
        name = cls.__qualname__ if module else f"{cls.__module__}.{cls.__qualname__}"
        place = f"@rlcfg({env!r})" if backend is None else f"@rlcfg({env!r}, backend={backend!r})"
        # The subclass has forgotten the bounds of what it overrides.
        values = {field: info.get_default(call_default_factory=True) for field, info in cls.model_fields.items()}
        try:
            config = PPOCfg.model_validate(values)
        except ValidationError as error:
            raise UsageError(f"{place} of {name}: {_what_is_wrong(values, error)}") from error
        holder = _registered.get((env, backend, module))
        if holder is not None and holder[0] != name:
            raise UsageError(f"{place} of {name} is taken by {holder[0]}", mend="remove one of the two")
        _registered[env, backend, module] = (name, config)
        return cls

    return register


def _what_is_wrong(values: Mapping[str, Any], error: ValidationError) -> str:
    """Why training cannot begin with `values`, in the words that a form has for it."""
    from motrix_core.config.validate import validate

    problems = validate({"env": "any", **{f"ppo.{name}": value for name, value in values.items()}})[1]
    if problems:
        return "; ".join(map(str, problems))
    # Text that a form would read as a number.
    return "; ".join(f"ppo.{one['loc'][0]}={one['input']!r:.80}: {one['msg']}" for one in error.errors())


def default_rl_cfg(env: str, framework: str = "skrl", backend: str = "jax", module: str | None = None) -> PPOCfg:
    """`env`'s default hyperparameters on `backend`: the backend's own, else the universal ones.

    `module` is that of the user's file which registered them, None where a package did.

    Raises `UnknownName` for an unknown framework or backend or an environment without any, and `UsageError`
    for an environment that has some, but only for another backend.
    """
    if framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, FRAMEWORKS)
    if backend not in BACKENDS:
        raise UnknownName("backend", backend, BACKENDS)
    found = _registered.get((env, backend, module)) or _registered.get((env, None, module))
    if found is not None:
        return found[1]
    others = sorted(other for name, other, where in _registered if (name, where) == (env, module) and other)
    if others:
        raise UsageError(
            f"environment {env!r} has default hyperparameters for {', '.join(others)}, not for {backend}",
            mend=f"use --backend {others[0]}, or register some with @rlcfg({env!r}, backend={backend!r})",
        )
    raise UnknownName("environment (no default hyperparameters)", env, registered_envs(module))


def registered_envs(module: str | None = None) -> list[str]:
    """Names of the environments that have default hyperparameters, sorted; those of a user's file, by its module."""
    return sorted({name for name, _, where in _registered if where == module})
