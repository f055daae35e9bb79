"""Names of settings: nested tables to dotted paths, and what was meant by an unknown one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motrix_core.config.fields import known_fields
from motrix_core.config.text import shown
from motrix_core.errors import Problem, nearest

OPTIONS = "env_options"
_SECTIONS = ("ppo", "train", OPTIONS)

# What other libraries call the same thing.
_ELSEWHERE = {
    "gamma": "ppo.discount_factor",
    "discount": "ppo.discount_factor",
    "gae_lambda": "ppo.lambda_param",
    "lam": "ppo.lambda_param",
    "lambda": "ppo.lambda_param",
    "lr": "ppo.learning_rate",
    "n_steps": "ppo.rollouts",
    "num_steps": "ppo.rollouts",
    "num_steps_per_env": "ppo.rollouts",
    "rollout_length": "ppo.rollouts",
    "n_epochs": "ppo.learning_epochs",
    "epochs": "ppo.learning_epochs",
    "num_learning_epochs": "ppo.learning_epochs",
    "num_mini_batches": "ppo.mini_batches",
    "minibatches": "ppo.mini_batches",
    "batch_size": "ppo.mini_batches",
    "n_envs": "ppo.num_envs",
    "envs": "ppo.num_envs",
    "total_timesteps": "ppo.max_env_steps",
    "timesteps": "ppo.max_env_steps",
    "steps": "ppo.max_env_steps",
    "clip_range": "ppo.ratio_clip",
    "clip_param": "ppo.ratio_clip",
    "clip_eps": "ppo.ratio_clip",
    "clip_range_vf": "ppo.value_clip",
    "ent_coef": "ppo.entropy_loss_scale",
    "entropy_coef": "ppo.entropy_loss_scale",
    "vf_coef": "ppo.value_loss_scale",
    "value_loss_coef": "ppo.value_loss_scale",
    "max_grad_norm": "ppo.grad_norm_clip",
    "desired_kl": "ppo.learning_rate_scheduler_kl_threshold",
    "target_kl": "ppo.kl_threshold",
    "hidden_sizes": "ppo.policy_hidden_layer_sizes",
    "net_arch": "ppo.policy_hidden_layer_sizes",
    "train_backend": "backend",
    "sim_backend": "sim",
}


def canonical(key: str) -> str:
    """The path that `key` stands for: `env.X` is short for `env_options.X`."""
    key = key.strip()
    return f"{OPTIONS}.{key.removeprefix('env.')}" if key.startswith("env.") else key


def is_known(path: str) -> bool:
    """Whether `path` is a field or an environment's option, whatever the option's name."""
    return path in known_fields() or path.startswith(f"{OPTIONS}.")


def flatten(data: Mapping[str, Any]) -> dict[str, Any]:
    """`{"ppo": {"seed": 1}}` as `{"ppo.seed": 1}`. Tables below a field or in an unknown place stay values."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if name in _SECTIONS and isinstance(value, Mapping):
            flat.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            flat[name] = value
    return flat


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The opposite of `flatten`."""
    data: dict[str, Any] = {}
    for path, value in values.items():
        section, _, name = path.partition(".")
        if name:
            data.setdefault(section, {})[name] = value
        else:
            data[section] = value
    return data


def unknown_key(path: str, value: object) -> Problem:
    """The problem that `path` is not a setting, with the nearest one that is."""
    if path in _SECTIONS:
        example = "env.NAME=VALUE" if path == OPTIONS else f"{path}.{_first_name(path)}"
        return Problem(path, shown(value), "is a table of settings, not a setting", f"name one, like {example}")
    near = suggest(path)
    mend = f"did you mean {near}?" if near else "motrix config show --env ENV lists the settings"
    return Problem(shown(path), shown(value), "is not a known setting", mend)


def path_of(name: str) -> str | None:
    """The path of the setting that is called `name`, with or without its section; None if there is none."""
    path = canonical(name)
    return path if is_known(path) else _by_last_part(name)


def _by_last_part(path: str) -> str | None:
    name = path.rpartition(".")[2].strip().replace("-", "_").lower()
    return _names().get(name) or _ELSEWHERE.get(name)


def _names() -> dict[str, str]:
    return {known.rpartition(".")[2]: known for known in known_fields()}


def suggest(path: str) -> str | None:
    """The known path most likely meant: `num_envs` and `train.num_envs` are `ppo.num_envs`, `lr` is known too."""
    found = _by_last_part(path)
    if found is not None:
        return found
    name, by_name = path.rpartition(".")[2].strip().replace("-", "_").lower(), _names()
    near = nearest(name, by_name)
    return by_name[near] if near else nearest(path, known_fields())


def _first_name(section: str) -> str:
    return next(path for path in known_fields() if path.startswith(f"{section}.")).partition(".")[2]
