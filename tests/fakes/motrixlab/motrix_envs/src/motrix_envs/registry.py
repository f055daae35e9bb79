from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class EnvMeta:
    env_cfg_cls: type
    env_cls_dict: dict[str, type] = field(default_factory=dict)


_known: dict[str, EnvMeta] = {}


def contains(name: str) -> bool:
    return name in _known


def envcfg(name: str):
    def register(cls: type) -> type:
        _known[name] = EnvMeta(cls)
        return cls

    return register


def env(name: str, sim_backend: str):
    def register(cls: type) -> type:
        _known[name].env_cls_dict[sim_backend] = cls
        return cls

    return register


def list_registered_envs() -> dict[str, dict[str, Any]]:
    return {
        name: {"config_class": meta.env_cfg_cls.__name__, "available_backends": list(meta.env_cls_dict)}
        for name, meta in _known.items()
    }


def make(
    name: str, sim_backend: str | None = None, env_cfg_override: dict[str, Any] | None = None, num_envs: int = 1
) -> Any:
    if name not in _known:
        raise ValueError(f"Environment '{name}' is not registered.")
    cfg = _known[name].env_cfg_cls()
    for key, value in (env_cfg_override or {}).items():
        if not hasattr(cfg, key):
            raise ValueError(f"Config class '{type(cfg).__name__}' has no attribute '{key}'")
        setattr(cfg, key, value)
    cfg.validate()
    return _known[name].env_cls_dict[sim_backend or "np"](cfg, num_envs=num_envs)
