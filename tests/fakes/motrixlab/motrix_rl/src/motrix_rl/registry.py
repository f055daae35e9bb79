from __future__ import annotations

from typing import Any

_known: dict[tuple[str, str, str], type] = {}


def rlcfg(env_name: str, backend: str | None = None):
    def register(cls: type) -> type:
        for name in ("jax", "torch") if backend is None else (backend,):
            _known[env_name, "skrl", name] = cls
        return cls

    return register


def default_rl_cfg(env_name: str, rllib: str, backend: str) -> Any:
    if (env_name, rllib, backend) not in _known:
        raise ValueError(f"Environment '{env_name}' is not registered.")
    return _known[env_name, rllib, backend]()
