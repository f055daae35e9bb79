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

from collections.abc import Callable
from typing import TypeVar, get_args

from pydantic import ValidationError

from motrix_core.config.schema import Backend, PPOCfg
from motrix_core.errors import UnknownName, UsageError

FRAMEWORKS = ("skrl",)
BACKENDS: tuple[Backend, ...] = get_args(Backend)

_Cfg = TypeVar("_Cfg", bound=PPOCfg)
_registered: dict[tuple[str, str | None], tuple[str, PPOCfg]] = {}


def rlcfg(env: str, backend: Backend | None = None) -> Callable[[type[_Cfg]], type[_Cfg]]:
    """Registers the decorated `PPOCfg` subclass as `env`'s default, for `backend` or for all.

    Raises `UsageError` if its values break a rule, or if another class holds the place already.
    """
    if backend is not None and backend not in BACKENDS:
        raise UnknownName("backend", backend, BACKENDS)

    def register(cls: type[_Cfg]) -> type[_Cfg]:
        name = f"{cls.__module__}.{cls.__qualname__}"
        place = f"@rlcfg({env!r})" if backend is None else f"@rlcfg({env!r}, backend={backend!r})"
        try:
            config = PPOCfg.model_validate(cls().model_dump())
        except ValidationError as error:
            raise UsageError(f"{name} is not a valid PPO configuration: {error}") from error
        holder = _registered.get((env, backend))
        if holder is not None and holder[0] != name:
            raise UsageError(f"{place} of {name} is taken by {holder[0]}", mend="remove one of the two")
        _registered[env, backend] = (name, config)
        return cls

    return register


def default_rl_cfg(env: str, framework: str = "skrl", backend: str = "jax") -> PPOCfg:
    """`env`'s default hyperparameters on `backend`: the backend's own, else the universal ones.

    Raises `UnknownName` for an unknown framework or backend or an environment without any, and `UsageError`
    for an environment that has some, but only for another backend.
    """
    if framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, FRAMEWORKS)
    if backend not in BACKENDS:
        raise UnknownName("backend", backend, BACKENDS)
    found = _registered.get((env, backend)) or _registered.get((env, None))
    if found is not None:
        return found[1]
    others = sorted(other for name, other in _registered if name == env and other is not None)
    if others:
        raise UsageError(
            f"environment {env!r} has default hyperparameters for {', '.join(others)}, not for {backend}",
            mend=f"use --backend {others[0]}, or register some with @rlcfg({env!r}, backend={backend!r})",
        )
    raise UnknownName("environment (no default hyperparameters)", env, registered_envs())


def registered_envs() -> list[str]:
    """Names of the environments that have default hyperparameters, sorted."""
    return sorted({name for name, _ in _registered})
